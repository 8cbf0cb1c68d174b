import ArgumentParser
import MartletBoardMessages
import MartletBytes
import MartletPack
import MartletVerification

struct Verify: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Check a pack: its bytes, and its accuracy against the checkpoint it came from.",
    discussion: """
      Without --reference the pack is checked by itself: its bytes, and the proof that convert left in it: golden \
      pictures must become the same pixels, token ids, values of every layer, logits and text as at conversion; the \
      first departure is named, with exit code 1. With --reference, pictures run through the float reference \
      and through the pack, and every stage is compared: pixels and token ids first, then encoder output, image \
      tokens, next-token distributions, greedy text, the score on questions with answers, and every layer on the \
      first picture. Limits that are missed end the command with exit code 1. Several packs are held against one \
      run of the reference.

      With --output every picture's result is kept in a file as soon as it is known: a verification that was killed \
      goes on when it is started again. --shard 2/8 does the second of eight parts of the pictures, on any machine; \
      verify --merge FILE FILE …, without pack and --reference, takes the files of all parts and tells exactly what \
      one run would have told. (With --reference, --merge takes a trainer's leftovers, as in other commands.)
      """)

  @Argument(help: "The pack, or several to compare; after --merge, results.")
  var packs: [String] = []

  @Option(help: "The checkpoint to compare with.")
  var reference: String?

  @OptionGroup var parts: SourceParts

  @Option(help: "A folder of pictures; with --merge, where the report finds them.")
  var images: String?

  @Option(
    help:
      "Questions, one JSON object a line: image, question, answer, group (the last two optional).")
  var questions: String?

  @Option(
    name: .shortAndLong,
    help: "Results, written picture by picture; a file that is there already is gone on with.")
  var output: String?

  @Option(help: ArgumentHelp("Do only one of several parts of the pictures.", valueName: "i/n"))
  var shard: Shard?

  @Option(help: "A self-contained HTML file with all numbers, plots and answers.")
  var report: String?

  @Option(help: "Every question with the answers of both, one JSON object a line.")
  var answers: String?

  @Option(help: "Longest answer that is compared, in tokens.")
  var maxTokens: Int = ReferenceRun.longestAnswer

  @Option(help: "Pictures, from the first, that are compared layer by layer.")
  var layerPictures: Int = 1

  @Option(
    help: ArgumentHelp(
      "Restore groups of layers, and so many of the worst by themselves, and measure what it gives.",
      valueName: "n"))
  var whatIf: Int?

  @Option(help: "Pictures, from the first, that --what-if measures on.")
  var whatIfPictures: Int = 8

  @Option(help: "Seed of the confidence intervals.")
  var seed: UInt64 = 0

  @Option(help: "Size of picture to compare at: one of those in the pack; its own by default.")
  var resolution: Int?

  @OptionGroup(title: "Limits") var limitOptions: LimitOptions

  @Option(help: "Instruction set instead of the best: an error where the machine lacks it.")
  var isa: String?

  @OptionGroup var cache: CacheOptions
  @OptionGroup var format: OutputOptions
  @OptionGroup var threads: ThreadOptions
  @OptionGroup var quiet: QuietOption

  var limits: VerificationLimits { limitOptions.limits }

  /// Files to put together: without a reference there is nothing else that `--merge` could mean.
  private var results: [String] {
    reference == nil && !parts.merge.isEmpty ? parts.merge + packs : []
  }

  func validate() throws {
    if maxTokens < 1 { throw ValidationError("--max-tokens must be at least 1") }
    if layerPictures < 0 { throw ValidationError("--layer-pictures must not be negative") }
    if let whatIf, whatIf < 0 { throw ValidationError("--what-if must not be negative") }
    if whatIfPictures < 1 { throw ValidationError("--what-if-pictures must be at least 1") }
    if !results.isEmpty { return try validateMerging() }
    if packs.isEmpty { throw ValidationError("name a pack, or results: --merge FILE …") }
    if reference == nil { return try validateAlone() }
    if images == nil, questions == nil {
      throw ValidationError("--reference needs pictures: --images DIR or --questions FILE.jsonl")
    }
    if output != nil, packs.count > 1 {
      throw ValidationError("--output keeps the results of one pack")
    }
    if shard != nil {
      if output == nil { throw ValidationError("--shard needs a file to write: --output FILE") }
      if limitOptions.areGiven || report != nil || answers != nil || whatIf != nil {
        throw ValidationError(
          "limits, --report, --answers and --what-if are for all pictures, not for a shard")
      }
    }
    if answers != nil, packs.count > 1 {
      throw ValidationError("--answers is for one pack")
    }
  }

  private func validateAlone() throws {
    if packs.count > 1 { throw ValidationError("several packs need --reference CHECKPOINT") }
    if images != nil || questions != nil || output != nil || shard != nil || answers != nil
      || report != nil || whatIf != nil || limitOptions.areGiven || resolution != nil
      || cache.kvCache != nil
    {
      throw ValidationError(
        "--images, --questions, --output, --shard, --answers, --report, --what-if, --resolution, --kv-cache and limits need "
          + "--reference CHECKPOINT")
    }
  }

  private func validateMerging() throws {
    if parts.languageFrom != nil || parts.encoderFrom != nil || questions != nil || output != nil
      || shard != nil || whatIf != nil || resolution != nil || cache.kvCache != nil
    {
      throw ValidationError(
        "--merge of results goes without --questions, --output, --shard, --resolution, --kv-cache and --what-if"
      )
    }
  }

  func run() throws {
    let notes = Notes(isQuiet: quiet.quiet)
    if let report { try checkOutput(report) }
    if let answers { try checkOutput(answers) }
    if !results.isEmpty {
      let merged = try MergedResults(results)
      return try tell([outcome(of: merged.records, merged.subject)]) { name in
        images.map { Directory.path($0, name) }
      }
    }
    let pool = try ThreadPool(threads: threads.count)
    let opened = try packs.map { path in
      let pack = try openPack(path)
      try naming(pack: path) { try pack.verifyTensors(pool: pool) }
      notes.say("every byte of '\(path)' is as it was written")
      return pack
    }
    guard let reference else {
      let check = PackCheck(pack: opened[0], isa: isa, threads: threads.count)
      return try check.run(isJSON: format.json, pool: pool, notes)
    }
    let run = try VerificationRun(
      self, packs: opened, reference: reference, pool: pool, notes: notes)
    let records = try run.records()
    if let shard {
      let whole = "shard \(shard.index) of \(shard.count): \(records[0].count) pictures"
      notes.say("\(whole) in '\(output ?? "")'; merge with: martlet verify --merge FILE …")
      return
    }
    var outcomes = zip(records, run.subjects).map { outcome(of: $0, $1) }
    try blame(&outcomes, run, pool)
    let paths = run.picturePaths
    try tell(outcomes) { paths[$0] }
  }

  /// Names the layers that cost most, and measures what restoring them gives where that is asked for.
  private func blame(
    _ outcomes: inout [VerificationOutcome], _ run: VerificationRun, _ pool: ThreadPool
  ) throws {
    var packs: [(pack: PackedRun, blamed: [BlamedLayer], groups: [Restoration])] = []
    for (index, pack) in run.packed.enumerated() {
      let restorations = Restoration.all(pack.description, plan: pack.plan)
      outcomes[index].blamed = BlamedLayer.all(
        outcomes[index].verification.layers, restorations.layers)
      packs.append((pack, outcomes[index].blamed, restorations.groups))
    }
    guard let whatIf else { return }
    let results = try WhatIfRun(
      run: run, limits: limits, layerCount: whatIf, pictureCount: whatIfPictures,
      isQuiet: quiet.quiet
    ).results(packs, pool: pool)
    for (index, result) in results.enumerated() { outcomes[index].whatIf = result }
  }

  private func outcome(
    of records: [PictureRecord], _ subject: EvaluationSubject
  ) -> VerificationOutcome {
    let found = Verification(records, bootstrap: Bootstrap(seed: seed))
    return VerificationOutcome(
      subject: subject, verification: found, misses: limits.misses(found))
  }

  /// Writes what was asked for; ends with exit code 1 where a limit was missed.
  ///
  /// - Parameter picture: path of a picture by its name.
  private func tell(
    _ outcomes: [VerificationOutcome], picture: @escaping (String) -> String?
  ) throws {
    let result = VerificationReport(outcomes)
    if let report {
      let pictures = ReportPictures(path: picture, specification: outcomes[0].subject.image)
      try AtomicFile.write(ReportPage(result, pictures: pictures).html, to: report)
    }
    if let answers { try AtomicFile.write(outcomes[0].answerLines, to: answers) }
    format.json ? result.json.print() : printOrExit(result.text + "\n")
    if !result.passed { throw ExitCode(ErrorReport.Code.missedLimit.rawValue) }
  }
}
