/// Walks the content of one record; every read is checked against what is left.
struct RecordReader {
  let part: PackPart
  private let bytes: [UInt8]
  /// Offset of the first byte in the file.
  private let base: UInt64
  private var position = 0

  init(part: PackPart, bytes: [UInt8], base: UInt64) {
    self.part = part
    self.bytes = bytes
    self.base = base
  }

  /// Offset in the file of the next byte.
  var offset: UInt64 { base + UInt64(position) }
  var left: Int { bytes.count - position }

  private mutating func take(_ count: Int) throws(PackError) -> Int {
    if count > left {
      throw .truncatedRecord(
        part: part, offset: offset, needed: UInt64(count), left: UInt64(left))
    }
    position += count
    return position - count
  }

  mutating func integer<T: FixedWidthInteger>(_ type: T.Type) throws(PackError) -> T {
    let start = try take(T.bitWidth / 8)
    var value: T = 0
    for index in 0..<T.bitWidth / 8 {
      value |= T(truncatingIfNeeded: bytes[start + index]) << T(8 * index)
    }
    return value
  }

  mutating func u8() throws(PackError) -> UInt8 { bytes[try take(1)] }

  mutating func u32() throws(PackError) -> Int { Int(try integer(UInt32.self)) }

  /// A 32-bit number that must lie in a range.
  mutating func u32(_ what: String, in range: ClosedRange<Int>) throws(PackError) -> Int {
    let start = offset
    let value = try u32()
    if !range.contains(value) { throw field(what, "\(value)", at: start) }
    return value
  }

  /// A finite number.
  mutating func float(_ what: String) throws(PackError) -> Float {
    let start = offset
    let value = Float(bitPattern: try integer(UInt32.self))
    if !value.isFinite { throw field(what, "\(value)", at: start) }
    return value
  }

  mutating func raw(_ count: Int) throws(PackError) -> [UInt8] {
    let start = try take(count)
    return Array(bytes[start..<start + count])
  }

  /// The count of a list whose elements take at least this many bytes each, so that it is safe to reserve.
  mutating func count(elementBytes: Int) throws(PackError) -> Int {
    let count = try u32()
    try require(count, elementBytes)
    return count
  }

  /// Refuses a count that the bytes left cannot hold.
  func require(_ count: Int, _ elementBytes: Int) throws(PackError) {
    let (needed, overflow) = count.multipliedReportingOverflow(by: elementBytes)
    if overflow || needed > left {
      throw .truncatedRecord(
        part: part, offset: offset, needed: UInt64(overflow ? Int.max : needed),
        left: UInt64(left))
    }
  }

  mutating func string() throws(PackError) -> String {
    let start = offset
    let count = try count(elementBytes: 1)
    guard let text = String(validating: try raw(count), as: UTF8.self) else {
      throw .text(part: part, offset: start)
    }
    return text
  }

  /// - Throws: `trailingBytes` unless everything was read.
  func finish() throws(PackError) {
    if left > 0 { throw .trailingBytes(part: part, offset: offset, count: left) }
  }

  func field(_ what: String, _ found: String, at offset: UInt64) -> PackError {
    .field(part: part, offset: offset, what: what, found: found)
  }
}
