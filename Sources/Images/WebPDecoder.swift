import CWebP
import MartletModel

/// Still WebP, lossy or lossless, through libwebp; animations are refused.
///
/// Memory: 3 bytes a pixel and libwebp's own; for a lossless picture that includes up to 20 KB for each group of Huffman
/// codes it names, which a file made for it can drive to 20 KB for each of its bytes, and no setting of libwebp limits.
enum WebPDecoder {
  /// "RIFF" at 0, then the size of what follows, then "WEBP".
  static let container: [UInt8] = [0x52, 0x49, 0x46, 0x46]
  static let form: [UInt8] = [0x57, 0x45, 0x42, 0x50]

  static func pixels(
    of bytes: RawSpan, name: String, limits: ImageLimits
  ) throws(ImageError) -> Pixels {
    try checkSize(of: bytes, name: name)
    var features = WebPBitstreamFeatures()
    // SAFETY: the library reads only the bytes given and fills the struct.
    let status = unsafe bytes.withUnsafeBytes { input in
      unsafe WebPGetFeatures(
        input.baseAddress?.assumingMemoryBound(to: UInt8.self), input.count, &features)
    }
    let width = Int(features.width)
    let height = Int(features.height)
    try check(status, bytes, name: name, width: width, height: height)
    guard features.has_animation == 0 else {
      throw .unsupported(name: name, format: .webp, feature: "animation")
    }
    try limits.check(width: width, height: height, name: name)
    return try decoded(bytes, name: name, width: width, height: height)
  }

  /// Compares the size in the RIFF header with the bytes present.
  private static func checkSize(of bytes: RawSpan, name: String) throws(ImageError) {
    var declared = 0
    for index in 0..<4 { declared |= Int(ImageDecoder.byte(bytes, 4 + index)) << (8 * index) }
    guard declared + 8 <= bytes.byteCount else {
      throw .truncated(
        name: name, format: .webp, expected: declared + 8, found: bytes.byteCount)
    }
  }

  private static func decoded(
    _ bytes: RawSpan, name: String, width: Int, height: Int
  ) throws(ImageError) -> Pixels {
    let size = width * height * 3
    var config = unsafe WebPDecoderConfig()
    guard unsafe WebPInitDecoderConfig(&config) != 0 else {
      throw .unsupported(name: name, format: .webp, feature: "libwebp of another version")
    }
    var status = VP8_STATUS_OK
    // SAFETY: the library writes at most `size` bytes in rows of the stride given; both buffers outlive the call.
    let rgb = unsafe [UInt8](unsafeUninitializedCapacity: size) { output, count in
      unsafe config.output.colorspace = MODE_RGB
      unsafe config.output.is_external_memory = 1
      unsafe config.output.u.RGBA.rgba = output.baseAddress
      unsafe config.output.u.RGBA.stride = Int32(width * 3)
      unsafe config.output.u.RGBA.size = size
      status = unsafe bytes.withUnsafeBytes { input in
        unsafe WebPDecode(
          input.baseAddress?.assumingMemoryBound(to: UInt8.self), input.count, &config)
      }
      count = status == VP8_STATUS_OK ? size : 0
    }
    try check(status, bytes, name: name, width: width, height: height)
    return Pixels(height: height, width: width, bytes: rgb)
  }

  private static func check(
    _ status: VP8StatusCode, _ bytes: RawSpan, name: String, width: Int, height: Int
  ) throws(ImageError) {
    switch status {
    case VP8_STATUS_OK: return
    case VP8_STATUS_OUT_OF_MEMORY:
      throw .outOfMemory(name: name, format: .webp, width: width, height: height)
    case VP8_STATUS_NOT_ENOUGH_DATA, VP8_STATUS_SUSPENDED:
      throw .truncated(
        name: name, format: .webp, expected: bytes.byteCount + 1, found: bytes.byteCount)
    case VP8_STATUS_UNSUPPORTED_FEATURE:
      throw .unsupported(name: name, format: .webp, feature: "a feature libwebp does not know")
    default:
      throw .damaged(name: name, format: .webp, reason: "bitstream error \(status.rawValue)")
    }
  }
}
