/// What can go wrong between a file and a value. Cases carry evidence; `Tools/` words them.
package enum BytesError: Error, Equatable, Sendable {
  /// The system refused; `code` is an errno value.
  case system(operation: FileOperation, path: String, code: Int32)
  /// A directory, a device, a pipe or a socket where a regular file is needed.
  case notAFile(path: String)
  /// A file that is read whole into memory is larger than it may be.
  case fileTooLarge(path: String, limit: Int)
  /// `needed` bytes were to be read at `offset`, where only `available` remain.
  case truncated(source: String, offset: Int, needed: Int, available: Int)
  /// A number in a file cannot be used as a size or an index.
  case sizeOverflow(source: String, offset: Int, found: UInt64)
  /// Bytes that should be text are not UTF-8.
  case notUTF8(source: String, offset: Int)
  /// Text that should be JSON is not; `offset` counts bytes.
  case json(source: String, offset: Int, problem: JSONProblem)
  /// The threads of a pool could not be made.
  case threads(requested: Int, code: Int32)
  /// The process may not run on these processors, or they are not there. Lists as in `0-3,6`.
  case processors(requested: String, allowed: String)
}

/// What was being done to a file when the system refused.
package enum FileOperation: Equatable, Sendable {
  case open
  case examine
  case list
  case makeDirectory
  case create
  case write
  case commit
  case discard
}

/// Why text is not strictly JSON.
package enum JSONProblem: Equatable, Sendable {
  /// The text ends inside a value.
  case unexpectedEnd
  /// This byte cannot stand here.
  case unexpectedByte(UInt8)
  /// Something follows the value.
  case trailingBytes
  /// Arrays and objects are nested deeper than `JSONValue.depthLimit`.
  case tooDeep
  /// A key stands twice in one object.
  case duplicateKey(String)
  /// A backslash is followed by something that is not an escape.
  case badEscape
  /// Half of a surrogate pair without the other half.
  case loneSurrogate
  /// A byte below 0x20 inside a string.
  case controlCharacter(UInt8)
  /// A string is not UTF-8.
  case notUTF8
  /// A number is longer than any number needs to be.
  case numberTooLong
}
