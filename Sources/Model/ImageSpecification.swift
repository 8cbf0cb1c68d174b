/// How a picture becomes the pixels a model was trained on. Part of the model: a wrong rule is a wrong answer.
package struct ImageSpecification: Equatable, Sendable {
  /// How a picture that is not square becomes square.
  package enum Fit: UInt8, Equatable, Sendable {
    /// Pad to a square with `fill`, then resize (LLaVA's `image_aspect_ratio: "pad"`).
    case pad = 0
    /// Resize the short side, then cut the center out (CLIP's processor).
    case crop = 1
  }

  /// Side of the square network input in pixels; a multiple of 64 for FastViTHD.
  package var resolution: Int
  package var fit: Fit
  /// Red, green, blue of the padding.
  package var fill: [UInt8]
  /// Per channel: `x = (pixel / 255 − mean) / standardDeviation`.
  package var mean: [Float]
  package var standardDeviation: [Float]

  package init(
    resolution: Int, fit: Fit, fill: [UInt8] = [0, 0, 0], mean: [Float] = [0, 0, 0],
    standardDeviation: [Float] = [1, 1, 1]
  ) {
    self.resolution = resolution
    self.fit = fit
    self.fill = fill
    self.mean = mean
    self.standardDeviation = standardDeviation
  }
}

/// Raw pixels, `[height, width, 3]` bytes, red first.
package struct Pixels: Equatable, Sendable {
  package var height: Int
  package var width: Int
  package var bytes: [UInt8]

  package init(height: Int, width: Int, bytes: [UInt8]) {
    precondition(bytes.count == height * width * 3)
    self.height = height
    self.width = width
    self.bytes = bytes
  }
}
