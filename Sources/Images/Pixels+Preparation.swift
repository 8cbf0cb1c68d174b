import MartletModel

extension Pixels {
  /// The square `[resolution, resolution, 3]` bytes that a model was trained on (reference section 5).
  ///
  /// `pad`: in the middle of a square of `fill`, at `(n − width) / 2` and `(n − height) / 2` rounded down, then resized.
  /// `crop`: the short side to `resolution`, the long side to `resolution · long / short` rounded down, then the middle.
  /// Only the part that is kept is computed, and no padded or resized picture is built: memory beyond the result
  /// stays under a few hundred rows even for a picture of 1 × 10000.
  /// - Throws: `specification` where it holds no usable resolution or fill, `empty` for a picture without pixels.
  package func prepared(
    for specification: ImageSpecification, name: String = ""
  ) throws(ImageError) -> Pixels {
    let side = specification.resolution
    guard side > 0, side <= ImageLimits.standard.side / 4 else {
      throw .specification(what: "resolution", found: side)
    }
    guard specification.fill.count == 3 else {
      throw .specification(what: "fill channels", found: specification.fill.count)
    }
    guard width > 0, height > 0 else { throw .empty(name: name, width: width, height: height) }
    switch specification.fit {
    case .pad:
      let sheet = Sheet(square: self, fill: specification.fill)
      return Resampler(
        sheet, width: side, height: side, columns: 0..<side, rows: 0..<side
      ).pixels()
    case .crop:
      let short = min(width, height)
      let wide = width == short ? side : side * width / short
      let high = height == short ? side : side * height / short
      let left = (wide - side) / 2
      let top = (high - side) / 2
      return Resampler(
        Sheet(self), width: wide, height: high, columns: left..<left + side, rows: top..<top + side
      ).pixels()
    }
  }

  /// The whole picture resized, `[height, width, 3]`; both extents are positive.
  package func resized(width: Int, height: Int) -> Pixels {
    precondition(width > 0 && height > 0 && self.width > 0 && self.height > 0)
    return Resampler(
      Sheet(self), width: width, height: height, columns: 0..<width, rows: 0..<height
    ).pixels()
  }

  /// What the network reads, `[height, width, 3]` floats: `(pixel / 255 − mean) / standardDeviation` per channel in f32.
  /// - Throws: `specification` where a channel lacks its mean or deviation, or holds an unusable one.
  package func normalized(for specification: ImageSpecification) throws(ImageError) -> [Float] {
    let mean = specification.mean
    let deviation = specification.standardDeviation
    guard mean.count == 3 else { throw .specification(what: "mean channels", found: mean.count) }
    guard deviation.count == 3 else {
      throw .specification(what: "standard deviation channels", found: deviation.count)
    }
    var table = [Float](repeating: 0, count: 3 * 256)
    for channel in 0..<3 {
      guard deviation[channel] > 0, deviation[channel].isFinite else {
        throw .specification(what: "standard deviation of channel", found: channel)
      }
      guard mean[channel].isFinite else {
        throw .specification(what: "mean of channel", found: channel)
      }
      for value in 0..<256 {
        table[value * 3 + channel] = (Float(value) / 255 - mean[channel]) / deviation[channel]
      }
    }
    var numbers = [Float](repeating: 0, count: bytes.count)
    for index in bytes.indices { numbers[index] = table[Int(bytes[index]) * 3 + index % 3] }
    return numbers
  }
}
