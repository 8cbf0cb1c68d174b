import MartletBytes

/// The bytes of a pack taken apart and put together again, by Formats/pack-format.md and not by the module's code.
///
/// `signed()` makes all checksums and places fit, so that a change behind them is what a reader meets.
package struct PackImage {
  package struct Record {
    package var type: String
    package var flags: UInt16
    package var version: UInt16 = 1
    package var content: [UInt8]

    package init(type: String, flags: UInt16, version: UInt16 = 1, content: [UInt8]) {
      (self.type, self.flags, self.version, self.content) = (type, flags, version, content)
    }
  }
  package var records: [Record] = []

  package init(_ bytes: [UInt8]) {
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

  package static func number(_ bytes: [UInt8], _ offset: Int, _ count: Int) -> UInt64 {
    var value: UInt64 = 0
    for index in 0..<count { value |= UInt64(bytes[offset + index]) << UInt64(8 * index) }
    return value
  }

  package static func store(_ value: UInt64, _ count: Int, in bytes: inout [UInt8], at offset: Int)
  {
    for index in 0..<count {
      bytes[offset + index] = UInt8(truncatingIfNeeded: value >> UInt64(8 * index))
    }
  }

  package subscript(_ type: String) -> [UInt8] {
    get { records.first { $0.type == type }?.content ?? [] }
    set {
      for index in records.indices where records[index].type == type {
        records[index].content = newValue
      }
    }
  }

  /// The file with these records; the offsets inside `TENS` stay as they are.
  package func signed() -> [UInt8] {
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
  package static func resigned(_ bytes: [UInt8]) -> [UInt8] {
    var bytes = bytes
    store(XXH64.checksum(Array(bytes[..<56])), 8, in: &bytes, at: 56)
    return bytes
  }

  /// The same with the checksums of all frames made to fit `DATA`, as a tool that edits weights would do.
  package mutating func resignFrames() {
    var tensors = self["TENS"]
    let data = self["DATA"]
    func number(_ offset: Int, _ count: Int) -> Int { Int(Self.number(tensors, offset, count)) }
    let frameBytes = number(0, 4)
    var place = 8
    var first: Int?
    for _ in 0..<number(4, 4) {
      place += 4 + number(place, 4)
      place += 1 + 4 * number(place, 1) + 1
      let components = number(place, 1)
      place += 1
      for _ in 0..<components {
        // Offsets count from the start of the file; the first component lies where `DATA` begins.
        var offset = number(place + 2, 8)
        let start = first ?? offset
        first = start
        let frames = (number(place + 10, 8) + frameBytes - 1) / frameBytes
        place += 18
        for _ in 0..<frames {
          let end = offset + number(place, 4)
          let checksum = XXH64.checksum(Array(data[offset - start..<end - start]))
          Self.store(checksum, 8, in: &tensors, at: place + 4)
          offset = end
          place += 12
        }
      }
    }
    self["TENS"] = tensors
  }
}
