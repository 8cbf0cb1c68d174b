import ArgumentParser
import MartletBoardMessages
import MartletBytes
import MartletCalibration
import MartletCheckpoints
import MartletModel
import MartletQuantization

struct Calibrate: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Collect the statistics of a model's values over pictures, to quantize with later.",
    discussion: """
      Runs every picture with its question and the model's own answer through the float reference once. The table quantizes again without \
      pictures: martlet convert SOURCE -o OUT --calibration TABLE.mcal. A run that was killed goes on where it was when it \
      is started again with the same inputs; until then TABLE.mcal.calibrating and TABLE.mcal.calibrating.rows hold what it found.
      """)

  @Argument(help: "Checkpoint: a directory or a file of weights.")
  var source: String

  @Option(help: "A folder of pictures, or an HDF5 file with a data set 'images' (.h5).")
  var images: String

  @Option(name: .shortAndLong, help: "The table to write, by custom NAME.mcal.")
  var output: String

  @OptionGroup var parts: SourceParts
  @OptionGroup var pictures: PictureOptions

  @Option(help: "Side of the network's input in pixels; the checkpoint's own by default.")
  var resolution: Int?

  @Option(help: "How pictures are fitted: pad or crop; the checkpoint's own by default.")
  var imageFit: ImageSpecification.Fit?

  @Option(
    help:
      "Bound on memory, e.g. 1500M: kept, or refused at once; weights beyond it are read for every picture, and fewer rows sampled."
  )
  var maxMemory: ByteSize?

  @Option(help: "Recorded in the table.")
  var seed: UInt64 = 0

  @OptionGroup var threads: ThreadOptions
  @OptionGroup var quiet: QuietOption

  func run() throws {
    let notes = Notes(isQuiet: quiet.quiet)
    try checkOutput(output)
    let loaded = try LoadedSource(
      try parts.applied(to: Checkpoint.open(source)), language: try parts.language(),
      resolution: resolution,
      fit: imageFit)
    loaded.describe(notes)
    // All that any scheme asks for, so that one table serves them all.
    var scheme = Scheme.preset(.int8)
    scheme.activations = .calibrated
    scheme.rounding = .gptq
    let table = try pictures.table(
      of: images, for: loaded, requests: scheme.statisticRequests(for: loaded.folded.description),
      limits: CalibrationLimits(
        threads: threads.count, maximumMemory: maxMemory, seed: seed,
        journal: CalibrationLimits.journal(beside: output)),
      notes)
    try table.write(to: output)
    Calibrator.removeJournal(CalibrationLimits.journal(beside: output))
    notes.say(
      "wrote '\(output)': \(table.requests.count) statistics of \(table.provenance.images.count) pictures, "
        + "\(table.provenance.questionCount) questions and \(table.provenance.answerTokenCount) tokens of answers; "
        + "peak memory \(Progress.number(Double(Machine.peakResidentBytes) / 1e6)) MB"
    )
  }
}

/// How pictures are taken, for every command that calibrates.
struct PictureOptions: ParsableArguments {
  @Option(
    help:
      "Questions to calibrate with, one JSON object a line; otherwise one question about every picture."
  )
  var questions: String?

  @Option(
    help: ArgumentHelp(
      "Most tokens of the model's own answer that run behind each question, so that calibration sees answers too; 0 for none.",
      valueName: "n"))
  var answerTokens: Int = CalibrationOptions.defaultAnswerTokens

  @Flag(help: "Go on without pictures that cannot be read; they are named and counted.")
  var skipUnreadable = false

  func validate() throws {
    if answerTokens < 0 { throw ValidationError("--answer-tokens must be at least 0") }
  }

  static func isHDF5(_ path: String) -> Bool { path.hasSuffix(".h5") || path.hasSuffix(".hdf5") }

