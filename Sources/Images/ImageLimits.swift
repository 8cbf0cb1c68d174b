/// How large a picture may be, checked against its header before anything is allocated for it.
package struct ImageLimits: Equatable, Sendable {
  /// Longest side in pixels.
  package var side: Int
  /// Most pixels in all; decoding takes 3 bytes a pixel, and up to 9 for a progressive JPEG.
  package var pixels: Int

  package init(side: Int, pixels: Int) {
    self.side = side
    self.pixels = pixels
  }

  /// Sides up to 32768 (panoramas) and 64 Mi pixels (larger than any common camera's): 192 MiB decoded.
  package static let standard = ImageLimits(side: 32768, pixels: 1 << 26)

  /// - Throws: `empty`, `sideTooLong` or `tooManyPixels`.
  func check(width: Int, height: Int, name: String) throws(ImageError) {
    guard width > 0, height > 0 else { throw .empty(name: name, width: width, height: height) }
    guard width <= side, height <= side else {
      throw .sideTooLong(name: name, width: width, height: height, limit: side)
    }
    let (count, overflow) = width.multipliedReportingOverflow(by: height)
    guard !overflow, count <= pixels else {
      throw .tooManyPixels(name: name, width: width, height: height, limit: pixels)
    }
  }
}
