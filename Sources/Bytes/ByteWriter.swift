/// Collects little-endian values in memory.
package struct ByteWriter: Sendable {
  package private(set) var bytes: [UInt8] = []
  package var count: Int { bytes.count }

  package init() {}

  package mutating func uint8(_ value: UInt8) { bytes.append(value) }
  package mutating func uint16(_ value: UInt16) { integer(value) }
  package mutating func uint32(_ value: UInt32) { integer(value) }
  package mutating func uint64(_ value: UInt64) { integer(value) }
  package mutating func int32(_ value: Int32) { integer(UInt32(bitPattern: value)) }
  package mutating func int64(_ value: Int64) { integer(UInt64(bitPattern: value)) }
  package mutating func float(_ value: Float) { integer(value.bitPattern) }
  package mutating func double(_ value: Double) { integer(value.bitPattern) }

  /// A size as u64; never negative.
  package mutating func size(_ value: Int) { integer(UInt64(value)) }

  package mutating func append(_ other: [UInt8]) { bytes.append(contentsOf: other) }

  /// The UTF-8 bytes of a text, without a length.
  package mutating func text(_ text: String) { bytes.append(contentsOf: text.utf8) }

  /// Zeros up to the next multiple of `alignment`.
  package mutating func pad(to alignment: Int) {
    while bytes.count % alignment != 0 { bytes.append(0) }
  }

  /// Replaces a u64 written before.
  package mutating func replace(_ value: UInt64, at offset: Int) {
    precondition(offset >= 0 && offset + 8 <= bytes.count, "only written bytes are replaced")
    for index in 0..<8 { bytes[offset + index] = UInt8(truncatingIfNeeded: value >> (8 * index)) }
  }

  private mutating func integer<T: FixedWidthInteger & UnsignedInteger>(_ value: T) {
    for index in 0..<(T.bitWidth / 8) {
      bytes.append(UInt8(truncatingIfNeeded: value >> T(8 * index)))
    }
  }
}
