import MartletBytes
import MartletModel

/// The first 64 bytes of a pack.
struct PackHeader: Equatable {
  static let magic: [UInt8] = [0x89, 0x4D, 0x4C, 0x54, 0x0D, 0x0A, 0x1A, 0x0A]
  static let version = 1
  static let byteCount = 64
  /// Records, directory and raw components begin at multiples of this.
  static let alignment: UInt64 = 64

  var fileSize: UInt64
  var directoryOffset: UInt64
  var entryCount: UInt32
  var directoryChecksum: UInt64

  func encoded() -> [UInt8] {
    var writer = ByteWriter()
    writer.append(Self.magic)
    writer.uint32(UInt32(Self.version))
    writer.uint32(UInt32(Self.byteCount))
    writer.uint64(fileSize)
    writer.uint64(directoryOffset)
    writer.uint32(entryCount)
    writer.uint32(UInt32(0))
    writer.uint64(directoryChecksum)
    writer.uint64(UInt64(0))
    writer.uint64(XXH64.checksum(writer.bytes))
    return writer.bytes
  }

  /// - Parameter bytes: the first 64 bytes, fewer where the file is shorter.
  init(bytes: [UInt8], fileSize found: UInt64) throws(PackError) {
    if bytes.count < Self.magic.count || Array(bytes[..<Self.magic.count]) != Self.magic {
      throw .notAPack(found: Array(bytes.prefix(Self.magic.count)))
    }
    if bytes.count < Self.byteCount {
      throw .fileSize(expected: UInt64(Self.byteCount), found: found)
    }
    var reader = RecordReader(part: .header, bytes: bytes, base: 0)
    _ = try reader.raw(Self.magic.count)
    let version = try reader.u32()
    let headerSize = try reader.u32()
    fileSize = try reader.integer(UInt64.self)
    directoryOffset = try reader.integer(UInt64.self)
    entryCount = try reader.integer(UInt32.self)
    let reserved = try reader.integer(UInt32.self)
    directoryChecksum = try reader.integer(UInt64.self)
    let reservedToo = try reader.integer(UInt64.self)
    let expected = try reader.integer(UInt64.self)
    let checksum = XXH64.checksum(Array(bytes[..<(Self.byteCount - 8)]))
    if checksum != expected {
      throw .checksum(part: .header, offset: 0, expected: expected, found: checksum)
    }
    if version != Self.version { throw .version(found: version, supported: Self.version) }
    if headerSize != Self.byteCount {
      throw reader.field("header size", "\(headerSize)", at: 12)
    }
    if reserved != 0 { throw reader.field("reserved field", "\(reserved)", at: 36) }
    if reservedToo != 0 { throw reader.field("reserved field", "\(reservedToo)", at: 48) }
    if fileSize != found { throw .fileSize(expected: fileSize, found: found) }
  }

  init(fileSize: UInt64, directoryOffset: UInt64, entryCount: UInt32, directoryChecksum: UInt64) {
    self.fileSize = fileSize
    self.directoryOffset = directoryOffset
    self.entryCount = entryCount
    self.directoryChecksum = directoryChecksum
  }
}

/// One line of the directory.
package struct PackRecord: Equatable, Sendable {
  static let byteCount = 32
  static let contentVersion: UInt16 = 1
  private static let criticalFlag: UInt16 = 1
  private static let partsFlag: UInt16 = 2

  /// The four characters as a little-endian number.
  var code: UInt32
  /// A reader that does not know the record must refuse the pack.
  package var isCritical: Bool
  /// Its content has no checksum of its own: the tensor record holds one for each part.
  var isCheckedByParts: Bool
  package var version: UInt16
  package var offset: UInt64
  package var byteCount: UInt64
  package var checksum: UInt64

  /// The four characters.
  package var type: String { RecordType.name(code: code) }
  /// The type, if this version knows it.
  package var known: RecordType? {
    version == Self.contentVersion ? RecordType(rawValue: code) : nil
  }
  var part: PackPart { .record(type: type) }

  func encode(into writer: inout ByteWriter) {
    writer.uint32(code)
    writer.uint16(
      (isCritical ? Self.criticalFlag : 0) | (isCheckedByParts ? Self.partsFlag : 0))
    writer.uint16(version)
    writer.uint64(offset)
    writer.uint64(byteCount)
    writer.uint64(checksum)
  }

  init(from reader: inout RecordReader) throws(PackError) {
    code = try reader.integer(UInt32.self)
    let start = reader.offset
    let flags = try reader.integer(UInt16.self)
    isCritical = flags & Self.criticalFlag != 0
    isCheckedByParts = flags & Self.partsFlag != 0
    version = try reader.integer(UInt16.self)
    offset = try reader.integer(UInt64.self)
    byteCount = try reader.integer(UInt64.self)
    checksum = try reader.integer(UInt64.self)
    if flags & ~(Self.criticalFlag | Self.partsFlag) != 0 {
      throw reader.field("record flags", "\(flags)", at: start)
    }
    let isData = code == RecordType.data.rawValue
    if isCheckedByParts != isData { throw reader.field("record flags", "\(flags)", at: start) }
    if isCheckedByParts && checksum != 0 {
      throw reader.field("checksum", "\(checksum)", at: start + 20)
    }
    if let type = RecordType(rawValue: code), type.isCritical != isCritical {
      throw reader.field("record flags", "\(flags)", at: start)
    }
  }

  init(type: RecordType, offset: UInt64, byteCount: UInt64, checksum: UInt64) {
    code = type.rawValue
    isCritical = type.isCritical
    isCheckedByParts = type == .data
    version = Self.contentVersion
    self.offset = offset
    self.byteCount = byteCount
    self.checksum = checksum
  }
}

/// The next aligned offset; `nil` on overflow.
func alignedUp(_ offset: UInt64) -> UInt64? {
  let (sum, overflow) = offset.addingReportingOverflow(PackHeader.alignment - 1)
  return overflow ? nil : sum & ~(PackHeader.alignment - 1)
}
