import CMartletPlatform
import MartletBytes

extension ErrorReport {
  package static func of(_ error: BytesError) -> ErrorReport {
    switch error {
    case .system(let operation, let path, let code):
      return system(operation, path, code)
    case .notAFile(let path):
      return ErrorReport(
        .badData, "cannot use '\(path)'",
        ["expected: a regular file", "found: a folder, a device or a pipe"])
    case .fileTooLarge(let path, let limit):
      return ErrorReport(
        .badData, "cannot read '\(path)'", ["the file has more than \(limit) bytes"],
        hint: "such a file is read whole; this one is probably another kind of file")
    case .truncated(let source, let offset, let needed, let available):
      return ErrorReport(
        .badData, "cannot read '\(source)'",
        ["at byte \(offset): \(needed) bytes expected, \(available) left"],
        hint: "the file may be cut short; compare its size with the source")
    case .sizeOverflow(let source, let offset, let found):
      return ErrorReport(
        .badData, "cannot read '\(source)'",
        ["at byte \(offset): \(found) is no possible size"],
        hint: "the file is damaged, or is another kind of file")
    case .notUTF8(let source, let offset):
      return ErrorReport(
        .badData, "cannot read '\(source)'",
        ["at byte \(offset): expected text in UTF-8, found other bytes"])
    case .json(let source, let offset, let problem):
      return ErrorReport(
        .badData, "cannot read '\(source)'",
        ["at byte \(offset): not valid JSON, \(problem.text)"])
    case .threads(let requested, let code):
      return ErrorReport(
        .inputOutput, "cannot start \(requested) threads", ["the system says: \(words(code))"],
        hint: "use fewer: --threads N")
    case .processors(let requested, let allowed):
      return ErrorReport(
        .usage, "cannot run on processors \(requested)",
        ["this process may use: \(allowed)"])
    }
  }

  private static func system(
    _ operation: FileOperation, _ path: String, _ code: Int32
  ) -> ErrorReport {
    let headline = "cannot \(operation.verb) '\(path)'"
    let says = "the system says: \(words(code))"
    switch (martlet_error_fault(code), operation.isReading) {
    case (MARTLET_FAULT_MISSING, true), (MARTLET_FAULT_NOT_A_DIRECTORY, true):
      return ErrorReport(.inputMissing, headline, [says])
    case (MARTLET_FAULT_MISSING, false), (MARTLET_FAULT_NOT_A_DIRECTORY, false):
      return ErrorReport(
        .inputOutput, headline, [says],
        hint: "see that the folder '\(Directory.parent(of: path))' exists")
    case (MARTLET_FAULT_FULL, _):
      return ErrorReport(
        .inputOutput, headline, [says],
        hint: "free some space and run again")
    case (MARTLET_FAULT_TOO_LARGE, false):
      return ErrorReport(
        .inputOutput, headline, [says],
        hint: "the file system or a limit (ulimit -f) does not allow a file of this size")
    case (MARTLET_FAULT_DENIED, _):
      return ErrorReport(
        .inputOutput, headline, [says], hint: "look at the permissions of the file and its folder")
    default:
      return ErrorReport(.inputOutput, headline, [says])
    }
  }

  /// The system's words for an error number, in lower case.
  private static func words(_ code: Int32) -> String {
    var buffer = [CChar](repeating: 0, count: 256)
    // SAFETY: the callee writes at most as many characters as the buffer has.
    let count = unsafe martlet_error_text(code, &buffer, buffer.count)
    var text = ""
    for (index, byte) in buffer.prefix(count).enumerated() {
      let scalar = Unicode.Scalar(UInt8(bitPattern: byte))
      let isCapital = scalar.value >= 65 && scalar.value <= 90
      text.unicodeScalars.append(
        index == 0 && isCapital ? Unicode.Scalar(UInt8(scalar.value) + 32) : scalar)
    }
    return text
  }
}

extension FileOperation {
  fileprivate var verb: String {
    switch self {
    case .open: "open"
    case .examine: "look at"
    case .list: "list"
    case .makeDirectory: "make folder"
    case .create: "create"
    case .write: "write"
    case .commit: "finish"
    case .discard: "read"
    }
  }

  fileprivate var isReading: Bool {
    switch self {
    case .open, .examine, .list, .discard: true
    case .makeDirectory, .create, .write, .commit: false
    }
  }
}

extension JSONProblem {
  package var text: String {
    switch self {
    case .unexpectedEnd: "the text ends inside a value"
    case .unexpectedByte(let byte): "byte \(hexadecimal([byte])) cannot stand here"
    case .trailingBytes: "something follows the value"
    case .tooDeep: "nested deeper than \(JSONValue.depthLimit) levels"
    case .duplicateKey(let key): "key '\(key)' stands twice in one object"
    case .badEscape: "the character after a backslash is no escape"
    case .loneSurrogate: "half of a surrogate pair stands alone"
    case .controlCharacter(let byte): "control character \(hexadecimal([byte])) inside a string"
    case .notUTF8: "a string is not UTF-8"
    case .numberTooLong: "a number is longer than any number needs to be"
    }
  }
}
