import MartletBytes

// Checksums put right after a mutation: without that, hardly an input would be read beyond its first bytes. Places and
// sizes are taken as they are; what lies outside the input is left alone.

extension [UInt8] {
  /// A little-endian number, or `nil` outside.
  fileprivate func number(_ offset: Int, bytes: Int) -> UInt64? {
    if offset < 0 || offset > count - bytes { return nil }
    return (0..<bytes).reversed().reduce(0) { $0 << 8 | UInt64(self[offset + $1]) }
  }

  /// The same as a size or place; what no input has, becomes one beyond all.
  fileprivate func size(_ offset: Int, bytes: Int) -> Int? {
    number(offset, bytes: bytes).map { $0 > 1 << 40 ? 1 << 40 : Int($0) }
  }

  fileprivate mutating func put(_ value: UInt64, at offset: Int) {
    if offset < 0 || offset > count - 8 { return }
    for index in 0..<8 { self[offset + index] = UInt8(truncatingIfNeeded: value >> (8 * index)) }
  }

  fileprivate func checksum(_ start: Int, _ size: Int) -> UInt64? {
    if start < 0 || size < 0 || start > count - size { return nil }
    return XXH64.checksum(Array(self[start..<start + size]))
  }
}

/// Calibration tables: the size of the body, the checksum of everything.
enum TableSeal {
  static func sealed(_ input: [UInt8]) -> [UInt8]? {
    var bytes = input
    if bytes.count < 32 { return nil }
    bytes.put(UInt64(bytes.count - 32), at: 16)
    if let checksum = bytes.checksum(0, bytes.count - 8) {
      bytes.put(checksum, at: bytes.count - 8)
    }
    return bytes
  }
}

/// Packs: frames, records, directory, header, in this order, since each states the checksums of the one before.
enum PackSeal {
  private static let entryBytes = 32

  static func sealed(_ input: [UInt8]) -> [UInt8]? {
    var bytes = input
    guard bytes.count >= 64, let directory = bytes.size(24, bytes: 8),
      let entries = bytes.size(32, bytes: 4)
    else { return nil }
    let shown = min(entries, bytes.count / entryBytes)
    for index in 0..<shown {
      let entry = directory + index * entryBytes
      guard bytes.number(entry, bytes: 4) == code("TENS"),
        let start = bytes.size(entry + 8, bytes: 8)
      else { continue }
      sealFrames(&bytes, record: start)
    }
    for index in 0..<shown {
      let entry = directory + index * entryBytes
      guard let start = bytes.size(entry + 8, bytes: 8),
        let size = bytes.size(entry + 16, bytes: 8),
        bytes.number(entry, bytes: 4) != code("DATA"), let checksum = bytes.checksum(start, size)
      else { continue }
      bytes.put(checksum, at: entry + 24)
    }
    bytes.put(UInt64(bytes.count), at: 16)
    if let checksum = bytes.checksum(directory, shown * entryBytes) { bytes.put(checksum, at: 40) }
    if let checksum = bytes.checksum(0, 56) { bytes.put(checksum, at: 56) }
    return bytes
  }

  private static func code(_ name: StaticString) -> UInt64 {
    (0..<4).reversed().reduce(0) { $0 << 8 | UInt64(name.utf8Start[$1]) }
  }

  /// Walks the tensor record as pack-format.md has it, as far as it holds.
  private static func sealFrames(_ bytes: inout [UInt8], record: Int) {
    guard let frameBytes = bytes.size(record, bytes: 4), frameBytes > 0,
      let tensors = bytes.size(record + 4, bytes: 4)
    else { return }
    var place = record + 8
    for _ in 0..<min(tensors, bytes.count) {
      guard let name = bytes.size(place, bytes: 4),
        let rank = bytes.size(place + 4 + name, bytes: 1)
      else { return }
      place += 4 + name + 1 + 4 * rank + 1
      guard let components = bytes.size(place, bytes: 1) else { return }
      place += 1
      for _ in 0..<components {
        guard var data = bytes.size(place + 2, bytes: 8),
          let size = bytes.size(place + 10, bytes: 8)
        else { return }
        place += 18
        for _ in 0..<min((size + frameBytes - 1) / frameBytes, bytes.count) {
          guard let stored = bytes.size(place, bytes: 4) else { return }
          if let checksum = bytes.checksum(data, stored) { bytes.put(checksum, at: place + 4) }
          data += stored
          place += 12
        }
      }
    }
  }
}

/// PNG: the checksum of every chunk.
enum PNGSeal {
  static func sealed(_ input: [UInt8]) -> [UInt8]? {
    var bytes = input
    var place = 8
    while place <= bytes.count - 12 {
      let size = (0..<4).reduce(0) { $0 << 8 | Int(bytes[place + $1]) }
      if size > bytes.count - place - 12 { break }
      let checksum = crc(bytes[(place + 4)..<(place + 8 + size)])
      for index in 0..<4 {
        bytes[place + 8 + size + index] = UInt8(truncatingIfNeeded: checksum >> (24 - 8 * index))
      }
      place += 12 + size
    }
    return bytes
  }

  private static let table: [UInt32] = (0..<256).map { index in
    (0..<8).reduce(UInt32(index)) { value, _ in value >> 1 ^ (value & 1 == 0 ? 0 : 0xEDB8_8320) }
  }

  private static func crc(_ bytes: ArraySlice<UInt8>) -> UInt32 {
    ~bytes.reduce(~UInt32(0)) { table[Int(($0 ^ UInt32($1)) & 0xFF)] ^ $0 >> 8 }
  }
}
