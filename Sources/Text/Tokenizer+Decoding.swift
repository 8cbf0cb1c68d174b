/// What becomes of special tokens in decoded text.
package enum SpecialTokens: Sendable {
  case omitted
  case verbatim
}

extension Tokenizer {
  /// The text of ids: U+FFFD stands for bytes that are not UTF-8, ids without a token give nothing.
  ///
  /// Added tokens that are not special are always written out.
  package func decode(_ ids: [Int], special: SpecialTokens = .omitted) -> String {
    var bytes: [UInt8] = []
    for id in ids { tokenBytes.append(id, special: special, to: &bytes) }
    return String(decoding: bytes, as: UTF8.self)
  }
}

/// Decodes ids one by one, never giving out part of a character.
///
/// The pieces together equal `Tokenizer.decode` of all ids.
package struct StreamingDecoder: Sendable {
  private let tokenizer: Tokenizer
  private let special: SpecialTokens
  /// The start of a character whose end has not come yet: three bytes at most between calls.
  private var pending: [UInt8] = []

  package init(_ tokenizer: Tokenizer, special: SpecialTokens = .omitted) {
    self.tokenizer = tokenizer
    self.special = special
  }

  /// The text that this id completes; empty while a character is incomplete.
  package mutating func append(_ id: Int) -> String {
    tokenizer.tokenBytes.append(id, special: special, to: &pending)
    let complete = pending.count - Self.incompleteTail(pending)
    let text = String(decoding: pending[..<complete], as: UTF8.self)
    pending.removeSubrange(..<complete)
    return text
  }

  /// What is left when no more ids come: nothing, or U+FFFD for a character that stayed incomplete.
  ///
  /// The decoder is then as new.
  package mutating func finish() -> String {
    let text = String(decoding: pending, as: UTF8.self)
    pending.removeAll()
    return text
  }

  /// How many bytes at the end begin a well-formed character that more bytes could complete.
  private static func incompleteTail(_ bytes: [UInt8]) -> Int {
    for length in 1...3 where length <= bytes.count {
      let lead = bytes[bytes.count - length]
      // A continuation byte: its lead byte, if any, stands further left.
      if lead & 0xC0 == 0x80 { continue }
      if length == 1 { return lead >= 0xC2 && lead <= 0xF4 ? 1 : 0 }
      let second = bytes[bytes.count - length + 1]
      let seconds: ClosedRange<UInt8>
      switch lead {
      case 0xE0: seconds = 0xA0...0xBF
      case 0xED: seconds = 0x80...0x9F
      case 0xF0: seconds = 0x90...0xBF
      case 0xF4: seconds = 0x80...0x8F
      case 0xE1...0xEF, 0xF1...0xF3: seconds = 0x80...0xBF
      default: return 0
      }
      let needed = lead < 0xF0 ? 3 : 4
      return length < needed && seconds.contains(second) ? length : 0
    }
    return 0
  }
}
