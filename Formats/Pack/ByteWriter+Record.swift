import MartletBytes

/// The field types of records (pack-format.md, section 1).
extension ByteWriter {
  /// - Throws: `notRepresentable` where the value does not fit in 32 bits.
  mutating func u32(_ value: Int, _ what: String) throws(PackError) {
    guard let small = UInt32(exactly: value) else {
      throw .notRepresentable(what: what, found: "\(value)")
    }
    uint32(small)
  }

  /// - Throws: `notRepresentable` where the value does not fit in 8 bits.
  mutating func u8(_ value: Int, _ what: String) throws(PackError) {
    guard let small = UInt8(exactly: value) else {
      throw .notRepresentable(what: what, found: "\(value)")
    }
    uint8(small)
  }

  mutating func string(_ string: String) throws(PackError) {
    try u32(string.utf8.count, "text length")
    text(string)
  }
}
