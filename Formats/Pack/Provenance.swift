import MartletBytes

/// Where a pack came from: typed values under text keys (pack-format.md, section 3.7).
///
/// Holds no time and no machine, so that the same inputs give the same bytes.
package struct Provenance: Equatable, Sendable {
  package enum Value: Equatable, Sendable {
    case text(String)
    case integer(Int64)
    case number(Double)
    /// A checksum, most significant byte first.
    case digest([UInt8])
  }

  package struct Entry: Equatable, Sendable {
    package var key: String
    package var value: Value

    package init(key: String, value: Value) {
      self.key = key
      self.value = value
    }
  }

  /// The keys Martlet itself writes.
  package enum Key {
    package static let tool = "tool"
    package static let compressor = "zstd"
    package static let scheme = "scheme"
    package static let encoder = "encoder"
    package static let language = "language"
    package static let resolution = "resolution"
    package static let seed = "seed"
    package static let calibration = "calibration"
    /// Followed by the path of a source file, relative to the checkpoint; the value is its SHA-256.
    package static let sourcePrefix = "source/"
  }

  /// In the order in which they were added.
  package private(set) var entries: [Entry] = []

  package init() {}

  package mutating func append(_ key: String, _ value: Value) {
    entries.append(Entry(key: key, value: value))
  }

  /// The first value of a key.
  package subscript(_ key: String) -> Value? {
    for entry in entries where entry.key == key { return entry.value }
    return nil
  }

  /// A 64-bit checksum as a digest.
  package static func digest(_ checksum: UInt64) -> [UInt8] {
    (0..<8).map { UInt8(truncatingIfNeeded: checksum >> (56 - 8 * UInt64($0))) }
  }

  func encoded() throws(PackError) -> [UInt8] {
    var writer = ByteWriter()
    try writer.u32(entries.count, "entry count")
    for entry in entries {
      try writer.string(entry.key)
      switch entry.value {
      case .text(let text):
        writer.uint8(0)
        try writer.string(text)
      case .integer(let value):
        writer.uint8(1)
        writer.int64(value)
      case .number(let value):
        writer.uint8(2)
        writer.double(value)
      case .digest(let bytes):
        writer.uint8(3)
        try writer.u32(bytes.count, "digest length")
        writer.append(bytes)
      }
    }
    return writer.bytes
  }

  init(_ reader: inout RecordReader) throws(PackError) {
    let count = try reader.count(elementBytes: 9)
    entries.reserveCapacity(count)
    for _ in 0..<count {
      let key = try reader.string()
      entries.append(Entry(key: key, value: try Self.value(&reader)))
    }
    try reader.finish()
  }

  private static func value(_ reader: inout RecordReader) throws(PackError) -> Value {
    let start = reader.offset
    let kind = try reader.u8()
    switch kind {
    case 0: return .text(try reader.string())
    case 1: return .integer(try reader.integer(Int64.self))
    case 2:
      let value = Double(bitPattern: try reader.integer(UInt64.self))
      if !value.isFinite { throw reader.field("number", "\(value)", at: start + 1) }
      return .number(value)
    case 3: return .digest(try reader.raw(reader.count(elementBytes: 1)))
    default: throw reader.field("kind of value", "\(kind)", at: start)
    }
  }
}
