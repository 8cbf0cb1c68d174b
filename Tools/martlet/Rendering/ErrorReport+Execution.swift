import MartletModel
import MartletQuantization
import MartletReference
import MartletRuntime
import MartletVerification

extension WeightComponent {
  var text: String {
    switch self {
    case .codes: "codes"
    case .scales: "scales"
    case .offsets: "offsets"
    }
  }
}

extension ErrorReport {
  static func of(_ error: ReferenceError) -> ErrorReport {
    switch error {
    case .model(let error): return of(error)
    case .missingNetwork(let role):
      return ErrorReport(.badData, "the model has no \(role.name) part")
    case .inputCount(let network, let expected, let found):
      return ErrorReport(.bug, "\(network) was given \(found) inputs, it takes \(expected)")
    case .inputShape(let value, let expected, let found):
      return ErrorReport(
        .badData, "'\(value)' has the wrong shape", ["expected: \(expected)", "found: \(found)"])
    case .parameterCount(let name, let expected, let found):
      return ErrorReport(
        .badData, "parameter '\(name)' has \(found) numbers", ["expected: \(expected)"])
    case .tokenOutOfRange(let layer, let id, let rows):
      return ErrorReport(
        .badData, "token id \(id) is not in the table", ["layer '\(layer)' has \(rows) rows"])
    case .imageRowCount(let layer, let places, let rows):
      return ErrorReport(
        .badData, "pictures do not fit the prompt",
        ["layer '\(layer)': \(places) places for \(rows) image rows"])
    case .imageCount(let places, let images):
      return ErrorReport(
        .usage, "pictures do not fit the prompt", ["\(places) places for \(images) pictures"])
    case .cacheMismatch(let layer):
      return ErrorReport(.bug, "a cache of another network reached layer '\(layer)'")
    case .notFinite(let layer, let index):
      return ErrorReport(
        .badData, "layer '\(layer)' computes a number that is not finite", ["at element \(index)"],
        hint: "the weights are damaged, or the picture drives them out of range")
    }
  }

  static func of(_ error: RuntimeError) -> ErrorReport {
    switch error {
    case .pack(let error): return of(error)
    case .resolution(let found, let multiple):
      return ErrorReport(
        .usage, "the encoder does not take \(found) × \(found) pixels",
        ["expected: a positive multiple of \(multiple)"])
    case .pixels(let expected, let height, let width):
      return ErrorReport(
        .bug, "a picture of \(width) × \(height) pixels reached the encoder",
        ["expected: \(expected) × \(expected)"])
    case .unschedulable(let layer, let op):
      return ErrorReport(
        .badData, "the runtime cannot run layer '\(layer)'", ["op: \(op)"])
    case .missingNetwork(let part): return ErrorReport(.badData, "the pack has no \(part) part")
    case .encoding(let layer, let parameter, let found):
      return ErrorReport(
        .badData, "no kernel runs layer '\(layer)'", ["parameter '\(parameter)' is \(found)"])
    case .contextLength(let limit, let needed):
      return ErrorReport(
        .usage, "the conversation is too long", ["\(needed) positions, room for \(limit)"])
    case .imageCount(let expected, let found):
      return ErrorReport(
        .badData, "pictures do not fit the prompt", ["\(expected) places for \(found) image rows"])
    case .tokenID(let found, let vocabulary):
      return ErrorReport(.badData, "token id \(found) is not below \(vocabulary)")
    case .instructionSet(let requested, let available):
      return ErrorReport(
        .usage, "this machine cannot run '\(requested)'", ["available: \(available)"])
    case .outOfMemory(let bytes):
      return ErrorReport(.inputOutput, "no memory", ["\(bytes) bytes were refused"])
    }
  }

  static func of(_ error: QuantizationError) -> ErrorReport {
    switch error {
    case .model(let error): return of(error)
    case .missingStatistic(let value, let statistic):
      return ErrorReport(
        .usage, "the scheme needs calibration", ["no \(statistic) of '\(value)'"],
        hint: "give --calibration PICTURES")
    case .statisticWidth(let value, let expected, let found):
      return ErrorReport(
        .badData, "the calibration table does not fit the model",
        ["'\(value)': expected \(expected) channels, found \(found)"])
    case .unmatchedPattern(let pattern, let nearest):
      return ErrorReport(
        .usage, "--keep '\(pattern)' names no layer", hint: nearest.map { "did you mean '\($0)'?" })
    }
  }

  static func of(_ error: VerificationError) -> ErrorReport {
    switch error {
    case .reference(let error): return of(error)
    case .runtime(let error): return of(error)
    case .text(let error): return of(error)
    case .image(let error): return of(error)
    case .mismatch(let what, let reference, let packed):
      return ErrorReport(
        .badData, "pack and checkpoint cannot be compared",
        ["\(what): \(reference) in the checkpoint, \(packed) in the pack"])
    case .noPictures: return ErrorReport(.inputMissing, "there are no pictures to compare on")
    }
  }
}
