import MartletModel

/// The bytes that every id stands for, in one block: vocabulary tokens and, over them, added tokens.
struct TokenBytes: Sendable {
  private let bytes: [UInt8]
  /// `ends[id]` is one past the last byte of `id`; the first byte is `ends[id - 1]`.
  private let ends: [UInt32]
  private let special: Set<Int>
  /// The id of the token made of one byte, by byte; empty where tokens are spelled in characters.
  let byteIDs: [Int32]

  var count: Int { ends.count }

  /// Ids must have been checked against `Tokenizer.largestSize`.
  init(_ specification: TokenizerSpecification) throws(TextError) {
    let isSpelled = specification.splitter == .llama
    byteIDs = isSpelled ? [] : try Self.byteIDs(specification.tokens)
    var added: [Int: TokenizerSpecification.AddedToken] = [:]
    var special: Set<Int> = []
    for token in specification.addedTokens {
      if let other = added.updateValue(token, forKey: token.id) {
        throw .duplicateID(token.id, first: other.content, second: token.content)
      }
      if token.isSpecial { special.insert(token.id) }
    }
    var bytes: [UInt8] = []
    var ends: [UInt32] = []
    ends.reserveCapacity(specification.size)
    for id in 0..<specification.size {
      let own = id < specification.tokens.count ? specification.tokens[id] : []
      if let token = added[id] {
        let content = Array(token.content.utf8)
        if !own.isEmpty, own != content {
          throw .duplicateID(
            id, first: String(decoding: own, as: UTF8.self), second: token.content)
        }
        bytes.append(contentsOf: content)
      } else {
        bytes.append(contentsOf: isSpelled ? PieceAlphabet.written(own) : own)
      }
      guard let end = UInt32(exactly: bytes.count) else {
        throw .vocabularyTooLarge(byteCount: bytes.count, limit: Int(UInt32.max))
      }
      ends.append(end)
    }
    self.bytes = bytes
    self.ends = ends
    self.special = special
  }

  /// Appends what an id stands for: nothing for an unknown id, and nothing for a special one where those are
  /// omitted.
  func append(_ id: Int, special rule: SpecialTokens, to text: inout [UInt8]) {
    if id < 0 || id >= ends.count { return }
    if rule == .omitted, special.contains(id) { return }
    let start = id == 0 ? 0 : Int(ends[id - 1])
    text.append(contentsOf: bytes[start..<Int(ends[id])])
  }

  private static func byteIDs(_ tokens: [[UInt8]]) throws(TextError) -> [Int32] {
    var ids = [Int32](repeating: -1, count: 256)
    for (id, token) in tokens.enumerated() where token.count == 1 {
      let byte = token[0]
      if ids[Int(byte)] >= 0 {
        throw .duplicateByte(byte, firstID: Int(ids[Int(byte)]), secondID: id)
      }
      ids[Int(byte)] = Int32(id)
    }
    for byte in UInt8.min...UInt8.max where ids[Int(byte)] < 0 { throw .missingByte(byte) }
    return ids
  }
}
