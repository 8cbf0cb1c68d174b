import CFuzzGuard
import MartletImages
import MartletModel

/// Pictures, decoded and brought to a model's square.
enum Pictures {
  /// Smaller than the program's, whose time is proportional: an input has a second, sanitizers included.
  static let limits = ImageLimits(side: 4096, pixels: 1 << 18)

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
