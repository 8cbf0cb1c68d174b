/// Reads little-endian values from bytes in order, never past the end.
///
/// Errors carry the offset in the source, `base` included, so a reader over a part of a file names
/// offsets of the file.
package struct ByteReader: ~Escapable {
  /// What the bytes come from, for errors: a path, or a path and a part.
  package let source: String
  /// Offset of the first byte within the source.
  package let base: Int
  /// Bytes read so far.
  package private(set) var position = 0
  private let bytes: RawSpan

  @_lifetime(copy bytes)
  package init(_ bytes: RawSpan, source: String, base: Int = 0) {
    self.bytes = bytes
    self.source = source
    self.base = base
  }

  /// Where the next value starts, counted in the source.
  package var offset: Int { base + position }
  package var remaining: Int { bytes.byteCount - position }
  package var isAtEnd: Bool { position == bytes.byteCount }

  /// - Throws: `truncated` when fewer than `count` bytes remain.
  package func require(_ count: Int) throws(BytesError) {
    if count < 0 || count > remaining {
      throw .truncated(source: source, offset: offset, needed: count, available: remaining)
    }
  }

  package mutating func skip(_ count: Int) throws(BytesError) {
    try require(count)
    position += count
  }

  package mutating func uint8() throws(BytesError) -> UInt8 { try integer(UInt8.self) }
  package mutating func uint16() throws(BytesError) -> UInt16 { try integer(UInt16.self) }
  package mutating func uint32() throws(BytesError) -> UInt32 { try integer(UInt32.self) }
  package mutating func uint64() throws(BytesError) -> UInt64 { try integer(UInt64.self) }
  package mutating func int32() throws(BytesError) -> Int32 {
    Int32(bitPattern: try integer(UInt32.self))
  }
  package mutating func int64() throws(BytesError) -> Int64 {
    Int64(bitPattern: try integer(UInt64.self))
  }
  package mutating func float() throws(BytesError) -> Float {
    Float(bitPattern: try integer(UInt32.self))
  }
  package mutating func double() throws(BytesError) -> Double {
    Double(bitPattern: try integer(UInt64.self))
  }

  /// A u64 that is used as a size or an index.
  ///
  /// - Throws: `sizeOverflow` when it exceeds `limit`.
  package mutating func size(limit: Int = .max) throws(BytesError) -> Int {
    let start = offset
    let value = try uint64()
    guard value <= UInt64(limit) else {
      throw .sizeOverflow(source: source, offset: start, found: value)
    }
    return Int(value)
  }

  /// The next `count` bytes, copied.
  package mutating func array(_ count: Int) throws(BytesError) -> [UInt8] {
    let span = try span(count)
    // SAFETY: the buffer is only read during the call.
    return unsafe span.withUnsafeBytes { unsafe [UInt8]($0) }
  }

  /// The next `count` bytes in place.
  @_lifetime(copy self)
  package mutating func span(_ count: Int) throws(BytesError) -> RawSpan {
    try require(count)
    let start = position
    position += count
    return bytes.extracting(start..<start + count)
  }

  /// The next `count` bytes as text.
  ///
  /// - Throws: `truncated`, `notUTF8`.
  package mutating func text(_ count: Int) throws(BytesError) -> String {
    let start = offset
    let bytes = try array(count)
    if let invalid = UTF8Check.firstInvalid(in: bytes.span) {
      throw .notUTF8(source: source, offset: start + invalid)
    }
    return String(decoding: bytes, as: UTF8.self)
  }

  private mutating func integer<T: FixedWidthInteger & BitwiseCopyable>(
    _ type: T.Type
  ) throws(BytesError) -> T {
    try require(MemoryLayout<T>.size)
    // SAFETY: the bytes are present, and every bit pattern is a value of `T`.
    let value = unsafe bytes.unsafeLoadUnaligned(fromUncheckedByteOffset: position, as: T.self)
    position += MemoryLayout<T>.size
    return T(littleEndian: value)
  }
}
