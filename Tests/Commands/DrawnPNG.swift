import MartletBytes

/// A PNG whose header says whatever it is told to, with checksums that hold; or one of given pixels.
enum DrawnPNG {
  /// A picture of these pixels, red green blue, stored without compression.
  static func bytes(of pixels: [UInt8], width: Int) -> [UInt8] {
    let height = pixels.count / (3 * width)
    var rows: [UInt8] = []
    // Every row begins with its filter: none.
    for row in 0..<height { rows += [0] + pixels[(row * 3 * width)..<((row + 1) * 3 * width)] }
    precondition(rows.count < 65536, "one stored block holds the picture")
    let size = [rows.count, 65535 - rows.count].flatMap { [UInt8($0 & 255), UInt8($0 >> 8)] }
    var (a, b) = (1, 0)
    for byte in rows {
      a = (a + Int(byte)) % 65521
      b = (b + a) % 65521
    }
    let data = [0x78, 0x01, 0x01] + size + rows + bigEndian(b << 16 | a)
    return bytes(width: width, height: height, data: data)
  }

  /// A header over a zlib stream of nothing.
  static func bytes(width: Int, height: Int) -> [UInt8] {
    bytes(width: width, height: height, data: [0x78, 0x9C, 0x03, 0x00, 0x00, 0x00, 0x00, 0x01])
  }

  private static func bytes(width: Int, height: Int, data: [UInt8]) -> [UInt8] {
    var header = bigEndian(width) + bigEndian(height)
    // Eight bits, red green blue, no interlacing.
    header += [8, 2, 0, 0, 0]
    return [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A] + chunk("IHDR", header)
      + chunk("IDAT", data) + chunk("IEND", [])
  }

  private static func chunk(_ type: String, _ content: [UInt8]) -> [UInt8] {
    let body = Array(type.utf8) + content
    return bigEndian(content.count) + body + bigEndian(Int(checksum(body)))
  }

  private static func bigEndian(_ value: Int) -> [UInt8] {
    [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: value >> $0) }
  }

  /// CRC-32 as PNG defines it, bit by bit.
  private static func checksum(_ bytes: [UInt8]) -> UInt32 {
    var remainder = UInt32.max
    for byte in bytes {
      remainder ^= UInt32(byte)
      for _ in 0..<8 {
        remainder = remainder & 1 == 1 ? remainder >> 1 ^ 0xEDB8_8320 : remainder >> 1
      }
    }
    return ~remainder
  }
}
