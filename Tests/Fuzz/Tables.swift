import CFuzzGuard
import MartletCalibration

/// Calibration tables and the questions beside pictures.
enum Tables {
  private static let file = InputFile()

  static func read(table input: [UInt8]) {
    guard let table = try? CalibrationTable(decoding: input, source: "") else { return }
    if table.encoded != input { martlet_fuzz_fail("a table that is written otherwise") }
    for request in table.requests {
      if case .histogram(let histogram)? = table.entries[request] {
        keep(histogram.percentile(0.5))
      }
    }
  }

  static func read(questions input: [UInt8]) {
    file.fill(input)
    guard let file = try? QuestionFile(path: file.path) else { return }
    _ = try? file.matched(to: [])
  }
}
