import MartletBoardMessages
import MartletBytes
import MartletServing
import NIOHTTP1

/// A response that is known as a whole.
struct HTTPAnswer {
  var status: HTTPResponseStatus
  var contentType: String
  var body: [UInt8]
  var headers: [(String, String)] = []

  static func json(_ status: HTTPResponseStatus, _ value: JSONValue) -> HTTPAnswer {
    HTTPAnswer(
      status: status, contentType: "application/json",
      body: value.utf8() + [UInt8(ascii: "\n")])
  }

  static func text(_ text: String, type: String) -> HTTPAnswer {
    HTTPAnswer(status: .ok, contentType: type, body: Array(text.utf8))
  }

  /// A refusal in the form OpenAI's clients read.
  static func refusal(
    _ status: HTTPResponseStatus, _ message: String, code: String? = nil, field: String? = nil,
    headers: [(String, String)] = []
  ) -> HTTPAnswer {
    let type =
      switch status.code {
      case 401: "authentication_error"
      case 403: "permission_error"
      case 500...: "server_error"
      default: "invalid_request_error"
      }
    var answer = json(
      status, ChatAnswer.error(message: message, type: type, code: code, field: field))
    answer.headers = headers
    return answer
  }

  /// What an error of parsing or of the engine is to a client: its own fault where the data are, ours otherwise.
  static func refusal(_ error: any Error) -> HTTPAnswer {
    var status = HTTPResponseStatus.badRequest
    switch error {
    case ServingError.model: status = .notFound
    case ServingError.pictureTooLarge: status = .payloadTooLarge
    case ServingError.fileNotAllowed: status = .forbidden
    default: break
    }
    guard let report = ErrorReport(error) ?? (error as? CommandError)?.report else {
      return refusal(.internalServerError, "an error that has no words")
    }
    if report.code == .bug || report.code == .inputOutput { status = .internalServerError }
    let message = ([report.headline] + report.evidence + (report.hint.map { [$0] } ?? []))
      .joined(separator: "; ")
    return refusal(status, message)
  }
}
