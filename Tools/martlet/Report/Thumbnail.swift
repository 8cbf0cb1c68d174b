// A small JPEG of a picture, to stand inside a page. The only file of this target that holds pointers of a C library.

import CTurboJPEG
import Foundation
import MartletImages
import MartletModel

/// A picture small enough to stand inside a page.
enum Thumbnail {
  /// Longest side in pixels.
  static let side = 288

  /// A `data:` address; `nil` where the library refuses.
  static func address(of pixels: Pixels) -> String? {
    let scale = min(1, Double(side) / Double(max(pixels.width, pixels.height)))
    let small =
      scale < 1
      ? pixels.resized(
        width: max(1, Int((Double(pixels.width) * scale).rounded())),
        height: max(1, Int((Double(pixels.height) * scale).rounded()))) : pixels
    return jpeg(small).map { "data:image/jpeg;base64," + Data($0).base64EncodedString() }
  }

  private static func jpeg(_ pixels: Pixels) -> [UInt8]? {
    guard let encoder = unsafe tjInitCompress() else { return nil }
    // SAFETY: the handle came from tjInitCompress and is used by nobody after this function.
    defer { unsafe tjDestroy(encoder) }
    var buffer: UnsafeMutablePointer<UInt8>?
    var size: UInt = 0
    // SAFETY: the pixels are height rows of width times three bytes; the library allocates what it returns.
    let status = unsafe pixels.bytes.withUnsafeBufferPointer { input in
      unsafe tjCompress2(
        encoder, input.baseAddress, Int32(pixels.width), 0, Int32(pixels.height),
        Int32(TJPF_RGB.rawValue), &buffer, &size, Int32(TJSAMP_420.rawValue), 78,
        TJFLAG_ACCURATEDCT)
    }
    defer { unsafe tjFree(buffer) }
    guard status == 0, let buffer = unsafe buffer else { return nil }
    // SAFETY: the library wrote `size` bytes.
    return unsafe [UInt8](UnsafeBufferPointer(start: buffer, count: Int(size)))
  }
}
