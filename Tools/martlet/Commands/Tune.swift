import ArgumentParser
import MartletBoardMessages
import MartletBytes
import MartletModel
import MartletQuantization
import MartletVerification

struct Tune: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Find the resolution and the scheme that a time budget allows.",
    discussion: """
      Converts the checkpoint at every resolution and scheme, asks each the same questions about the same pictures on \
      this machine, and holds accuracy against the time to the first token. Tells which points are worth having, the \
      most accurate one within --budget-ms and the option of convert that makes it, and warns where a resolution gives \
      nothing over a lower one: a small language model cannot use as many image tokens. Accuracy is the share of known \
      answers; where questions bring none, agreement with the float reference at the checkpoint's own resolution.

      With --output every picture's result is kept: a run that was killed goes on when it is started again. Times are \
      those of this machine: tune on the board, or on one like it.
      """)

  @Argument(help: "Checkpoint: a directory or a file of weights.")
  var source: String

  @Option(help: "A folder of pictures.")
  var images: String?

  @Option(
    help:
      "Questions, one JSON object a line: image, question, answer, group (the last two optional).")
  var questions: String?

  @Option(help: "Longest time to the first token in milliseconds.")
  var budgetMs: Double?

  @Option(
    help: ArgumentHelp(
      "Schemes by commas: presets of convert, with another encoder as PRESET:ENCODER, e.g. int8,int4,int4:int4.",
      valueName: "list"),
    transform: TuningScheme.list)
  var schemes: [TuningScheme] = TuningScheme.standard

  @Option(
    help: ArgumentHelp(
      "Sides in pixels by commas; by default some around the checkpoint's own.", valueName: "list"),
    transform: SideList.init)
  var resolutions: SideList?

  /// Without questions of its own: those given are asked for accuracy.
  @Option(
    help:
      "Calibrate every point with these pictures: a folder or an HDF5 file (.h5). Otherwise biases are not corrected."
  )
  var calibration: String?

  @Option(
    name: .shortAndLong,
    help: "Results, written picture by picture; a file that is there already is gone on with.")
  var output: String?

  @Option(help: "A self-contained HTML file with the curve and all numbers.")
  var report: String?

  @Option(help: "Longest answer, in tokens.")
  var maxTokens: Int = ReferenceRun.longestAnswer

  @Option(
    help:
      "Leave a point when its first pictures take more than so many times the budget.")
  var giveUp: Double = 2

  @Option(help: "Seed of the confidence intervals.")
  var seed: UInt64 = 0

  @Option(help: "Instruction set instead of the best: an error where the machine lacks it.")
  var isa: String?

  @OptionGroup var format: OutputOptions
  @OptionGroup var threads: ThreadOptions
  @OptionGroup var quiet: QuietOption

  func validate() throws {
    if images == nil, questions == nil {
      throw ValidationError("there is nothing to ask: --images DIR or --questions FILE.jsonl")
    }
    if maxTokens < 1 { throw ValidationError("--max-tokens must be at least 1") }
    if let budgetMs, !(budgetMs > 0) { throw ValidationError("--budget-ms must be above 0") }
    if !(giveUp >= 1) { throw ValidationError("--give-up must be at least 1") }
  }

  func run() throws {
    let notes = Notes(isQuiet: quiet.quiet)
    if let report { try checkOutput(report) }
    let run = try TuningRun(self, notes: notes)
    let records = try run.records()
    let result = TuningReport(
      tuning: Tuning(records, cases: run.cases, bootstrap: Bootstrap(seed: seed)), run: run,
      budget: budgetMs)
    for warning in result.warnings { notes.warn(warning) }
    if let report { try AtomicFile.write(TuningPage(result).html, to: report) }
    format.json ? result.json.print() : printOrExit(result.text)
  }
}

/// A preset, perhaps with another precision of the encoder.
struct TuningScheme: Equatable {
  var text: String
  private var preset: Precision
  private var encoder: Precision?
  static let standard = [Precision.int8, .int4].map { TuningScheme($0, encoder: nil) }

  init(_ preset: Precision, encoder: Precision?) {
    self.preset = preset
    self.encoder = encoder
    text = preset.rawValue + (encoder.map { ":" + $0.rawValue } ?? "")
  }

  /// What `convert` makes of the preset and nothing else.
  func scheme(isCalibrated: Bool) throws -> Scheme {
    var options = PrecisionOptions()
    options.scheme = preset
    options.encoder = encoder
    options.language = nil
    options.keep = []
    options.activations = .dynamic
    options.clip = nil
    options.rounding = nil
    options.balance = nil
    options.biasCorrection = nil
    options.splitDiagonals = true
    options.shortSums = false
    return try options.resolved(isCalibrated: isCalibrated)
  }

  /// What `convert` takes for a scheme of this text.
  static func option(_ text: String) -> String {
    let parts = text.split(separator: ":")
    return "--scheme \(parts[0])" + (parts.count > 1 ? " --encoder \(parts[1])" : "")
  }

  @Sendable static func list(_ text: String) throws -> [TuningScheme] {
    var schemes: [TuningScheme] = []
    for word in text.split(separator: ",", omittingEmptySubsequences: false) {
      let parts = word.split(separator: ":", omittingEmptySubsequences: false)
      let known = parts.map { Precision(rawValue: String($0)) }
      guard (1...2).contains(parts.count), let preset = known[0], !known.contains(nil) else {
        throw ValidationError(
          "--schemes takes \(Precision.allValueStrings.joined(separator: ", ")) by commas, each perhaps with :ENCODER, not '\(word)'"
        )
      }
      let scheme = TuningScheme(preset, encoder: known.count > 1 ? known[1] : nil)
      if !schemes.contains(scheme) { schemes.append(scheme) }
    }
    return schemes
  }
}
