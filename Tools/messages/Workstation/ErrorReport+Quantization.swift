import MartletBoardMessages
import MartletQuantization

extension ErrorReport {
  package static func of(_ error: QuantizationError) -> ErrorReport {
    switch error {
    case .missingStatistic(let value, let statistic):
      return ErrorReport(
        .usage, "the scheme needs calibration", ["the \(statistic) of '\(value)' is not known"],
        hint: "give a folder of pictures: --calibration DIR")
    case .statisticWidth(let value, let expected, let found):
      return ErrorReport(
        .badData, "the calibration table does not fit the model",
        ["'\(value)': \(expected) channels expected, \(found) found"],
        hint: "calibrate this model again")
    case .unmatchedPattern(let pattern, let nearest):
      return ErrorReport(
        .usage, "a pattern matches no layer", ["--keep '\(pattern)'"], hint: meant(nearest))
    case .otherPreparation(let name): return otherPreparation(name)
    case .model(let error): return of(error)
    }
  }

  /// A pack whose preparation does not fit the checkpoint.
  static func otherPreparation(_ name: String) -> ErrorReport {
    ErrorReport(
      .badData, "pack and checkpoint cannot be compared",
      [
        "'\(name)': the pack says it was prepared there, the checkpoint has no such layer of this shape"
      ],
      hint: "the pack may come from another checkpoint")
  }
}
