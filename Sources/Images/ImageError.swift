/// A format that `ImageDecoder` reads, recognized by its first bytes.
package enum ImageFormat: UInt8, Equatable, Sendable, CaseIterable, CustomStringConvertible {
  case png = 0
  case jpeg = 1
  case webp = 2

  package var description: String {
    switch self {
    case .png: "PNG"
    case .jpeg: "JPEG"
    case .webp: "WebP"
    }
  }
}

/// Why a picture could not become pixels. `name` is the path or whatever else the caller calls the picture.
package enum ImageError: Error, Equatable, Sendable {
  /// The first bytes (at most 12) are those of no known format.
  case unknownFormat(name: String, firstBytes: [UInt8])
  /// The file ends too early: it needs at least `expected` bytes, and `found` are there.
  case truncated(name: String, format: ImageFormat, expected: Int, found: Int)
  /// The codec refused the bytes; `reason` is in its own words.
  case damaged(name: String, format: ImageFormat, reason: String)
  /// Readable by others, but not by this reader: `feature` says what.
  case unsupported(name: String, format: ImageFormat, feature: String)
  /// A picture without pixels.
  case empty(name: String, width: Int, height: Int)
  /// The header declares a side beyond `limit` pixels.
  case sideTooLong(name: String, width: Int, height: Int, limit: Int)
  /// The header declares more than `limit` pixels.
  case tooManyPixels(name: String, width: Int, height: Int, limit: Int)
  /// The codec could not get memory for the picture.
  case outOfMemory(name: String, format: ImageFormat, width: Int, height: Int)
  /// A model's image specification that cannot be followed: `what` is `found`.
  case specification(what: String, found: Int)
}
