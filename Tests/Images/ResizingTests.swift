import MartletImages
import MartletModel
import Testing

@Suite struct ResizingTests {
  @Test(arguments: ImageGoldens.all.resized)
  func resizesTheSamePixelsAsPillow(golden: ImageGoldens.Resized) {
    let picture = ImageGoldens.formula(height: golden.inputHeight, width: golden.inputWidth)
    let pixels = picture.resized(width: golden.width, height: golden.height)
    #expect(pixels.width == golden.width)
    #expect(pixels.height == golden.height)
    #expect(sha256(pixels.bytes) == golden.sha256)
  }

  @Test(arguments: ImageGoldens.all.fitted)
  func fitsTheSamePixelsAsPillow(golden: ImageGoldens.Resized) throws {
    let side = try #require(golden.side)
    let filled: [UInt8] = golden.fit == "pad-filled" ? [122, 116, 104] : [0, 0, 0]
    let fit: ImageSpecification.Fit = golden.fit == "crop" ? .crop : .pad
    let picture = ImageGoldens.formula(height: golden.inputHeight, width: golden.inputWidth)
    let pixels = try picture.prepared(
      for: ImageSpecification(resolution: side, fit: fit, fill: filled))
    #expect(pixels.width == side)
    #expect(pixels.height == side)
    #expect(sha256(pixels.bytes) == golden.sha256)
  }
}
