import CTurboJPEG
import MartletModel

/// JPEG through libjpeg-turbo: baseline and progressive, gray, color and four inks.
///
/// Accurate DCT and smooth chroma upsampling, the library's defaults and the reference's. Warnings are errors: a damaged
/// file would otherwise come back with gray filler.
enum JPEGDecoder {
  static let signature: [UInt8] = [0xFF, 0xD8, 0xFF]

  private struct Header {
    var width: Int
    var height: Int
    var hasInks: Bool
  }

  /// `TJFLAG_LIMITSCANS` ends at 500 scans, should `JPEGOutline` have missed any.
  private static let flags = TJFLAG_ACCURATEDCT | TJFLAG_STOPONWARNING | TJFLAG_LIMITSCANS

  static func pixels(
    of bytes: RawSpan, name: String, limits: ImageLimits
  ) throws(ImageError) -> Pixels {
    guard let decoder = unsafe tjInitDecompress() else {
      throw .outOfMemory(name: name, format: .jpeg, width: 0, height: 0)
    }
    // SAFETY: the handle came from tjInitDecompress and is used by nobody after this function.
    defer { unsafe tjDestroy(decoder) }
    let header = try unsafe header(of: bytes, decoder, name: name)
    try limits.check(width: header.width, height: header.height, name: name)
    try JPEGOutline(bytes).check(
      width: header.width, height: header.height, byteCount: bytes.byteCount, name: name)
    let format = header.hasInks ? TJPF_CMYK : TJPF_RGB
    let samples = header.hasInks ? 4 : 3
    let size = header.width * header.height * samples
    var status: Int32 = -1
    // SAFETY: the library writes height rows of width pixels, as its own header reading gave them, into `size` bytes.
    let rows = unsafe [UInt8](unsafeUninitializedCapacity: size) { output, count in
      status = unsafe bytes.withUnsafeBytes { input in
        unsafe tjDecompress2(
          decoder, input.baseAddress?.assumingMemoryBound(to: UInt8.self), UInt(input.count),
          output.baseAddress, Int32(header.width), Int32(header.width * samples),
          Int32(header.height), Int32(format.rawValue), flags)
      }
      count = status == 0 ? size : 0
    }
    guard status == 0 else { throw unsafe damage(decoder, name: name) }
    return Pixels(
      height: header.height, width: header.width, bytes: header.hasInks ? rgb(inks: rows) : rows)
  }

  private static func header(
    of bytes: RawSpan, _ decoder: tjhandle, name: String
  ) throws(ImageError) -> Header {
    var width: Int32 = -1
    var height: Int32 = -1
    var sampling: Int32 = -1
    var space: Int32 = -1
    // SAFETY: the library reads only the bytes given and writes the four integers.
    let status = unsafe bytes.withUnsafeBytes { input in
      unsafe tjDecompressHeader3(
        decoder, input.baseAddress?.assumingMemoryBound(to: UInt8.self), UInt(input.count),
        &width, &height, &sampling, &space)
    }
    // Chroma samplings and color spaces without a name in TurboJPEG make it fail, yet the extents have been read: such
    // samplings decode all the same.
    if status != 0, width <= 0 || height <= 0 || space >= 0 && sampling >= 0 {
      throw unsafe damage(decoder, name: name)
    }
    guard space >= 0 else {
      throw .unsupported(name: name, format: .jpeg, feature: "color space of this picture")
    }
    let hasInks = space == TJCS_CMYK.rawValue || space == TJCS_YCCK.rawValue
    return Header(width: Int(width), height: Int(height), hasInks: hasInks)
  }

  private static func damage(_ decoder: tjhandle, name: String) -> ImageError {
    // SAFETY: the message is a string inside the handle, copied here.
    let reason = unsafe String(cString: tjGetErrorStr2(decoder))
    return .damaged(name: name, format: .jpeg, reason: reason)
  }

  /// Four inks to RGB, `[pixels, 4]` to `[pixels, 3]`, as Pillow does it.
  ///
  /// Files hold `255 − ink` (Adobe's convention, assumed for all of them). With key k and ink c:
  /// `red = max(0, 255 − k − c·(255 − k) / 255)`, the division rounded as `(t + (t >> 8)) >> 8`, `t = product + 128`.
  private static func rgb(inks: [UInt8]) -> [UInt8] {
    var rgb = [UInt8](repeating: 0, count: inks.count / 4 * 3)
    for pixel in 0..<inks.count / 4 {
      let key = Int(inks[4 * pixel + 3])
      for channel in 0..<3 {
        let scaled = (255 - Int(inks[4 * pixel + channel])) * key + 128
        rgb[3 * pixel + channel] = UInt8(max(0, key - (scaled + scaled >> 8) >> 8))
      }
    }
    return rgb
  }
}
