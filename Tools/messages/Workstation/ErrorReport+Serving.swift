import MartletBoardMessages
import MartletServing

extension ErrorReport {
  package static func of(_ error: ServingError) -> ErrorReport {
    switch error {
    case .body(let error): return of(error).inside("the request is not JSON")
    case .value(let field, let expected, let found):
      return ErrorReport(
        .badData, "wrong value for \(field)", ["expected: \(expected); found: \(found)"])
    case .missing(let field): return ErrorReport(.badData, "\(field) is missing")
    case .unknownField(let field, let nearest):
      return ErrorReport(
        .badData, "unknown field \(field)", hint: nearest.map { "did you mean '\($0)'?" })
    case .unsupported(let field, let found, let expected):
      return ErrorReport(
        .badData, "\(field) is not supported", ["expected: \(expected) or nothing; found: \(found)"]
      )
    case .model(let asked, let served):
      return ErrorReport(.badData, "no such model", ["asked: \(asked); served: \(served)"])
    case .pictureAddress(let field, let found):
      return ErrorReport(
        .badData, "cannot fetch the picture of \(field)",
        ["expected: data:image/…;base64,… or file://…; found: \(found)"])
    case .base64(let field):
      return ErrorReport(.badData, "the picture of \(field) is not base64")
    case .fileNotAllowed(let field):
      return ErrorReport(
        .badData, "the picture of \(field) cannot be read",
        ["expected: a file inside the folder that the server allows"])
    case .pictureTooLarge(let field, let bytes, let limit):
      return ErrorReport(
        .badData, "the picture of \(field) is too large",
        ["expected: at most \(limit) bytes; found: \(bytes)"])
    case .tooManyPictures(let found, let limit):
      return ErrorReport(
        .badData, "too many pictures", ["expected: at most \(limit); found: \(found)"])
    case .conversation(let field, let expected, let found):
      return ErrorReport(
        .badData, "the model cannot take this conversation",
        ["\(field): expected \(expected); found \(found)"])
    }
  }
}
