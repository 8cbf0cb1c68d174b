import ArgumentParser

/// Options that say where calibration comes from.
struct CalibrationOptions: ParsableArguments {
  @Option(help: "A folder of pictures, or a table written by martlet calibrate.")
  var calibration: String?

  @Option(help: "Questions to calibrate with, one JSON object a line.")
  var questions: String?

  @Flag(help: "Go on without pictures that cannot be read; they are named and counted.")
  var skipUnreadable = false
}
