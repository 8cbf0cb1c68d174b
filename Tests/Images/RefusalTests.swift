import MartletImages
import MartletModel
import MartletTestSupport
import Testing

/// One test per error case: what is refused, with which evidence.
@Suite struct RefusalTests {
  private func refusal(
    _ bytes: [UInt8], limits: ImageLimits = .standard
  ) -> ImageError? {
    do throws(ImageError) {
      _ = try ImageDecoder.pixels(of: bytes, name: "picture", limits: limits)
      return nil
    } catch { return error }
  }

  @Test func unknownFormatShowsItsFirstBytes() {
    let gif = Array("GIF89a-and-more-of-it".utf8)
    #expect(refusal(gif) == .unknownFormat(name: "picture", firstBytes: Array(gif[..<12])))
    #expect(refusal([]) == .unknownFormat(name: "picture", firstBytes: []))
    #expect(refusal([0x89, 0x50]) == .unknownFormat(name: "picture", firstBytes: [0x89, 0x50]))
    let wave = Array("RIFF....WAVE".utf8)
    #expect(refusal(wave) == .unknownFormat(name: "picture", firstBytes: wave))
  }

  @Test func formatIsKnownByContentNotByName() throws {
    #expect(format("gray.jpg") == .jpeg)
    #expect(format("gray-1.png") == .png)
    #expect(format("lossy.webp") == .webp)
    let pixels = try ImageDecoder.pixels(of: ImageGoldens.bytes(of: "gray.jpg"), name: "gray.png")
    #expect(pixels.width == 53)
  }

  private func format(_ file: String) -> ImageFormat? {
    let bytes = ImageGoldens.bytes(of: file)
    return ImageDecoder.format(of: bytes.span.bytes)
  }

