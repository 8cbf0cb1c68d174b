/// Finds where bytes stop being UTF-8.
package enum UTF8Check {
  /// The offset of the first sequence that is not UTF-8 (overlong forms, surrogates and values beyond
  /// U+10FFFF included), or `nil`.
  package static func firstInvalid(in bytes: borrowing Span<UInt8>) -> Int? {
    var index = 0
    while index < bytes.count {
      let lead = bytes[index]
      if lead < 0x80 {
        index += 1
        continue
      }
      guard let length = sequenceLength(at: index, in: bytes) else { return index }
      index += length
    }
    return nil
  }

  /// The length of the valid multi-byte sequence at `index`, or `nil` (Unicode 15, table 3-7).
  private static func sequenceLength(at index: Int, in bytes: borrowing Span<UInt8>) -> Int? {
    let lead = bytes[index]
    let length: Int
    var second: ClosedRange<UInt8> = 0x80...0xBF
    switch lead {
    case 0xC2...0xDF: length = 2
    case 0xE0...0xEF:
      length = 3
      if lead == 0xE0 { second = 0xA0...0xBF }
      if lead == 0xED { second = 0x80...0x9F }
    case 0xF0...0xF4:
      length = 4
      if lead == 0xF0 { second = 0x90...0xBF }
      if lead == 0xF4 { second = 0x80...0x8F }
    default: return nil
    }
    if index + length > bytes.count || !second.contains(bytes[index + 1]) { return nil }
    for offset in 2..<max(length, 2) where bytes[index + offset] & 0xC0 != 0x80 { return nil }
    return length
  }
}
