import Foundation
import MartletBoardMessages
import MartletBytes
import MartletCalibration
import MartletCheckpoints
import MartletConversion
import MartletModel
import MartletPack
import MartletQuantization
import MartletReference
import MartletRuntime
import MartletText
import MartletVerification

/// Runs a checkpoint at every resolution and scheme over the same pictures.
final class TuningRun {
  /// Points and what was left out of each, with the reason.
  struct Skipped {
    var point: TuningPoint
    var reason: String
  }

  let cases: VerificationCases
  let subject: TuningSubject
  let checkpoint: Checkpoint
  /// At the side that the checkpoint states.
  let own: LoadedSource
  private(set) var skipped: [Skipped] = []
  private let command: Tune
  private let pool: ThreadPool
  private let notes: Notes
  private let options: RunOptions

  init(_ command: Tune, notes: Notes) throws {
    self.command = command
    self.notes = notes
    cases = try VerificationCases(images: command.images, questions: command.questions)
    checkpoint = try Checkpoint.open(command.source)
    own = try LoadedSource(checkpoint)
    let description = own.source.description
    if description.tokenizer == nil || description.prompt == nil {
      throw CommandError(
        .badData, "'\(command.source)' cannot answer questions",
        ["it holds an image encoder only"])
    }
    pool = try ThreadPool(threads: command.threads.count)
    options = RunOptions(
      instructionSet: try command.isa.map { try InstructionSet(named: $0) } ?? .best,
      threads: command.threads.count)
    var hash = SHA256()
    for file in try own.contentHashes() {
      hash.update(Array(file.name.utf8) + [0])
      hash.update(file.sha256)
    }
    subject = TuningSubject(
      tool: MartletVersion.text, source: command.source, sourceDigest: hash.digest(), cases: cases,
      longestAnswer: command.maxTokens,
      calibration: command.calibration ?? "",
      instructionSet: options.instructionSet.name, threads: options.threads,
      machine: Machine.current().model)
  }

  /// The sides asked for, or some around the checkpoint's own, each a multiple of the encoder's stride.
  func resolutions() throws -> [Int] {
    let stride = own.source.description.network(.vision)?.totalStride ?? 1
    if let sides = command.resolutions?.sides {
      for side in sides where side < stride || side % stride != 0 || side > 4096 {
        throw CommandError(
          .usage, "--resolutions: \(side) does not fit the encoder",
          ["expected: multiples of \(stride), at most 4096"])
      }
      return sides
    }
    let side = own.checkpointResolution
    let shares = [(1, 4), (3, 8), (1, 2), (3, 4), (1, 1), (5, 4)]
    let sides = shares.map { max(stride, side * $0.0 / $0.1 / stride * stride) }
    return Array(Set(sides)).sorted()
  }

  /// Runs what is not known yet; the records of all points.
  func records() throws -> [TuningRecord] {
    let journal = try command.output.map { try TuningJournal(path: $0, subject: subject) }
    var records = journal?.records ?? []
    if let journal, journal.droppedBytes > 0 {
      notes.say("'\(command.output ?? "")' broke off in a line, which is left out")
    }
    var known: [TuningPoint: Set<Int>] = [:]
    for record in records { known[record.point, default: []].insert(record.picture) }
    if !records.isEmpty { notes.say("\(records.count) runs of pictures are known already") }
    let sides = try resolutions()
    let needsReference = Tuning.judge(of: cases) == .reference
    let points = sides.flatMap { side in
      command.schemes.map { TuningPoint(resolution: side, scheme: $0.text) }
    }
    let meter = Meter(
      sides: sides, schemes: command.schemes.count, pictures: cases.pictures.count, known: known,
      points: points, quiet: command.quiet.quiet)
    defer { meter.progress.close() }
    func add(_ record: TuningRecord) throws {
      records.append(record)
      try journal?.append(record)
    }
    if needsReference {
      notes.say(
        "not every question brings its answer: accuracy is agreement with the float reference at "
          + "\(own.checkpointResolution)²")
      try runReference(known, add)
    }
    for side in sides {
      for scheme in command.schemes {
        let point = TuningPoint(resolution: side, scheme: scheme.text)
        let done = known[point] ?? []
        if done.count == cases.pictures.count { continue }
        try run(point, scheme, done: done, meter, records.filter { $0.point == point }, add)
      }
    }
    try journal?.finish()
    return records
  }

