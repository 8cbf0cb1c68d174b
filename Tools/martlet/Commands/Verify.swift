import ArgumentParser
import Foundation
import MartletBoardMessages
import MartletBytes
import MartletCalibration
import MartletCheckpoints
import MartletImages
import MartletModel
import MartletPack
import MartletReference
import MartletRuntime
import MartletVerification

struct Verify: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Check a pack: its bytes, and its accuracy against the checkpoint it came from.",
    discussion: """
      Without --reference only the pack's own bytes are checked. With it, pictures run through the float reference \
      and through the pack, and every stage is compared: pixels and token ids first, then encoder output, image \
      tokens, next-token distributions, greedy text, the score on questions with answers, and every layer of the \
      encoder on the first picture. Limits that are missed end the command with exit code 1.
      """)

  @Argument(help: "The pack.")
  var pack: String

  @Option(help: "The checkpoint to compare with.")
  var reference: String?

  @OptionGroup var parts: SourceParts

  @Option(help: "A folder of pictures.")
  var images: String?

  @Option(
    help:
      "Questions, one JSON object a line: image, question, answer, group (the last two optional).")
  var questions: String?

  @Option(help: "A self-contained HTML file with all numbers.")
  var report: String?

  @Option(help: "Every question with the answers of both, one JSON object a line.")
  var answers: String?

  @Option(help: "Longest answer that is compared, in tokens.")
  var maxTokens: Int = Verifier.longestAnswer

  @Option(help: "Least cosine of any picture's image tokens.")
  var minCosine: Double?

  @Option(help: "Largest mean divergence of next-token distributions, in nats.")
  var maxKl: Double?

  @Option(help: "Least share of positions with the same likeliest token.")
  var minAgreement: Double?

  @Option(help: "Largest loss of score on the questions, as a share: 0.01 is one point.")
  var maxScoreDrop: Double?

  @Option(help: "Instruction set instead of the best: an error where the machine lacks it.")
  var isa: String?

  @OptionGroup var output: OutputOptions
  @OptionGroup var threads: ThreadOptions
  @OptionGroup var quiet: QuietOption

  func validate() throws {
    if maxTokens < 1 { throw ValidationError("--max-tokens must be at least 1") }
    if answers != nil, reference == nil { throw ValidationError("--answers needs --reference") }
    if reference == nil, images != nil || questions != nil || !limits.isEmpty {
      throw ValidationError("--images, --questions and limits need --reference CHECKPOINT")
    }
    if reference != nil, images == nil, questions == nil {
      throw ValidationError("--reference needs pictures: --images DIR or --questions FILE.jsonl")
    }
  }

  private var limits: VerificationLimits {
    VerificationLimits(
      minimumCosine: minCosine, maximumDivergence: maxKl, minimumAgreement: minAgreement,
      maximumScoreDrop: maxScoreDrop)
  }

  func run() throws {
    let notes = Notes(isQuiet: quiet.quiet)
    if let report { try checkOutput(report) }
    if let answers { try checkOutput(answers) }
    let opened = try openPack(pack)
    let pool = try ThreadPool(threads: threads.count)
    try naming(pack: pack) { try opened.verifyTensors(pool: pool) }
    notes.say("every byte of '\(pack)' is as it was written")
    guard let reference else {
      let report = VerificationReport(nil, pack: opened, misses: [])
      output.json ? report.json.print() : printOrExit(report.text + "\n")
      return
    }
    let found = try compare(opened, with: reference, pool: pool, notes)
    let misses = limits.misses(found)
    let result = VerificationReport(found, pack: opened, misses: misses)
    if let report { try AtomicFile.write(result.html, to: report) }
    if let answers { try AtomicFile.write(result.answerLines, to: answers) }
    output.json ? result.json.print() : printOrExit(result.text + "\n")
    if !misses.isEmpty { throw ExitCode(ErrorReport.Code.missedLimit.rawValue) }
  }

  private func compare(
    _ pack: Pack, with reference: String, pool: ThreadPool, _ notes: Notes
  ) throws -> Verification {
    let source = try LoadedSource(
      try parts.applied(to: Checkpoint.open(reference)), language: try parts.language(),
      resolution: pack.description.image.resolution)
    let stated = source.checkpointResolution
    if stated != pack.description.image.resolution {
      notes.say(
        "the pack was made for \(pack.description.image.resolution)², the checkpoint states "
          + "\(stated)²; both run at the pack's")
    }
    let model = try ReferenceModel(
      description: source.folded.description, parameters: source.folded.parameters,
      options: ReferenceOptions(threads: threads.count))
    let options = RunOptions(
      instructionSet: try isa.map { try InstructionSet(named: $0) } ?? .best,
      threads: threads.count)
    let packed = try naming(pack: pack.path) { try LoadedModel(pack, pool: pool) }
    let verifier = try Verifier(
      reference: model, packed: packed, options: options, pool: pool, layers: true,
      longestAnswer: maxTokens)
    let cases = try VerificationCases(images: images, questions: questions)
    let progress = Progress("comparing", unit: "questions", quiet: quiet.quiet)
    defer { progress.close() }
    for index in 0..<cases.count {
      try verifier.add(try cases.load(index))
      progress.update(Double(index + 1), of: Double(cases.count))
    }
    return verifier.verification
  }
}

extension VerificationLimits {
  fileprivate var isEmpty: Bool { self == VerificationLimits() }
}
