import MartletImages
import MartletModel
import Testing

@Suite struct DecodingTests {
  @Test(arguments: ImageGoldens.all.decoded)
  func decodesTheSamePixelsAsPillow(golden: ImageGoldens.Decoded) throws {
    let pixels = try ImageDecoder.pixels(
      of: ImageGoldens.bytes(of: golden.file), name: golden.file)
    #expect(pixels.width == golden.width)
    #expect(pixels.height == golden.height)
    #expect(pixels.bytes.count == golden.width * golden.height * 3)
    #expect(sha256(pixels.bytes) == golden.sha256)
  }
}
