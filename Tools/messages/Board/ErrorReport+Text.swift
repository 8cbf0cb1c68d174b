import MartletText

extension ErrorReport {
  package static func of(_ error: TextError) -> ErrorReport {
    func file(_ source: String, _ evidence: String) -> ErrorReport {
      ErrorReport(.badData, "cannot read tokenizer '\(source)'", [evidence])
    }
    func faulty(_ evidence: String) -> ErrorReport {
      ErrorReport(.badData, "cannot use the model's tokenizer", [evidence])
    }
    switch error {
    case .idOutOfRange(let id, let limit):
      return faulty("token id \(id): expected 0 to \(limit - 1)")
    case .vocabularyTooLarge(let count, let limit):
      return faulty("its tokens have \(count) bytes, at most \(limit) expected")
    case .missingByte(let byte): return faulty("no token stands for byte \(hexadecimal([byte]))")
    case .duplicateByte(let byte, let first, let second):
      return faulty("ids \(first) and \(second) both stand for byte \(hexadecimal([byte]))")
    case .mergeUnknownID(let rank, let id):
      return faulty("merge \(rank) names id \(id), which has no token")
    case .mergeMismatch(let rank, let left, let right, let result):
      return faulty(
        "merge \(rank): ids \(left) and \(right) joined are not the token of id \(result)")
    case .duplicateMerge(let first, let second):
      return faulty("merges \(first) and \(second) join the same pair")
    case .emptyAddedToken(let id): return faulty("added token of id \(id) has no text")
    case .duplicateAddedToken(let content, let first, let second):
      return faulty("ids \(first) and \(second) are both added token '\(content)'")
    case .duplicateID(let id, let first, let second):
      return faulty("'\(first)' and '\(second)' both have id \(id)")
    case .bytes(let error): return of(error)
    case .missing(let source, let field): return file(source, "'\(field)' is missing")
    case .kind(let source, let field, let expected, let found):
      return file(source, "'\(field)': expected \(expected), found \(found)")
    case .unsupported(let source, let field, let expected, let found):
      return file(source, "'\(field)': only \(expected) is supported, found \(found)")
    case .notByteLevel(let source, let token, let id):
      return file(source, "token '\(token)' (id \(id)) is not made of byte characters")
    case .mergeSyntax(let source, let rank, let text):
      return file(source, "merge \(rank): expected two tokens with one space, found '\(text)'")
    case .mergeUnknownToken(let source, let rank, let token):
      return file(source, "merge \(rank) needs token '\(token)', which the vocabulary lacks")
    case .addedTokensDisagree(let source, let content, let id):
      return file(source, "added token '\(content)': id \(id) here, otherwise elsewhere")
    case .imagePlaceholders(let images, let placeholders):
      return ErrorReport(
        .usage, "the prompt does not fit its pictures",
        ["places marked <image>: \(placeholders); pictures given: \(images)"],
        hint: "leave <image> out to put all pictures first, or write it once for each")
    case .promptTooLong(let tokens, let maximum):
      return ErrorReport(
        .usage, "the prompt is too long",
        ["with its pictures it has \(tokens) tokens, at most \(maximum) expected"],
        hint: "ask a shorter question or give fewer pictures")
    }
  }
}
