import CFuzzGuard
import MartletImages
import MartletModel

/// Pictures, decoded and brought to a model's square.
enum Pictures {
  /// Smaller than the program's, whose time is proportional: an input has a second, sanitizers included.
  static let limits = ImageLimits(side: 4096, pixels: 1 << 18)

  /// Bytes that libwebp allocates at most for the Huffman codes of a lossless picture.
  ///
  /// A group's table has up to 5,004 codes of 4 bytes: 2,300 and, with a color cache of 11 bits, 2,704 (`kTableSize` of
  /// libwebp's vp8l_dec.c). The entropy image names the groups. Up to 1,000 are taken as numbered; beyond, only those
  /// that occur are counted, and each of k different ones costs the file log2 k bits, more than 8.
  static func codeTables(webpByteCount: Int) -> Int { 4 * 5_004 * max(1_000, webpByteCount) }

  static func read(_ input: [UInt8]) {
    guard let pixels = try? ImageDecoder.pixels(of: input, name: "", limits: limits) else { return }
    if pixels.bytes.count != 3 * pixels.width * pixels.height {
      martlet_fuzz_fail("a picture of another size than it says")
    }
    for fit in [ImageSpecification.Fit.pad, .crop] {
      let specification = ImageSpecification(
        resolution: 32, fit: fit, fill: [127, 127, 127], mean: [0, 0, 0],
        standardDeviation: [1, 1, 1])
      keep(try? pixels.prepared(for: specification))
    }
  }
}
