/// Cuts normalized text into the words that merges stay inside of.
///
/// Equals the pattern, each match a word, leftmost alternative first:
///
///     (?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*
///     |\s*[\r\n]+|\s+(?!\S)|\s+
///
/// Every character begins some alternative, so the words cover the text. Cost: linear, one or two looks at each
/// character.
///
/// Classes are those of the standard library's Unicode tables (17 in Swift 6.3). `tokenizers` 0.23 classes all code
/// points alike but the 4657 that version 17 added.
package struct Qwen2Splitter {
  /// The pattern as tokenizer files spell it, to be compared with theirs.
  package static let pattern =
    #"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*"#
    + #"|\s*[\r\n]+|\s+(?!\S)|\s+"#

  /// What the pattern can tell apart. The three kinds of white space are disjoint.
  private enum Kind {
    case letter
    case number
    /// CR or LF.
    case newline
    /// U+0020 only.
    case space
    /// Other white space.
    case blank
    case other

    var isWhiteSpace: Bool { self == .newline || self == .space || self == .blank }
  }

  private let bytes: [UInt8]
  private var position = 0

  /// - Parameter bytes: well-formed UTF-8.
  package init(_ bytes: [UInt8]) { self.bytes = bytes }

  /// The next word as a range of bytes.
  package mutating func next() -> Range<Int>? {
    guard let first = kind(at: position) else { return nil }
    let start = position
    position = wordEnd(first.kind, start: start, afterFirst: first.end)
    return start..<position
  }

  private func wordEnd(_ first: Kind, start: Int, afterFirst: Int) -> Int {
    if let end = contractionEnd(start) { return end }
    switch first {
    case .letter: return runEnd(afterFirst) { $0 == .letter }
    case .number: return afterFirst
    case .newline: return whiteSpaceEnd(start)
    case .space, .blank, .other: break
    }
    let second = kind(at: afterFirst)
    if let second, second.kind == .letter { return runEnd(second.end) { $0 == .letter } }
    if first == .other { return symbolsEnd(afterFirst) }
    if first == .space, let second, second.kind == .other { return symbolsEnd(second.end) }
    return whiteSpaceEnd(start)
  }

  /// `(?i:'s|'t|'re|'ve|'m|'ll|'d)`. The long s U+017F folds to s; no other character outside ASCII folds to one of
  /// these letters.
  private func contractionEnd(_ start: Int) -> Int? {
    guard bytes[start] == UInt8(ascii: "'"), start + 1 < bytes.count else { return nil }
    switch lowercase(start + 1) {
    case UInt8(ascii: "s"), UInt8(ascii: "t"), UInt8(ascii: "m"), UInt8(ascii: "d"):
      return start + 2
    case UInt8(ascii: "r"), UInt8(ascii: "v"):
      return lowercase(start + 2) == UInt8(ascii: "e") ? start + 3 : nil
    case UInt8(ascii: "l"):
      return lowercase(start + 2) == UInt8(ascii: "l") ? start + 3 : nil
    case 0xC5:
      return lowercase(start + 2) == 0xBF ? start + 3 : nil
    default:
      return nil
    }
  }

  /// The rest of `[^\s\p{L}\p{N}]+[\r\n]*` after its first character.
  private func symbolsEnd(_ start: Int) -> Int {
    runEnd(runEnd(start) { $0 == .other }) { $0 == .newline }
  }

  /// `\s*[\r\n]+|\s+(?!\S)|\s+` on a run of white space: up to its last newline if it has one; else all but the
  /// last character, which goes with what follows; all if nothing follows or if it is one character.
  private func whiteSpaceEnd(_ start: Int) -> Int {
    var end = start
    var lastStart = start
    var newlineEnd: Int?
    while let item = kind(at: end), item.kind.isWhiteSpace {
      lastStart = end
      end = item.end
      if item.kind == .newline { newlineEnd = end }
    }
    if let newlineEnd { return newlineEnd }
    return end == bytes.count || lastStart == start ? end : lastStart
  }

  private func runEnd(_ start: Int, while belongs: (Kind) -> Bool) -> Int {
    var end = start
    while let item = kind(at: end), belongs(item.kind) { end = item.end }
    return end
  }

  private func lowercase(_ index: Int) -> UInt8? {
    guard index < bytes.count else { return nil }
    let byte = bytes[index]
    return byte >= UInt8(ascii: "A") && byte <= UInt8(ascii: "Z") ? byte + 32 : byte
  }

  /// The kind of the character that starts at a byte, and where it ends; `nil` at the end of the text.
  private func kind(at index: Int) -> (kind: Kind, end: Int)? {
    guard index < bytes.count else { return nil }
    let lead = bytes[index]
    if lead < 0x80 { return (Self.asciiKind(lead), index + 1) }
    let length = lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4
    let end = min(index + length, bytes.count)
    var value = UInt32(lead) & (0x7F >> UInt32(length))
    for position in (index + 1)..<end { value = value << 6 | UInt32(bytes[position] & 0x3F) }
    guard let scalar = Unicode.Scalar(value) else { return (.other, end) }
    return (Self.kind(scalar), end)
  }

  private static func asciiKind(_ byte: UInt8) -> Kind {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"): .letter
    case UInt8(ascii: "0")...UInt8(ascii: "9"): .number
    case 0x0A, 0x0D: .newline
    case 0x20: .space
    case 0x09, 0x0B, 0x0C: .blank
    default: .other
    }
  }

  /// `\p{L}`, `\p{N}` and `\s` (the property White_Space) of a character outside ASCII.
  private static func kind(_ scalar: Unicode.Scalar) -> Kind {
    switch scalar.properties.generalCategory {
    case .uppercaseLetter, .lowercaseLetter, .titlecaseLetter, .modifierLetter, .otherLetter:
      return .letter
    case .decimalNumber, .letterNumber, .otherNumber:
      return .number
    default:
      return scalar.properties.isWhitespace ? .blank : .other
    }
  }
}