  // MARK: One point

  private func run(
    _ point: TuningPoint, _ scheme: TuningScheme, done: Set<Int>, _ meter: Meter,
    _ earlier: [TuningRecord], _ add: (TuningRecord) throws -> Void
  ) throws {
    let runner: TuningRunner
    do {
      runner = try TuningRunner(
        TemporaryPack(
          own.at(point.resolution), scheme: scheme,
          calibration: CalibrationSource(pictures: command.calibration), threads: options.threads,
          pool: pool, notes),
        options: options, longestAnswer: command.maxTokens, pool: pool)
    } catch let error as TuningRunner.TooLong {
      skip(point, "a prompt of \(error.tokens) tokens does not fit the model's \(error.most)")
      meter.leave(point)
      return
    }
    var times = earlier.flatMap(\.firstTokens)
    for (place, picture) in cases.pictures.enumerated() where !done.contains(place) {
      if let budget = command.budgetMs, times.count >= 3,
        times.sorted()[times.count / 2] > command.giveUp * budget
      {
        skip(
          point,
          "first token after \(Int(times.sorted()[times.count / 2])) ms, more than \(Progress.number(command.giveUp)) "
            + "times the budget: \(place) of \(cases.pictures.count) pictures were run")
        meter.leave(point)
        return
      }
      let record = try runner.record(
        point, of: picture, place: place, pixels: try decodedPicture(picture.path))
      times += record.firstTokens
      try add(record)
      meter.ran(point)
    }
  }

  private func skip(_ point: TuningPoint, _ reason: String) {
    skipped.append(Skipped(point: point, reason: reason))
    notes.warn("\(point.resolution)² \(point.scheme) is left out: \(reason)")
  }

  /// The reference's answers at the checkpoint's own side.
  private func runReference(
    _ known: [TuningPoint: Set<Int>], _ add: (TuningRecord) throws -> Void
  ) throws {
    let point = TuningPoint(
      resolution: own.checkpointResolution, scheme: TuningPoint.reference)
    let done = known[point] ?? []
    if done.count == cases.pictures.count { return }
    let model = try ReferenceModel(
      description: own.folded.description, parameters: own.folded.parameters,
      options: ReferenceOptions(threads: options.threads))
    let reference = try ReferenceRun(model, longestAnswer: command.maxTokens)
    let progress = Progress("reference", unit: "pictures", quiet: command.quiet.quiet)
    defer { progress.close() }
    for (place, picture) in cases.pictures.enumerated() where !done.contains(place) {
      let seen = try reference.picture(try decodedPicture(picture.path), name: picture.name)
      var answers: [String] = []
      var times: [Double] = []
      for question in picture.questions {
        guard let answer = try reference.answer(question.text, about: seen) else { continue }
        answers.append(answer.text)
        times.append(seen.times.encode + seen.times.project + answer.times.prefill)
      }
      try add(
        TuningRecord(
          point: point, packBytes: 0, picture: place, answers: answers,
          encode: seen.times.encode + seen.times.project, firstTokens: times))
      progress.update(Double(place + 1), of: Double(cases.pictures.count))
    }
  }
}

/// How far all points together are: a picture counts by its pixels, since time grows with them.
private final class Meter {
  let progress: Progress
  private var left: [TuningPoint: Int] = [:]
  private var done = 0.0
  private var total = 0.0

  init(
    sides: [Int], schemes: Int, pictures: Int, known: [TuningPoint: Set<Int>],
    points: [TuningPoint], quiet: Bool
  ) {
    progress = Progress("tuning", unit: "Mpixels", quiet: quiet)
    for point in points {
      let count = pictures - (known[point]?.count ?? 0)
      left[point] = count
      total += Double(count) * Self.weight(point)
    }
  }

  private static func weight(_ point: TuningPoint) -> Double {
    Double(point.resolution * point.resolution) / 1e6
  }

  func ran(_ point: TuningPoint) {
    left[point, default: 1] -= 1
    done += Self.weight(point)
    progress.update(done, of: total, detail: "\(point.resolution)² \(point.scheme)")
  }

  /// What is left of a point is not run.
  func leave(_ point: TuningPoint) {
    total -= Double(left[point] ?? 0) * Self.weight(point)
    left[point] = 0
  }
}
