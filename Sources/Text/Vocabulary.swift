import MartletBytes
import MartletModel

/// The vocabulary and merges of tokenizer files, gathered and checked.
struct Vocabulary {
  private var tokens: [[UInt8]] = []
  private var ids: [[UInt8]: Int32] = [:]
  private var merges: [TokenizerSpecification.Merge] = []
  private let splitter: TokenizerSpecification.Splitter

  /// From an object of spelled tokens and ids.
  init(
    _ object: JSONField, splitter: TokenizerSpecification.Splitter = .qwen2
  ) throws(TextError) {
    var listed: [(token: String, id: Int)] = []
    for (key, value) in try object.members() { listed.append((key, try value.integer())) }
    try self.init(listed, source: object.source, splitter: splitter)
  }

  /// From spelled tokens and ids.
  init(
    _ listed: [(token: String, id: Int)], source: String,
    splitter: TokenizerSpecification.Splitter = .qwen2
  ) throws(TextError) {
    self.splitter = splitter
    ids.reserveCapacity(listed.count)
    tokens.reserveCapacity(listed.count)
    let limit = Tokenizer.largestSize(tokens: listed.count)
    for (key, id) in listed {
      if id < 0 || id >= Tokenizer.largestSize {
        throw .idOutOfRange(id: id, limit: Tokenizer.largestSize)
      }
      if id >= limit { throw .idOutOfRange(id: id, limit: limit) }
      guard let bytes = Self.bytes(key, splitter), !bytes.isEmpty else {
        throw .notByteLevel(source: source, token: key, id: id)
      }
      while tokens.count <= id { tokens.append([]) }
      if !tokens[id].isEmpty {
        throw .duplicateID(
          id, first: String(decoding: tokens[id], as: UTF8.self),
          second: String(decoding: bytes, as: UTF8.self))
      }
      tokens[id] = bytes
      ids[bytes] = Int32(id)
    }
  }

  /// - Throws: what `Tokenizer` would refuse, so that no unusable tokenizer is packed.
  func specification(
    addedTokens: [TokenizerSpecification.AddedToken]
  ) throws(TextError) -> TokenizerSpecification {
    let specification = TokenizerSpecification(
      splitter: splitter, tokens: tokens, merges: merges, addedTokens: addedTokens)
    _ = try Tokenizer(specification)
    return specification
  }

  /// Adds the next merge of a `tokenizer.json`, `"a b"` or `["a", "b"]`.
  mutating func addMerge(_ merge: JSONField) throws(TextError) {
    if merge.isArray {
      let pair = try merge.elements()
      if pair.count != 2 {
        throw .mergeSyntax(source: merge.source, rank: merges.count, text: "\(pair.count) parts")
      }
      try addMerge(pair[0].text(), pair[1].text(), source: merge.source)
    } else {
      let text = try merge.text()
      try addMerge(text.utf8[...], source: merge.source)
    }
  }

  /// Adds the lines of a `merges.txt`: a version line may come first, empty lines mean nothing.
  mutating func addMerges(_ file: TextFile) throws(TextError) {
    if let offset = UTF8Check.firstInvalid(in: file.bytes.span) {
      throw .bytes(.notUTF8(source: file.path, offset: offset))
    }
    let text = String(decoding: file.bytes, as: UTF8.self)
    var isFirst = true
    for line in text.utf8.split(separator: 0x0A) {
      let isVersion = isFirst && line.starts(with: "#version".utf8)
      isFirst = false
      let content = line.last == 0x0D ? line.dropLast() : line
      if isVersion || content.isEmpty { continue }
      try addMerge(content, source: file.path)
    }
  }

  /// Adds the next merge, given as bytes `left right`.
  mutating func addMerge(_ bytes: [UInt8], source: String) throws(TextError) {
    let parts = bytes.split(separator: 0x20, omittingEmptySubsequences: false)
    if parts.count != 2 || UTF8Check.firstInvalid(in: bytes.span) != nil {
      throw .mergeSyntax(
        source: source, rank: merges.count, text: String(decoding: bytes, as: UTF8.self))
    }
    try addMerge(
      String(decoding: parts[0], as: UTF8.self), String(decoding: parts[1], as: UTF8.self),
      source: source)
  }

  private mutating func addMerge(_ text: Substring.UTF8View, source: String) throws(TextError) {
    let parts = text.split(separator: 0x20, omittingEmptySubsequences: false)
    if parts.count != 2 {
      throw .mergeSyntax(
        source: source, rank: merges.count, text: String(decoding: text, as: UTF8.self))
    }
    try addMerge(
      String(decoding: parts[0], as: UTF8.self), String(decoding: parts[1], as: UTF8.self),
      source: source)
  }

  private mutating func addMerge(
    _ left: String, _ right: String, source: String
  ) throws(TextError) {
    let rank = merges.count
    let leftBytes = Self.bytes(left, splitter) ?? []
    let rightBytes = Self.bytes(right, splitter) ?? []
    guard let leftID = ids[leftBytes] else {
      throw .mergeUnknownToken(source: source, rank: rank, token: left)
    }
    guard let rightID = ids[rightBytes] else {
      throw .mergeUnknownToken(source: source, rank: rank, token: right)
    }
    guard let result = ids[leftBytes + rightBytes] else {
      throw .mergeUnknownToken(source: source, rank: rank, token: left + right)
    }
    merges.append(.init(left: leftID, right: rightID, result: result))
  }

  /// The bytes that a token is kept as; `nil` where its spelling is none.
  private static func bytes(
    _ token: String, _ splitter: TokenizerSpecification.Splitter
  ) -> [UInt8]? {
    switch splitter {
    case .qwen2: ByteAlphabet.bytes(token)
    case .llama: Array(token.utf8)
    }
  }
}
