import MartletImages
import MartletText

extension ErrorReport {
  static func of(_ error: ImageError) -> ErrorReport {
    func report(_ name: String, _ evidence: [String], hint: String? = nil) -> ErrorReport {
      ErrorReport(.badData, "cannot read picture '\(name)'", evidence, hint: hint)
    }
    switch error {
    case .unknownFormat(let name, let bytes):
      return report(
        name, ["its first bytes, \(hexadecimal(bytes)), are those of no PNG, JPEG or WebP"])
    case .truncated(let name, let format, let expected, let found):
      return report(
        name, ["\(format) needs at least \(expected) bytes, \(found) are there"],
        hint: "the file may be cut short")
    case .damaged(let name, let format, let reason): return report(name, ["\(format): \(reason)"])
    case .unsupported(let name, let format, let feature):
      return report(name, ["\(format): \(feature) is not supported"])
    case .empty(let name, let width, let height):
      return report(name, ["it has \(width) × \(height) pixels"])
    case .sideTooLong(let name, let width, let height, let limit):
      return report(name, ["it has \(width) × \(height) pixels, a side at most \(limit)"])
    case .tooManyPixels(let name, let width, let height, let limit):
      return report(name, ["it has \(width) × \(height) pixels, at most \(limit) in all"])
    case .outOfMemory(let name, let format, let width, let height):
      return ErrorReport(
        .inputOutput, "no memory for picture '\(name)'", ["\(format), \(width) × \(height) pixels"])
    case .specification(let what, let found):
      return ErrorReport(
        .badData, "the model's rule for pictures cannot be followed", ["\(what): found \(found)"])
    }
  }

  static func of(_ error: TextError) -> ErrorReport {
    switch error {
    case .bytes(let error): return of(error)
    case .missing(let source, let field):
      return tokenizer(source, ["'\(field)' is missing"])
    case .kind(let source, let field, let expected, let found),
      .unsupported(let source, let field, let expected, let found):
      return tokenizer(source, ["'\(field)': expected \(expected), found \(found)"])
    case .notByteLevel(let source, let token, let id):
      return tokenizer(source, ["token '\(token)' (id \(id)) is not made of byte characters"])
    case .mergeSyntax(let source, let rank, let text):
      return tokenizer(source, ["merge \(rank), '\(text)', is not two tokens"])
    case .mergeUnknownToken(let source, let rank, let token):
      return tokenizer(source, ["merge \(rank) needs token '\(token)', which the vocabulary lacks"])
    case .addedTokensDisagree(let source, let content, let id):
      return tokenizer(source, ["added token '\(content)' (id \(id)) stands otherwise elsewhere"])
    case .imagePlaceholders(let images, let placeholders):
      return ErrorReport(
        .usage, "the question does not fit its pictures",
        ["it has \(placeholders) times <image> for \(images) pictures"])
    case .promptTooLong(let tokens, let maximum):
      return ErrorReport(
        .usage, "the prompt is too long", ["it has \(tokens) tokens, the model takes \(maximum)"])
    default: return ErrorReport(.badData, "the tokenizer is faulty", [specification(error)])
    }
  }

  private static func tokenizer(_ source: String, _ evidence: [String]) -> ErrorReport {
    ErrorReport(.badData, "cannot read tokenizer '\(source)'", evidence)
  }

  /// Faults of a specification, wherever it came from.
  private static func specification(_ error: TextError) -> String {
    switch error {
    case .idOutOfRange(let id, let limit): "id \(id) is not in 0 ..< \(limit)"
    case .vocabularyTooLarge(let count, let limit):
      "its tokens have \(count) bytes, at most \(limit)"
    case .missingByte(let byte): "no token for byte \(hexadecimal([byte]))"
    case .duplicateByte(let byte, let first, let second):
      "ids \(first) and \(second) both stand for byte \(hexadecimal([byte]))"
    case .mergeUnknownID(let rank, let id): "merge \(rank) names id \(id), which has no token"
    case .mergeMismatch(let rank, let left, let right, let result):
      "merge \(rank) of ids \(left) and \(right) yields id \(result), which is not both joined"
    case .duplicateMerge(let first, let second): "merges \(first) and \(second) are the same"
    case .emptyAddedToken(let id): "added token \(id) is empty"
    case .duplicateAddedToken(let content, let first, let second):
      "ids \(first) and \(second) are both added token '\(content)'"
    case .duplicateID(let id, let first, let second):
      "'\(first)' and '\(second)' both have id \(id)"
    default: "\(error)"
    }
  }
}
