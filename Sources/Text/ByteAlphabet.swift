/// The characters that stand for bytes in tokenizer files (GPT-2's table).
///
/// Bytes 33–126, 161–172 and 174–255 stand for themselves; the other 68, in order, are U+0100, U+0101, …
package enum ByteAlphabet {
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

  /// The characters that spell a token's bytes.
  package static func spelling(_ token: [UInt8]) -> String {
    var text = String.UnicodeScalarView()
    for byte in token { text.append(scalars[Int(byte)]) }
    return String(text)
  }

  /// All bytes in the order of their characters: the order of their ids in GPT-2's vocabulary and its heirs.
  package static let order: [UInt8] = byScalar.compactMap { $0 }

  /// The character of each byte.
  private static let scalars: [Unicode.Scalar] = {
    var table = [Unicode.Scalar](repeating: "?", count: 256)
    for (value, byte) in byScalar.enumerated() {
      if let byte, let scalar = Unicode.Scalar(UInt32(value)) { table[Int(byte)] = scalar }
    }
    return table
  }()

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
