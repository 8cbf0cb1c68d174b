import MartletModel

/// Finds added tokens in raw text: the leftmost match, and of several there the longest.
///
/// Matching bytes equals matching characters, because UTF-8 sequences never begin inside one another; comparing
/// `String`s would not do, since Swift equates strings that differ in normalization.
struct AddedTokenCutter: Sendable {
  struct Match: Equatable {
    var start: Int
    var end: Int
    var id: Int
  }

  private struct Literal: Sendable {
    var bytes: [UInt8]
    var id: Int
  }

  /// By first byte, longest first.
  private var literals: [[Literal]]

  init(_ tokens: [TokenizerSpecification.AddedToken]) throws(TextError) {
    literals = [[Literal]](repeating: [], count: 256)
    var seen: [[UInt8]: Int] = [:]
    for token in tokens {
      let bytes = Array(token.content.utf8)
      guard let first = bytes.first else { throw .emptyAddedToken(id: token.id) }
      if let other = seen.updateValue(token.id, forKey: bytes) {
        throw .duplicateAddedToken(content: token.content, firstID: other, secondID: token.id)
      }
      literals[Int(first)].append(Literal(bytes: bytes, id: token.id))
    }
    for first in literals.indices {
      literals[first].sort { $0.bytes.count > $1.bytes.count }
    }
  }

  func id(of bytes: [UInt8]) -> Int? {
    guard let first = bytes.first else { return nil }
    for literal in literals[Int(first)] where literal.bytes == bytes { return literal.id }
    return nil
  }

  func firstMatch(in text: [UInt8], from start: Int) -> Match? {
    for position in start..<text.count {
      for literal in literals[Int(text[position])] {
        let end = position + literal.bytes.count
        if end <= text.count, text[position..<end].elementsEqual(literal.bytes) {
          return Match(start: position, end: end, id: literal.id)
        }
      }
    }
    return nil
  }
}
