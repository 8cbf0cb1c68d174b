import MartletBytes
import MartletPack

/// The bytes of a pack taken apart and put together again, by Formats/pack-format.md and not by the module's code.
///
/// `signed()` makes all checksums and places fit, so that a change behind them is what a reader meets.
struct PackImage {
  struct Record {
    var type: String
    var flags: UInt16
    var version: UInt16 = 1
    var content: [UInt8]
  }
  var records: [Record] = []

  init(_ bytes: [UInt8]) {
    let directory = Int(Self.number(bytes, 24, 8))
    for entry in stride(from: directory, to: bytes.count, by: 32) {
      let start = Int(Self.number(bytes, entry + 8, 8))
      let count = Int(Self.number(bytes, entry + 16, 8))
      records.append(
        Record(
          type: String(decoding: bytes[entry..<entry + 4], as: UTF8.self),
          flags: UInt16(Self.number(bytes, entry + 4, 2)),
          version: UInt16(Self.number(bytes, entry + 6, 2)),
          content: Array(bytes[start..<start + count])))
    }
  }

  static func number(_ bytes: [UInt8], _ offset: Int, _ count: Int) -> UInt64 {
    var value: UInt64 = 0
    for index in 0..<count { value |= UInt64(bytes[offset + index]) << UInt64(8 * index) }
    return value
  }

  static func store(_ value: UInt64, _ count: Int, in bytes: inout [UInt8], at offset: Int) {
    for index in 0..<count {
      bytes[offset + index] = UInt8(truncatingIfNeeded: value >> UInt64(8 * index))
    }
  }

  subscript(_ type: String) -> [UInt8] {
    get { records.first { $0.type == type }?.content ?? [] }
    set {
      for index in records.indices where records[index].type == type {
        records[index].content = newValue
      }
    }
  }

  /// The file with these records; the offsets inside `TENS` stay as they are.
  func signed() -> [UInt8] {
    var writer = ByteWriter()
    writer.append([UInt8](repeating: 0, count: 64))
    var directory = ByteWriter()
    for record in records {
      writer.pad(to: 64)
      directory.text(record.type)
      directory.uint16(record.flags)
      directory.uint16(record.version)
      directory.size(writer.count)
      directory.size(record.content.count)
      directory.uint64(record.type == "DATA" ? 0 : XXH64.checksum(record.content))
      writer.append(record.content)
    }
    writer.pad(to: 64)
    let offset = writer.count
    writer.append(directory.bytes)
    var header = ByteWriter()
    header.append([0x89, 0x4D, 0x4C, 0x54, 0x0D, 0x0A, 0x1A, 0x0A])
    header.uint32(1)
    header.uint32(64)
    header.size(writer.count)
    header.size(offset)
    header.uint32(UInt32(records.count))
    header.uint32(0)
    header.uint64(XXH64.checksum(directory.bytes))
    header.uint64(0)
    header.uint64(XXH64.checksum(header.bytes))
    return header.bytes + writer.bytes[64...]
  }

  /// The bytes of a file with a header whose checksum fits again.
  static func resigned(_ bytes: [UInt8]) -> [UInt8] {
    var bytes = bytes
    store(XXH64.checksum(Array(bytes[..<56])), 8, in: &bytes, at: 56)
    return bytes
  }
}
