// In: the bytes of a PNG, JPEG or WebP file. Out: `[height, width, 3]` RGB bytes, equal bit for bit to Pillow's
// `Image.open(file).convert("RGB")`, and from there the square pixels of a model (`Pixels.prepared(for:)`).
//
// As in the reference, alpha is dropped and never composited, gamma and color profiles are ignored, and the EXIF
// orientation is not applied. Refused, each with a case of `ImageError`: unknown formats, files cut short or damaged
// (codec warnings included: no gray filler), pictures without pixels, pictures beyond `ImageLimits`, PNGs and JPEGs with
// more pixels than their bytes can hold, and animations that are not PNG (an animated PNG gives its default picture). Bytes
// after the end of the picture are ignored.

import MartletModel

/// Turns the bytes of a picture into pixels.
package enum ImageDecoder {
  /// The format these first bytes announce; file names are never asked.
  package static func format(of bytes: RawSpan) -> ImageFormat? {
    if begins(bytes, at: 0, PNGDecoder.signature) { return .png }
    if begins(bytes, at: 0, JPEGDecoder.signature) { return .jpeg }
    if begins(bytes, at: 0, WebPDecoder.container), begins(bytes, at: 8, WebPDecoder.form) {
      return .webp
    }
    return nil
  }

  /// Decodes a picture; `name` (its path, mostly) goes into errors only.
  ///
  /// Allocates 3 bytes a pixel for the result, after the header has passed `limits`; the codecs need a few rows more,
  /// a progressive JPEG or a WebP another 2 to 6 bytes a pixel.
  package static func pixels(
    of bytes: RawSpan, name: String, limits: ImageLimits = .standard
  ) throws(ImageError) -> Pixels {
    switch format(of: bytes) {
    case .png: return try PNGDecoder.pixels(of: bytes, name: name, limits: limits)
    case .jpeg: return try JPEGDecoder.pixels(of: bytes, name: name, limits: limits)
    case .webp: return try WebPDecoder.pixels(of: bytes, name: name, limits: limits)
    case nil:
      var first: [UInt8] = []
      for offset in 0..<min(bytes.byteCount, 12) { first.append(byte(bytes, offset)) }
      throw .unknownFormat(name: name, firstBytes: first)
    }
  }

  /// The same from an array.
  package static func pixels(
    of bytes: [UInt8], name: String, limits: ImageLimits = .standard
  ) throws(ImageError) -> Pixels {
    // SAFETY: bytes are read as bytes.
    try unsafe pixels(of: bytes.span.bytes, name: name, limits: limits)
  }

  private static func begins(_ bytes: RawSpan, at offset: Int, _ expected: [UInt8]) -> Bool {
    guard bytes.byteCount >= offset + expected.count else { return false }
    for (index, value) in expected.enumerated() where byte(bytes, offset + index) != value {
      return false
    }
    return true
  }

  /// The byte at an offset; outside is a trap.
  static func byte(_ bytes: RawSpan, _ offset: Int) -> UInt8 {
    // SAFETY: every bit pattern is a byte, and the load itself checks the offset.
    unsafe bytes.unsafeLoad(fromByteOffset: offset, as: UInt8.self)
  }

  /// Four bytes at an offset, the highest first; outside is a trap.
  static func bigEndian32(_ bytes: RawSpan, _ offset: Int) -> Int {
    var value = 0
    for index in 0..<4 { value = value << 8 | Int(byte(bytes, offset + index)) }
    return value
  }
}
