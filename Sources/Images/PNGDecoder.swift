import CMartletCodecs
import MartletModel

/// PNG through libpng: every color type and depth, interlaced or not.
enum PNGDecoder {
  static let signature: [UInt8] = [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A]

  /// What the first 29 bytes, signature and IHDR chunk, say.
  private struct Header {
    var width: Int
    var height: Int
    var depth: Int
    var colorType: Int

    /// Samples of one pixel, or `nil` for a color type that does not exist.
    var samples: Int? {
      switch colorType {
      case 0, 3: 1
      case 2: 3
      case 4: 2
      case 6: 4
      default: nil
      }
    }

    var isGray16: Bool { colorType == 0 && depth == 16 }
  }

  static func pixels(
    of bytes: RawSpan, name: String, limits: ImageLimits
  ) throws(ImageError) -> Pixels {
    let header = try header(of: bytes, name: name)
    try limits.check(width: header.width, height: header.height, name: name)
    try checkDensity(header, byteCount: bytes.byteCount, name: name)
    let rows = try rows(of: bytes, header, name: name)
    let rgb = header.isGray16 ? saturated(rows) : rows
    return Pixels(height: header.height, width: header.width, bytes: rgb)
  }

  private static func header(of bytes: RawSpan, name: String) throws(ImageError) -> Header {
    guard bytes.byteCount >= 29 else {
      throw .truncated(name: name, format: .png, expected: 29, found: bytes.byteCount)
    }
    guard ImageDecoder.bigEndian32(bytes, 8) == 13, ImageDecoder.bigEndian32(bytes, 12) == ihdr
    else {
      throw .damaged(name: name, format: .png, reason: "the first chunk is not a 13 byte IHDR")
    }
    return Header(
      width: ImageDecoder.bigEndian32(bytes, 16), height: ImageDecoder.bigEndian32(bytes, 20),
      depth: Int(ImageDecoder.byte(bytes, 24)), colorType: Int(ImageDecoder.byte(bytes, 25)))
  }

  /// "IHDR" as a number.
  private static let ihdr = 0x4948_4452

  /// Deflate turns one byte into at most 1032, so a short file cannot hold a large picture: refused before allocation.
  private static func checkDensity(
    _ header: Header, byteCount: Int, name: String
  ) throws(ImageError) {
    guard let samples = header.samples, header.depth <= 16 else {
      throw .damaged(
        name: name, format: .png,
        reason: "color type \(header.colorType) with \(header.depth) bits does not exist")
    }
    // Extents are within limits, so nothing below overflows.
    let needed = (header.width * samples * header.depth + 7) / 8 * header.height / 1032
    guard byteCount >= needed else {
      throw .truncated(name: name, format: .png, expected: needed, found: byteCount)
    }
  }

  /// `[height, width, 3]` bytes, or `[height, width]` samples of two bytes for 16-bit gray.
  private static func rows(
    of bytes: RawSpan, _ header: Header, name: String
  ) throws(ImageError) -> [UInt8] {
    let rowBytes = header.width * (header.isGray16 ? 2 : 3)
    let size = rowBytes * header.height
    var status = MARTLET_PNG_OK
    var reason = ""
    // SAFETY: the C function writes height rows of rowBytes, or refuses; both buffers outlive the call.
    let rows = unsafe [UInt8](unsafeUninitializedCapacity: size) { output, count in
      unsafe bytes.withUnsafeBytes { input in
        unsafe withUnsafeTemporaryAllocation(of: CChar.self, capacity: Int(MARTLET_PNG_MESSAGE)) {
          message in
          guard let source = input.baseAddress, let rows = output.baseAddress,
            let words = message.baseAddress
          else { return }
          status = unsafe martlet_png_decode(
            source.assumingMemoryBound(to: UInt8.self), input.count, UInt32(header.width),
            UInt32(header.height), rows, rowBytes, words)
          reason = unsafe String(cString: words)
        }
      }
      count = status == MARTLET_PNG_OK ? size : 0
    }
    switch status {
    case MARTLET_PNG_OK: return rows
    case MARTLET_PNG_TRUNCATED:
      throw .truncated(
        name: name, format: .png, expected: bytes.byteCount + 1, found: bytes.byteCount)
    case MARTLET_PNG_NO_MEMORY:
      throw .outOfMemory(
        name: name, format: .png, width: header.width, height: header.height)
    default: throw .damaged(name: name, format: .png, reason: reason)
    }
  }

  /// 16-bit gray as Pillow's "I;16" to "RGB" makes it: values over 255 saturate.
  ///
  /// Every other 16-bit picture keeps its high byte; this one turns almost white. A model's reference answers are
  /// computed from these pixels, so they are followed (Pillow 13, `Convert.c`).
  private static func saturated(_ samples: [UInt8]) -> [UInt8] {
    var rgb = [UInt8](repeating: 0, count: samples.count / 2 * 3)
    for index in 0..<samples.count / 2 {
      let value = samples[2 * index] == 0 ? samples[2 * index + 1] : 255
      rgb[3 * index] = value
      rgb[3 * index + 1] = value
      rgb[3 * index + 2] = value
    }
    return rgb
  }
}
