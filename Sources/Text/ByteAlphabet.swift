/// The characters that stand for bytes in tokenizer files (GPT-2's table).
///
/// Bytes 33–126, 161–172 and 174–255 stand for themselves; the other 68, in order, are U+0100, U+0101, …
enum ByteAlphabet {
  /// The bytes that a token of a file spells; `nil` where a character stands for no byte.
  static func bytes(_ token: String) -> [UInt8]? {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(token.utf8.count)
    for scalar in token.unicodeScalars {
      guard scalar.value < byScalar.count, let byte = byScalar[Int(scalar.value)] else {
        return nil
      }
      bytes.append(byte)
    }
    return bytes
  }

  private static let byScalar: [UInt8?] = {
    var table = [UInt8?](repeating: nil, count: 0x100)
    for byte in UInt8.min...UInt8.max {
      if (33...126).contains(byte) || (161...172).contains(byte) || byte >= 174 {
        table[Int(byte)] = byte
      } else {
        table.append(byte)
      }
    }
    return table
  }()
}
