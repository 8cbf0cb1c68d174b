import MartletBytes

/// What can be wrong with a tokenizer, its files or a prompt. Cases carry evidence; `Tools/` words them.
package enum TextError: Error, Equatable, Sendable {
  // MARK: Specification
  /// An id is negative or not below the limit.
  case idOutOfRange(id: Int, limit: Int)
  /// The bytes of all tokens together pass what the index can address.
  case vocabularyTooLarge(byteCount: Int, limit: Int)
  /// No vocabulary token consists of this one byte, so some text would have no encoding.
  case missingByte(UInt8)
  /// Two vocabulary tokens consist of this one byte.
  case duplicateByte(UInt8, firstID: Int, secondID: Int)
  /// The merge of this rank names an id that has no token.
  case mergeUnknownID(rank: Int, id: Int)
  /// The merge of this rank yields a token that is not its left token followed by its right one.
  case mergeMismatch(rank: Int, left: Int, right: Int, result: Int)
  /// Two merges name the same pair.
  case duplicateMerge(firstRank: Int, secondRank: Int)
  /// An added token has no text to match.
  case emptyAddedToken(id: Int)
  /// Two added tokens have the same text.
  case duplicateAddedToken(content: String, firstID: Int, secondID: Int)
  /// Two tokens claim one id.
  case duplicateID(Int, first: String, second: String)

  // MARK: Files
  /// A tokenizer file is not the text it should be.
  case bytes(BytesError)
  /// A field that must be there is not, or is null.
  case missing(source: String, field: String)
  /// A field holds another kind of JSON value.
  case kind(source: String, field: String, expected: String, found: String)
  /// A field asks for a rule that is not the one implemented here.
  case unsupported(source: String, field: String, expected: String, found: String)
  /// A vocabulary token is empty or has a character that stands for no byte.
  case notByteLevel(source: String, token: String, id: Int)
  /// A merge is not two tokens with one space between.
  case mergeSyntax(source: String, rank: Int, text: String)
  /// A merge needs a token that the vocabulary does not have.
  case mergeUnknownToken(source: String, rank: Int, token: String)
  /// A list of added tokens gives one that the configuration does not have under this id.
  case addedTokensDisagree(source: String, content: String, id: Int)

  // MARK: Prompt
  /// The prompt has another number of `<image>` than there are images.
  case imagePlaceholders(images: Int, placeholders: Int)
  /// The prompt with its images is longer than the model's limit.
  case promptTooLong(tokens: Int, maximum: Int)
}