  /// Runs the pictures of a folder or of an HDF5 file.
  func table(
    of folder: String, for source: LoadedSource, requests: [StatisticRequest],
    limits: CalibrationLimits, _ notes: Notes
  ) throws -> CalibrationTable {
    let shares = try limits.shares(for: source.folded)
    let found: [CalibrationPicture]
    if Self.isHDF5(folder) {
      found = try HDF5Pictures(path: folder).pictures
    } else {
      let contents = try CalibrationFolder(path: folder)
      for name in contents.ignored { notes.say("no picture: '\(name)'") }
      found = contents.pictures
    }
    var options = CalibrationOptions()
    options.threads = limits.threads
    options.weightByteLimit = shares.weightBytes
    options.rowByteLimit = shares.rowBytes
    options.answerTokens = answerTokens
    options.journal = limits.journal
    options.unreadable = skipUnreadable ? .skipped : .refused
    options.tool = MartletVersion.text
    options.seed = limits.seed
    options.sources = try source.contentHashes().map {
      CalibrationProvenance.File(name: $0.name, digest: $0.sha256)
    }
    let progress = Progress("calibrating", unit: "pictures", quiet: notes.isQuiet)
    defer { progress.close() }
    let outcome = try Calibrator(model: source.folded, requests: requests, options: options)
      .outcome(
        pictures: found, questions: try questions.map { try QuestionFile(path: $0) },
        progress: { state in progress.update(Double(state.done), of: Double(state.total)) },
        notice: { notice in
          if case .continued(let done, _) = notice { progress.go(onFrom: Double(done)) }
          notice.tell(notes)
        })
    for skipped in outcome.skipped {
      notes.warn(
        "picture '\(skipped.name)' was skipped: \(skipped.reason.text)")
    }
    if !outcome.skipped.isEmpty {
      notes.warn("\(outcome.skipped.count) of \(found.count) pictures were skipped")
    }
    return outcome.table
  }
}

extension CalibrationNotice {
  fileprivate func tell(_ notes: Notes) {
    switch self {
    case .continued(let pictures, let total):
      notes.say("an earlier run was killed: going on after \(pictures) of \(total) pictures")
    case .begunAnew(let changed):
      notes.say("an earlier run was killed, but \(changed) changed since: beginning anew")
    case .journalInUse(let path):
      notes.warn(
        "another process calibrates with '\(path)': this one could not go on where it was killed")
    }
  }
}

/// What calibration may take.
struct CalibrationLimits {
  var threads: Int
  var maximumMemory: ByteSize?
  var seed: UInt64
  /// Where findings are kept for a run that is killed.
  var journal: String?
  /// What comes after calibration needs beside its samples.
  var needAfterwards = 0

  static func journal(beside output: String) -> String { output + ".calibrating" }

  /// Shares the memory out; without a bound 0.5B is held whole at 1024².
  /// - Throws: where the bound is too low.
  func shares(for model: FoldedModel) throws -> (weightBytes: Int, rowBytes: Int) {
    let most = CalibrationOptions().rowByteLimit
    guard let maximumMemory else { return (10 << 28, most) }
    let need = try MemoryNeed.calibration(of: model)
    try MemoryNeed.check(
      maximumMemory, max(need, needAfterwards) + MemoryNeed.fewestRowBytes, for: "calibrating")
    let spare = maximumMemory.bytes - need
    let rowBytes = min(most, spare / 2, maximumMemory.bytes - needAfterwards)
    return (spare - rowBytes, rowBytes)
  }
}

/// Where convert takes its calibration from.
struct CalibrationSource: ParsableArguments {
  @Option(
    help:
      "A folder of pictures, an HDF5 file with a data set 'images' (.h5), or a table written by martlet calibrate (.mcal)."
  )
  var calibration: String?

  @OptionGroup var pictures: PictureOptions

  init() {}

  /// Calibration with nothing but pictures, for commands with other options of their own.
  init(pictures path: String?) {
    calibration = path
    pictures = PictureOptions()
    pictures.questions = nil
    pictures.answerTokens = CalibrationOptions.defaultAnswerTokens
    pictures.skipUnreadable = false
  }

  /// - Returns: `nil` where no calibration was given.
  func table(
    for source: LoadedSource, scheme: Scheme, limits: CalibrationLimits, _ notes: Notes
  ) throws -> CalibrationTable? {
    guard let calibration else { return nil }
    let requests = scheme.statisticRequests(for: source.folded.description)
    if case .file = try PathKind(of: calibration), !PictureOptions.isHDF5(calibration) {
      let table = try CalibrationTable.read(path: calibration)
      try table.validate(for: source.folded.description)
      try table.require(requests)
      try MemoryNeed.check(
        limits.maximumMemory, limits.needAfterwards + table.sampleBytes,
        for: "keeping the rows of '\(calibration)' and converting")
      let sources = try source.contentHashes().map(\.sha256)
      if table.provenance.sources.map(\.digest) != sources {
        notes.warn("'\(calibration)' was made from another checkpoint")
      }
      return table
    }
    if requests.isEmpty {
      notes.say("the scheme needs no calibration; the pictures are not looked at")
      return nil
    }
    return try pictures.table(
      of: calibration, for: source, requests: requests, limits: limits, notes)
  }
}
