import ArgumentParser
import MartletBytes
import MartletCalibration
import MartletCheckpoints
import MartletModel
import MartletQuantization

struct Doctor: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Find what in a checkpoint's numbers would break quantization.",
    discussion: """
      Reads every number as stored and as folded: tiny or negative variances, numbers that are not finite or beyond 16-bit floats, \
      outputs that never change, weights that stand out of their row, key biases out of line. With a calibration table, also what \
      the values of the model did on its pictures. Each finding says what Martlet does about it; exit code 65 where \
      the model cannot be converted.
      """)

  @Argument(help: "Checkpoint: a directory or a file of weights.")
  var source: String

  @OptionGroup var parts: SourceParts

  @Option(help: "A table written by martlet calibrate (.mcal).")
  var calibration: String?

  @OptionGroup var output: OutputOptions
  @OptionGroup var quiet: QuietOption

  func run() throws {
    let loaded = try LoadedSource(
      try parts.applied(to: Checkpoint.open(source)), language: try parts.language())
    let table = try calibration.map { path in
      let table = try CalibrationTable.read(path: path)
      try table.validate(for: loaded.folded.description)
      return table
    }
    let progress = Progress("looking", unit: "parameters", quiet: quiet.quiet)
    let hazards = try HazardScan.hazards(
      of: loaded.source, folded: loaded.folded, table: table
    ) { done, total in
      progress.update(Double(done), of: Double(total))
    }
    progress.close()
    let report = HazardReport(hazards, isCalibrated: table != nil)
    output.json ? report.json.print() : printOrExit(report.text)
    if hazards.contains(where: { $0.severity == .refused }) { throw ExitCode(65) }
  }
}
