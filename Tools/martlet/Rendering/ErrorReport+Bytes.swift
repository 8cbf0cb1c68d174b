import Foundation
import MartletBytes

extension ErrorReport {
  static func of(_ error: BytesError) -> ErrorReport {
    switch error {
    case .system(let operation, let path, let code):
      return system(operation, path, code)
    case .notAFile(let path):
      return ErrorReport(
        .badData, "'\(path)' is not a file", ["expected: a regular file", "found: something else"])
    case .fileTooLarge(let path, let limit):
      return ErrorReport(
        .badData, "'\(path)' is too large", ["such a file has at most \(limit) bytes"])
    case .truncated(let source, let offset, let needed, let available):
      return ErrorReport(
        .badData, "'\(source)' ends too early",
        ["at byte \(offset): needs \(needed) bytes, \(available) are there"],
        hint: "the file may be cut short; compare its size with the source")
    case .sizeOverflow(let source, let offset, let found):
      return ErrorReport(
        .badData, "'\(source)' holds an impossible size", ["at byte \(offset): found \(found)"])
    case .notUTF8(let source, let offset):
      return ErrorReport(
        .badData, "'\(source)' is not text", ["at byte \(offset): not UTF-8"])
    case .json(let source, let offset, let problem):
      return ErrorReport(
        .badData, "'\(source)' is not valid JSON", ["at byte \(offset): \(problem.text)"])
    case .threads(let requested, let code):
      return ErrorReport(
        .inputOutput, "cannot make \(requested) threads", [message(code)],
        hint: "use fewer: --threads N")
    }
  }

  private static func system(
    _ operation: FileOperation, _ path: String, _ code: Int32
  ) -> ErrorReport {
    let isInput = operation == .open || operation == .examine || operation == .list
    let verb: String =
      switch operation {
      case .open: "open"
      case .examine: "look at"
      case .list: "list"
      case .makeDirectory: "make directory"
      case .create: "create"
      case .write: "write"
      case .commit: "finish"
      case .discard: "read"
      }
    var hint: String?
    if code == ENOSPC || code == EDQUOT {
      hint = "nothing was left behind; free some space and run again"
    }
    let missing = isInput && (code == ENOENT || code == ENOTDIR)
    return ErrorReport(
      missing ? .inputMissing : .inputOutput, "cannot \(verb) '\(path)'", [message(code)],
      hint: hint)
  }

  /// The system's words for an error number, in lower case.
  private static func message(_ code: Int32) -> String {
    // SAFETY: strerror gives a zero-terminated string that stays until the next call.
    let text = unsafe String(cString: strerror(code))
    return text.prefix(1).lowercased() + text.dropFirst()
  }
}

extension JSONProblem {
  var text: String {
    switch self {
    case .unexpectedEnd: "the text ends inside a value"
    case .unexpectedByte(let byte): "byte \(hexadecimal([byte])) cannot stand here"
    case .trailingBytes: "something follows the value"
    case .tooDeep: "nested deeper than \(JSONValue.depthLimit) levels"
    case .duplicateKey(let key): "key '\(key)' stands twice in one object"
    case .badEscape: "not an escape"
    case .loneSurrogate: "half of a surrogate pair"
    case .controlCharacter(let byte): "control character \(hexadecimal([byte])) inside a string"
    case .notUTF8: "a string is not UTF-8"
    case .numberTooLong: "a number is too long"
    }
  }
}
