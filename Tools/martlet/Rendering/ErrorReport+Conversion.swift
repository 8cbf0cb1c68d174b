import MartletConversion
import MartletModel

extension ErrorReport {
  static func of(_ error: ConversionError) -> ErrorReport {
    switch error {
    case .model(let error): return of(error)
    case .checkpoint(let error): return of(error)
    case .unknownArchitecture(let type, let architectures, let supported, let nearest):
      return ErrorReport(
        .badData, "the checkpoint is of no known architecture",
        [
          "found: model_type \(type.map { "'\($0)'" } ?? "not stated"), architectures "
            + (architectures.isEmpty ? "not stated" : architectures.joined(separator: ", ")),
          "supported: \(supported.joined(separator: ", "))",
        ], hint: nearest.map { "did you mean '\($0)'?" })
    case .unsupportedLayout(let layout, let evidence, let supported):
      return ErrorReport(
        .badData, "checkpoints in \(layout) layout are not read",
        ["recognized by '\(evidence)'", "supported: \(supported.joined(separator: ", "))"])
    case .missingTensor(let name, let shape, let nearest):
      return ErrorReport(
        .badData, "the checkpoint lacks tensor '\(name)'",
        shape.map { ["expected: shape \(shapeText($0))"] } ?? [],
        hint: nearest.map { "did you mean '\($0)'?" })
    case .tensorShape(let name, let expected, let found):
      return ErrorReport(
        .badData, "tensor '\(name)' has the wrong shape",
        ["expected: \(expected)", "found: \(shapeText(found))"])
    case .tensorType(let name, let found):
      return ErrorReport(
        .badData, "tensor '\(name)' has the wrong type", ["expected: floats", "found: \(found)"])
    case .unknownTensors(let count, let names):
      return ErrorReport(
        .badData, "\(count) tensors belong to no part of the model",
        names.map { "'\($0)'" } + (count > names.count ? ["and \(count - names.count) more"] : []))
    case .ambiguousForm(let fused, let trainTime):
      return ErrorReport(
        .badData, "a unit is stored fused and in train-time form at once",
        ["fused: '\(fused)'", "train-time: '\(trainTime)'"])
    case .configurationFileMissing, .configurationMissing, .configurationValue,
      .configurationMismatch, .widthMismatch:
      return configuration(error)
    case .tokenizer(let error): return of(error)
    case .tokenizerMissing(let directory, let tried):
      return ErrorReport(
        .inputMissing, "the checkpoint has no tokenizer",
        ["looked in '\(directory)' for: \(tried.joined(separator: ", "))"])
    case .tokenMissing(let content):
      return ErrorReport(
        .badData, "the tokenizer has no token '\(content)', which the prompt needs")
    case .tokenizerSize(let size, let rows):
      return ErrorReport(
        .badData, "the tokenizer does not fit the model",
        ["it has \(size) tokens, the embedding \(rows) rows"])
    case .batchNormStatistic(let layer, let parameter, let channel, let found):
      return ErrorReport(
        .badData, "a batch norm has an impossible statistic",
        ["layer '\(layer)', \(parameter), channel \(channel): found \(found)"])
    }
  }

  private static func configuration(_ error: ConversionError) -> ErrorReport {
    switch error {
    case .configurationFileMissing(let directory, let file):
      return ErrorReport(.inputMissing, "there is no '\(file)' in '\(directory)'")
    case .configurationMissing(let file, let key):
      return ErrorReport(.badData, "'\(file)' does not state '\(key)'")
    case .configurationValue(let file, let key, let expected, let found):
      return ErrorReport(
        .badData, "'\(file)' cannot be used",
        ["'\(key)': expected \(expected), found \(found)"])
    case .configurationMismatch(let key, let stated, let tensor, let found):
      return ErrorReport(
        .badData, "the configuration contradicts the tensors",
        ["'\(key)' states \(stated)", "tensor '\(tensor)' gives \(found)"])
    case .widthMismatch(let from, let width, let to, let expected):
      return ErrorReport(
        .badData, "the parts of the model do not fit each other",
        ["\(from) gives \(width) channels, \(to) takes \(expected)"])
    default: preconditionFailure("only configuration faults come here")
    }
  }

  static func of(_ error: ModelError) -> ErrorReport {
    switch error {
    case .danglingReference(let layer, let what):
      return ErrorReport(.badData, "layer '\(layer)' refers to what is not there", [what])
    case .duplicateName(let name):
      return ErrorReport(.badData, "the name '\(name)' stands twice in the model")
    case .inputCount(let layer, let expected, let found):
      return ErrorReport(
        .badData, "layer '\(layer)' has the wrong number of inputs",
        ["expected: \(expected)", "found: \(found)"])
    case .inputShape(let layer, let expected, let found):
      return ErrorReport(
        .badData, "layer '\(layer)' does not fit its input",
        ["expected: \(expected)", "found: \(found)"])
    case .parameterShape(let layer, let parameter, let expected, let found):
      return ErrorReport(
        .badData, "parameter '\(parameter)' does not fit layer '\(layer)'",
        ["expected: \(shapeText(expected))", "found: \(shapeText(found))"])
    case .extent(let layer, let what, let found):
      return ErrorReport(.badData, "'\(layer)' has an impossible \(what)", ["found: \(found)"])
    case .notRunnable(let layer, let op):
      return ErrorReport(.bug, "layer '\(layer)' was not folded", ["op: \(op)"])
    case .parameterUnavailable(let name, let reason):
      return ErrorReport(.badData, "parameter '\(name)' cannot be read", [reason])
    case .notFinite(let parameter, let index):
      return ErrorReport(
        .badData, "parameter '\(parameter)' holds a number that is not finite",
        ["at element \(index)"],
        hint: "the checkpoint is damaged or was written in float16 beyond its range")
    }
  }
}
