import MartletBoardMessages
import MartletModel
import MartletReference

extension ErrorReport {
  package static func of(_ error: ReferenceError) -> ErrorReport {
    switch error {
    case .model(let error): return of(error)
    case .missingNetwork(let role):
      return ErrorReport(.badData, "the model cannot answer this", ["it has no \(role.name) part"])
    case .inputCount(let network, let expected, let found):
      return ErrorReport(
        .bug, "a network was started with the wrong inputs",
        ["'\(network)': \(expected) expected, \(found) found"])
    case .inputShape(let value, let expected, let found):
      return ErrorReport(
        .badData, "'\(value)' has the wrong shape", ["expected: \(expected)", "found: \(found)"])
    case .parameterCount(let name, let expected, let found):
      return ErrorReport(
        .badData, "cannot read parameter '\(name)'",
        ["\(expected) numbers expected, \(found) found"]
      )
    case .tokenOutOfRange(let layer, let id, let rows):
      return ErrorReport(
        .badData, "the tokenizer does not fit the model",
        ["layer '\(layer)', token id \(id): expected 0 to \(rows - 1)"])
    case .imageRowCount(let layer, let places, let rows):
      return ErrorReport(
        .badData, "the prompt does not fit its pictures",
        ["layer '\(layer)': places for \(places) image rows, \(rows) were made"])
    case .imageCount(let places, let images):
      return ErrorReport(
        .usage, "the prompt does not fit its pictures",
        ["it has places for \(places) pictures, \(images) were given"])
    case .cacheMismatch(let layer):
      return ErrorReport(.bug, "a cache of another network was used", ["at layer '\(layer)'"])
    case .notFinite(let layer, let index):
      return ErrorReport(
        .badData, "layer '\(layer)' computes a number that is not finite", ["at element \(index)"],
        hint: "the weights are damaged, or the picture drives them out of range")
    }
  }
}
