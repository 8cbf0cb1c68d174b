import MartletImages
import MartletModel
import MartletTestSupport
import Testing

/// Damaged files give an error, or pixels of the extent they declare; never a crash or a huge allocation.
@Suite struct DamagedFileTests {
  /// Small enough that damaged extents are refused, large enough for every fixture.
  static let limits = ImageLimits(side: 2048, pixels: 1 << 20)

  static func survives(_ bytes: [UInt8]) -> Bool {
    guard let pixels = try? ImageDecoder.pixels(of: bytes, name: "damaged", limits: limits)
    else { return true }
    return pixels.bytes.count == pixels.width * pixels.height * 3 && pixels.width > 0
      && pixels.height > 0
  }

  @Test(arguments: ImageGoldens.all.files)
  func cutAnywhereIsRefused(file: String) {
    for damage in Corruption.cuts(of: ImageGoldens.bytes(of: file)) {
      #expect(throws: ImageError.self, "\(damage.what)") {
        try ImageDecoder.pixels(of: damage.bytes, name: file)
      }
    }
  }

  @Test(arguments: ImageGoldens.all.files)
  func flippedBitsAreSurvived(file: String) {
    for damage in Corruption.flips(of: ImageGoldens.bytes(of: file), count: 200, seed: 11) {
      #expect(Self.survives(damage.bytes), "\(damage.what)")
    }
  }

  @Test(arguments: ImageGoldens.all.files)
  func liesAreSurvived(file: String) {
    for damage in Corruption.lies(of: ImageGoldens.bytes(of: file), count: 200, seed: 12) {
      #expect(Self.survives(damage.bytes), "\(damage.what)")
    }
  }

  @Test(arguments: ImageGoldens.all.files.filter { $0.hasSuffix(".png") })
  func flippedBitsOfPNGAreNeverSilent(file: String) throws {
    // Every byte between signature and end lies under a checksum, and damage to either is seen as well.
    for damage in Corruption.flips(of: ImageGoldens.bytes(of: file), count: 200, seed: 13) {
      #expect(throws: ImageError.self, "\(damage.what)") {
        try ImageDecoder.pixels(of: damage.bytes, name: file)
      }
    }
  }

  @Test(arguments: ImageGoldens.all.decoded)
  func bytesAfterTheEndAreIgnored(golden: ImageGoldens.Decoded) throws {
    for damage in Corruption.extensions(of: ImageGoldens.bytes(of: golden.file)) {
      let pixels = try ImageDecoder.pixels(of: damage.bytes, name: golden.file)
      #expect(sha256(pixels.bytes) == golden.sha256, "\(damage.what)")
    }
  }

  @Test func damagedExtentsTakeNoMemory() async {
    await #expect(processExitsWith: .success) {
      let files = ImageGoldens.all.files.map { ImageGoldens.bytes(of: $0) }
      MemoryLid.allow(bytes: 64 << 20)
      for (index, file) in files.enumerated() {
        for damage in Corruption.lies(of: file, count: 100, seed: UInt64(index)) {
          precondition(DamagedFileTests.survives(damage.bytes))
        }
      }
    }
  }

  /// Deflate cannot fill a picture of 300 megabytes from a file of a few hundred bytes, so nothing is allocated for it.
  @Test func emptyPromiseOfALargePNGTakesNoMemory() async {
    await #expect(processExitsWith: .success) {
      let bytes = ImageGoldens.bytes(of: "rgb-16.png").declaring(width: 10000, height: 6000)
      MemoryLid.allow(bytes: 32 << 20)
      do {
        _ = try ImageDecoder.pixels(of: bytes, name: "")
        preconditionFailure()
      } catch ImageError.truncated(_, .png, let expected, let found) {
        precondition(expected == 10000 * 6 * 6000 / 1032 && found == bytes.count)
      }
    }
  }
}
