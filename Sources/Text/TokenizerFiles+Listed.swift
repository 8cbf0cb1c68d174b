import MartletBytes
import MartletModel

extension TokenizerFiles {
  /// A tokenizer given as lists by id, as GGUF's metadata have it.
  package struct Listed: Sendable {
    /// The file, for errors.
    package var source: String
    /// Vocabulary tokens in the characters that stand for bytes, added tokens as they are; not all need be UTF-8.
    package var tokens: [[UInt8]]
    /// One kind for every token.
    package var kinds: [Int]
    /// "left right"
    package var merges: [[UInt8]]

    package init(source: String, tokens: [[UInt8]], kinds: [Int], merges: [[UInt8]]) {
      self.source = source
      self.tokens = tokens
      self.kinds = kinds
      self.merges = merges
    }
  }

  /// The kinds of tokens (`llama_token_type` of llama.h). Unknown (2) and byte (6) tokens belong to other tokenizers.
  package enum ListedKind: Int, Sendable {
    case normal = 1
    /// Added and special.
    case control = 3
    /// Added, not special.
    case userDefined = 4
    /// Padding of the list.
    case unused = 5
  }

  /// - Throws: `unsupported` for a kind of token that byte-level BPE has not and for lists of different lengths, and as
  ///   `specification(tokenizer:)`.
  package static func specification(_ listed: Listed) throws(TextError) -> TokenizerSpecification {
    if listed.kinds.count != listed.tokens.count {
      throw .unsupported(
        source: listed.source, field: "tokenizer.ggml.token_type",
        expected: "\(listed.tokens.count) kinds", found: "\(listed.kinds.count)")
    }
    var vocabulary: [(token: String, id: Int)] = []
    var added: [TokenizerSpecification.AddedToken] = []
    for (id, bytes) in listed.tokens.enumerated() {
      guard let kind = ListedKind(rawValue: listed.kinds[id]) else {
        throw .unsupported(
          source: listed.source, field: "tokenizer.ggml.token_type[\(id)]",
          expected: "1, 3, 4 or 5", found: "\(listed.kinds[id])")
      }
      if kind == .unused { continue }
      if UTF8Check.firstInvalid(in: bytes.span) != nil {
        throw .notByteLevel(
          source: listed.source, token: String(decoding: bytes, as: UTF8.self), id: id)
      }
      let text = String(decoding: bytes, as: UTF8.self)
      if kind == .normal {
        vocabulary.append((text, id))
      } else {
        added.append(.init(id: id, content: text, isSpecial: kind == .control))
      }
    }
    var gathered = try Vocabulary(vocabulary, source: listed.source)
    for merge in listed.merges { try gathered.addMerge(merge, source: listed.source) }
    return try gathered.specification(addedTokens: added)
  }
}
