import MartletModel

extension ErrorReport {
  package static func of(_ error: ModelError) -> ErrorReport {
    func faulty(_ evidence: [String]) -> ErrorReport {
      ErrorReport(.badData, "the model does not fit together", evidence)
    }
    switch error {
    case .danglingReference(let layer, let what):
      return faulty(["layer '\(layer)' refers to what is not there: \(what)"])
    case .duplicateName(let name): return faulty(["the name '\(name)' stands twice"])
    case .inputCount(let layer, let expected, let found):
      return faulty(["layer '\(layer)': \(expected) inputs expected, \(found) found"])
    case .inputShape(let layer, let expected, let found):
      return faulty(["layer '\(layer)': expected \(expected), found \(found)"])
    case .parameterShape(let layer, let parameter, let expected, let found):
      return faulty([
        "layer '\(layer)', parameter '\(parameter)': expected \(shapeText(expected)), found "
          + shapeText(found)
      ])
    case .extent(let layer, let what, let found):
      return faulty(["'\(layer)': \(found) is no possible \(what)"])
    case .notRunnable(let layer, let op):
      return ErrorReport(
        .bug, "a layer was left unfolded", ["layer '\(layer)' is still of kind \(op)"])
    case .parameterUnavailable(let name, let reason):
      return ErrorReport(.badData, "cannot read parameter '\(name)'", [reason])
    case .notFinite(let parameter, let index):
      return ErrorReport(
        .badData, "parameter '\(parameter)' holds a number that is not finite",
        ["at element \(index)"],
        hint: "the checkpoint is damaged, or was saved in a type too narrow for its numbers")
    }
  }
}
