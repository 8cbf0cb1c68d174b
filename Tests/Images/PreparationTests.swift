import MartletImages
import MartletModel
import MartletTestSupport
import Testing

@Suite struct PreparationTests {
  /// The square built for real, as the reference does it.
  private func padded(_ picture: Pixels, fill: [UInt8]) -> Pixels {
    let side = max(picture.width, picture.height)
    var bytes: [UInt8] = []
    for _ in 0..<side * side { bytes += fill }
    let left = (side - picture.width) / 2
    let top = (side - picture.height) / 2
    for y in 0..<picture.height {
      let target = ((top + y) * side + left) * 3
      let source = y * picture.width * 3
      bytes.replaceSubrange(
        target..<target + picture.width * 3,
        with: picture.bytes[source..<source + picture.width * 3])
    }
    return Pixels(height: side, width: side, bytes: bytes)
  }

  private func cut(_ picture: Pixels, side: Int) -> Pixels {
    let left = (picture.width - side) / 2
    let top = (picture.height - side) / 2
    var bytes: [UInt8] = []
    for y in top..<top + side {
      let start = (y * picture.width + left) * 3
      bytes += picture.bytes[start..<start + side * 3]
    }
    return Pixels(height: side, width: side, bytes: bytes)
  }

  private func random(_ generator: inout SeededGenerator, height: Int, width: Int) -> Pixels {
    Pixels(height: height, width: width, bytes: generator.bytes(height * width * 3))
  }

  @Test(arguments: 0..<60)
  func paddingThatIsNeverBuiltEqualsPaddingThatIs(seed: Int) throws {
    var generator = SeededGenerator(seed: UInt64(seed))
    let picture = random(
      &generator, height: generator.int(in: 1...90), width: generator.int(in: 1...90))
    let side = generator.int(in: 1...70)
    let fill = generator.bytes(3)
    let pixels = try picture.prepared(
      for: ImageSpecification(resolution: side, fit: .pad, fill: fill))
    #expect(pixels == padded(picture, fill: fill).resized(width: side, height: side))
  }

  @Test(arguments: 0..<60)
  func croppedPartEqualsPartOfTheWhole(seed: Int) throws {
    var generator = SeededGenerator(seed: UInt64(seed))
    let picture = random(
      &generator, height: generator.int(in: 1...90), width: generator.int(in: 1...90))
    let side = generator.int(in: 1...70)
    let short = min(picture.width, picture.height)
    let whole = picture.resized(
      width: side * picture.width / short, height: side * picture.height / short)
    let pixels = try picture.prepared(for: ImageSpecification(resolution: side, fit: .crop))
    #expect(pixels == cut(whole, side: side))
  }

  @Test(arguments: [ImageSpecification.Fit.pad, .crop])
  func squareOfTheRightSizeIsLeftAlone(fit: ImageSpecification.Fit) throws {
    let picture = ImageGoldens.formula(height: 64, width: 64)
    #expect(try picture.prepared(for: ImageSpecification(resolution: 64, fit: fit)) == picture)
  }

  @Test(arguments: [ImageSpecification.Fit.pad, .crop])
  func onePixelBecomesOneColor(fit: ImageSpecification.Fit) throws {
    let pixel = Pixels(height: 1, width: 1, bytes: [10, 200, 255])
    let pixels = try pixel.prepared(for: ImageSpecification(resolution: 32, fit: fit))
    let expected = (0..<32 * 32).flatMap { _ in pixel.bytes }
    #expect(pixels == Pixels(height: 32, width: 32, bytes: expected))
  }

  /// Padded for real these are 300 megabytes, cropped from the whole 31 gigabytes.
  @Test func extremeAspectsTakeLittleMemory() async {
    await #expect(processExitsWith: .success) {
      let flat = Pixels(height: 1, width: 10000, bytes: [UInt8](repeating: 90, count: 30000))
      let tall = Pixels(height: 10000, width: 1, bytes: [UInt8](repeating: 90, count: 30000))
      MemoryLid.allow(bytes: 40 << 20)
      for fit in [ImageSpecification.Fit.pad, .crop] {
        for picture in [flat, tall] {
          let pixels = try picture.prepared(for: ImageSpecification(resolution: 1024, fit: fit))
          precondition(pixels.bytes.count == 1024 * 1024 * 3)
          precondition(fit == .pad || pixels.bytes.allSatisfy { $0 == 90 })
        }
      }
    }
  }

  @Test(arguments: [0, -1, 8193, Int.max])
  func unusableResolutionIsRefused(resolution: Int) {
    let picture = ImageGoldens.formula(height: 2, width: 2)
    #expect(throws: ImageError.specification(what: "resolution", found: resolution)) {
      try picture.prepared(for: ImageSpecification(resolution: resolution, fit: .pad))
    }
  }

  @Test func unusableFillIsRefused() {
    let picture = ImageGoldens.formula(height: 2, width: 2)
    #expect(throws: ImageError.specification(what: "fill channels", found: 1)) {
      try picture.prepared(for: ImageSpecification(resolution: 8, fit: .pad, fill: [0]))
    }
  }

  @Test func pictureWithoutPixelsIsRefused() {
    let nothing = Pixels(height: 0, width: 7, bytes: [])
    #expect(throws: ImageError.empty(name: "none", width: 7, height: 0)) {
      try nothing.prepared(for: ImageSpecification(resolution: 8, fit: .crop), name: "none")
    }
  }

  @Test func numbersAreScaledPerChannel() throws {
    let picture = ImageGoldens.formula(height: 5, width: 7)
    let mean: [Float] = [0.5, 0, 0.25]
    let deviation: [Float] = [0.5, 1, 0.125]
    let numbers = try picture.normalized(
      for: ImageSpecification(
        resolution: 64, fit: .pad, mean: mean, standardDeviation: deviation))
    #expect(numbers.count == picture.bytes.count)
    for index in numbers.indices {
      let expected = (Float(picture.bytes[index]) / 255 - mean[index % 3]) / deviation[index % 3]
      #expect(numbers[index] == expected)
    }
  }

  @Test func unusableNormalizationIsRefused() {
    let picture = ImageGoldens.formula(height: 1, width: 1)
    #expect(throws: ImageError.specification(what: "mean channels", found: 0)) {
      try picture.normalized(for: ImageSpecification(resolution: 8, fit: .pad, mean: []))
    }
    #expect(
      throws: ImageError.specification(what: "standard deviation channels", found: 4)
    ) {
      try picture.normalized(
        for: ImageSpecification(
          resolution: 8, fit: .pad, standardDeviation: [1, 1, 1, 1]))
    }
    for unusable in [Float(0), -1, .nan, .infinity] {
      #expect(
        throws: ImageError.specification(what: "standard deviation of channel", found: 1)
      ) {
        try picture.normalized(
          for: ImageSpecification(
            resolution: 8, fit: .pad, standardDeviation: [1, unusable, 1]))
      }
    }
  }
}
