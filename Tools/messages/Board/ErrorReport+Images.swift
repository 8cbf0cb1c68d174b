import MartletImages

extension ErrorReport {
  package static func of(_ error: ImageError) -> ErrorReport {
    func unreadable(_ name: String, _ evidence: String, hint: String? = nil) -> ErrorReport {
      ErrorReport(.badData, "cannot read picture '\(name)'", [evidence], hint: hint)
    }
    switch error {
    case .unknownFormat(let name, let bytes):
      let found = bytes.isEmpty ? "nothing" : "first bytes \(hexadecimal(bytes))"
      return unreadable(name, "expected: PNG, JPEG or WebP; found: \(found)")
    case .truncated(let name, let format, let expected, let found):
      return unreadable(
        name, "\(format): at least \(expected) bytes expected, \(found) found",
        hint: "the file may be cut short; compare its size with the source")
    case .damaged(let name, let format, let reason):
      return unreadable(
        name, "\(format): \(reason)", hint: "see whether another program opens it")
    case .unsupported(let name, let format, let feature):
      return unreadable(
        name, "\(format): not supported: \(feature)", hint: "save it as a plain PNG or JPEG")
    case .empty(let name, let width, let height):
      return unreadable(name, "it has \(width) × \(height) pixels, at least 1 × 1 expected")
    case .sideTooLong(let name, let width, let height, let limit):
      return unreadable(
        name, "it has \(width) × \(height) pixels, at most \(limit) a side expected",
        hint: "make the picture smaller")
    case .tooManyPixels(let name, let width, let height, let limit):
      return unreadable(
        name, "it has \(width) × \(height) pixels, at most \(limit) in all expected",
        hint: "make the picture smaller")
    case .outOfMemory(let name, let format, let width, let height):
      return ErrorReport(
        .inputOutput, "no memory for picture '\(name)'",
        ["\(format) of \(width) × \(height) pixels"], hint: "make the picture smaller")
    case .specification(let what, let found):
      return ErrorReport(
        .badData, "cannot prepare pictures as the model asks", ["\(what): found \(found)"])
    }
  }
}
