import MartletBoardMessages
import MartletExport

extension ErrorReport {
  package static func of(_ error: ExportError) -> ErrorReport {
    switch error {
    case .partMissing(let part, let format):
      return ErrorReport(
        .badData, "there is nothing to export as \(format)", ["expected: a \(part); found: none"])
    case .form(let layer, let expected, let found):
      return ErrorReport(
        .badData, "the model is not of a form that the format can say",
        ["layer '\(layer)': expected \(expected), found \(found)"])
    case .occupied(let path):
      return ErrorReport(
        .usage, "cannot write '\(path)'", ["expected: no such folder, or an empty one"])
    case .model(let error): return of(error)
    case .checkpoint(let error): return of(error)
    case .pack(let error): return of(error)
    }
  }
}