  @Test func pictureWithoutPixelsIsRefused() {
    let png = ImageGoldens.bytes(of: "rgb-8.png")
    for (width, height) in [(0, 0), (0, 11), (19, 0)] {
      #expect(
        refusal(png.declaring(width: width, height: height))
          == .empty(name: "picture", width: width, height: height))
    }
  }

  @Test func hugePictureIsRefusedBeforeAllocation() {
    let png = ImageGoldens.bytes(of: "rgb-8.png")
    #expect(
      refusal(png.declaring(width: 60000, height: 60000))
        == .sideTooLong(name: "picture", width: 60000, height: 60000, limit: 32768))
    #expect(
      refusal(png.declaring(width: 0xFFFF_FFFF, height: 1))
        == .sideTooLong(name: "picture", width: 0xFFFF_FFFF, height: 1, limit: 32768))
    #expect(
      refusal(png.declaring(width: 32768, height: 2049))
        == .tooManyPixels(name: "picture", width: 32768, height: 2049, limit: 1 << 26))
    let jpeg = ImageGoldens.bytes(of: "baseline-444.jpg")
    #expect(
      refusal(jpeg.jpegDeclaring(width: 60000, height: 60000))
        == .sideTooLong(name: "picture", width: 60000, height: 60000, limit: 32768))
    #expect(
      refusal(jpeg.jpegDeclaring(width: 30000, height: 30000))
        == .tooManyPixels(name: "picture", width: 30000, height: 30000, limit: 1 << 26))
  }

  /// A block of 64 pixels takes a bit, so a file of a kilobyte holds no 64 million pixels.
  @Test func emptyPromiseOfALargeJPEGIsRefused() {
    let jpeg = ImageGoldens.bytes(of: "baseline-444.jpg")
    #expect(
      refusal(jpeg.jpegDeclaring(width: 8000, height: 8000))
        == .truncated(
          name: "picture", format: .jpeg, expected: 8000 * 8000 / 512, found: jpeg.count))
  }

  /// Every scan of a progressive picture visits all of its blocks, and may take but a few bytes.
  @Test func endlessScansOfAJPEGAreRefused() throws {
    var jpeg = ImageGoldens.bytes(of: "progressive-444.jpg")
    #expect(refusal(jpeg) == nil)
    let scans = jpeg.indices.dropLast().count { jpeg[$0] == 0xFF && jpeg[$0 + 1] == 0xDA }
    let end = jpeg.count - 2
    #expect(Array(jpeg[end...]) == [0xFF, 0xD9] && scans > 1)
    let empty: [UInt8] = [0xFF, 0xDA, 0, 8, 1, 1, 0, 1, 63, 0]
    jpeg.insert(contentsOf: (0..<100).flatMap { _ in empty }, at: end)
    #expect(
      refusal(jpeg)
        == .unsupported(name: "picture", format: .jpeg, feature: "\(scans + 100) scans"))
  }

  @Test(arguments: ["rgb-8.png", "baseline-444.jpg", "lossy.webp", "lossless.webp"])
  func limitsOfTheCallerHold(file: String) throws {
    let bytes = ImageGoldens.bytes(of: file)
    let pixels = try ImageDecoder.pixels(of: bytes, name: "picture")
    let (width, height) = (pixels.width, pixels.height)
    let exact = ImageLimits(side: max(width, height), pixels: width * height)
    #expect(refusal(bytes, limits: exact) == nil)
    #expect(
      refusal(bytes, limits: ImageLimits(side: exact.side - 1, pixels: exact.pixels))
        == .sideTooLong(name: "picture", width: width, height: height, limit: exact.side - 1))
    #expect(
      refusal(bytes, limits: ImageLimits(side: exact.side, pixels: exact.pixels - 1))
        == .tooManyPixels(name: "picture", width: width, height: height, limit: exact.pixels - 1))
  }

  @Test func cutFilesSayHowMuchIsThere() {
    let png = ImageGoldens.bytes(of: "rgb-8.png")
    #expect(
      refusal(Array(png[..<20]))
        == .truncated(name: "picture", format: .png, expected: 29, found: 20))
    #expect(
      refusal(Array(png[..<(png.count - 1)]))
        == .truncated(name: "picture", format: .png, expected: png.count, found: png.count - 1))
    let webp = ImageGoldens.bytes(of: "lossy.webp")
    #expect(
      refusal(Array(webp[..<100]))
        == .truncated(name: "picture", format: .webp, expected: webp.count, found: 100))
    let jpeg = ImageGoldens.bytes(of: "gray.jpg")
    #expect(
      refusal(Array(jpeg[..<(jpeg.count - 2)]))
        == .damaged(name: "picture", format: .jpeg, reason: "Premature end of JPEG file"))
  }

  @Test func wrongChecksumIsRefused() {
    var png = ImageGoldens.bytes(of: "rgb-8.png")
    png[29] ^= 1
    #expect(
      refusal(png) == .damaged(name: "picture", format: .png, reason: "IHDR: CRC error"))
  }

  @Test func pngWithoutHeaderOrOfNoKindIsRefused() {
    var png = ImageGoldens.bytes(of: "rgb-8.png")
    png[12] = UInt8(ascii: "J")
    #expect(
      refusal(png)
        == .damaged(
          name: "picture", format: .png, reason: "the first chunk is not a 13 byte IHDR"))
    png = ImageGoldens.bytes(of: "rgb-8.png")
    png[25] = 5
    #expect(
      refusal(png)
        == .damaged(
          name: "picture", format: .png, reason: "color type 5 with 8 bits does not exist"))
  }

  @Test func damagedScanIsNoGrayFiller() {
    // A marker in the middle of the scan: libjpeg warns and would fill the rest with gray.
    var jpeg = ImageGoldens.bytes(of: "baseline-444.jpg")
    let middle = jpeg.count * 3 / 4
    jpeg.replaceSubrange(middle..<middle + 2, with: [0xFF, 0xD9])
    guard case .damaged("picture", .jpeg, _) = refusal(jpeg) else {
      Issue.record("not refused as damaged")
      return
    }
  }

  @Test(arguments: ImageGoldens.all.refused)
  func animationsAreRefused(file: String) {
    #expect(
      refusal(ImageGoldens.bytes(of: file))
        == .unsupported(name: "picture", format: .webp, feature: "animation"))
  }

  @Test func jpegOfTwoComponentsIsUnsupported() {
    #expect(
      refusal(twoComponentJPEG)
        == .unsupported(
          name: "picture", format: .jpeg, feature: "color space of this picture"))
  }

  /// The header of a JPEG with two components, 8 × 8, one scan.
  private var twoComponentJPEG: [UInt8] {
    var bytes: [UInt8] = [0xFF, 0xD8]
    bytes += [0xFF, 0xDB, 0, 67, 0] + [UInt8](repeating: 1, count: 64)
    bytes += [0xFF, 0xC0, 0, 14, 8, 0, 8, 0, 8, 2, 1, 0x11, 0, 2, 0x11, 0]
    bytes += [0xFF, 0xC4, 0, 20, 0, 1] + [UInt8](repeating: 0, count: 15) + [0]
    bytes += [0xFF, 0xC4, 0, 20, 0x10, 1] + [UInt8](repeating: 0, count: 15) + [0]
    bytes += [0xFF, 0xDA, 0, 10, 2, 1, 0, 2, 0, 0, 63, 0, 0, 0xFF, 0xD9]
    return bytes
  }
}

extension [UInt8] {
  /// A PNG whose header declares other extents (its checksum is not renewed: extents are looked at first).
  func declaring(width: Int, height: Int) -> [UInt8] {
    var bytes = self
    for index in 0..<4 {
      bytes[16 + index] = UInt8(truncatingIfNeeded: width >> (24 - 8 * index))
      bytes[20 + index] = UInt8(truncatingIfNeeded: height >> (24 - 8 * index))
    }
    return bytes
  }

  /// A baseline JPEG whose frame header declares other extents.
  func jpegDeclaring(width: Int, height: Int) -> [UInt8] {
    var bytes = self
    guard let frame = indices.first(where: { bytes[$0...].starts(with: [0xFF, 0xC0, 0, 17, 8]) })
    else { preconditionFailure("no baseline frame header") }
    for index in 0..<2 {
      bytes[frame + 5 + index] = UInt8(truncatingIfNeeded: height >> (8 - 8 * index))
      bytes[frame + 7 + index] = UInt8(truncatingIfNeeded: width >> (8 - 8 * index))
    }
    return bytes
  }
}
