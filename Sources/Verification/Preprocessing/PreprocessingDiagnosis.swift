import MartletModel

/// The pixel values that another program handed to its network.
package struct ReferencePixels: Equatable, Sendable {
  package enum Layout: String, Sendable {
    /// `[3, side, side]`
    case channelsFirst = "channels first"
    /// `[side, side, 3]`
    case channelsLast = "channels last"
  }

  package let side: Int
  package let layout: Layout
  /// `[side, side, 3]`
  package let values: [Float]

  /// `nil` where the shape, its extents of 1 in front left out, is not that of a square picture of three channels.
  package init?(shape: [Int], values: [Float]) {
    let inner = Array(shape.drop { $0 == 1 })
    guard inner.count == 3, values.count == inner.reduce(1, *) else { return nil }
    if inner[2] == 3, inner[0] == inner[1] {
      (side, layout, self.values) = (inner[0], .channelsLast, values)
    } else if inner[0] == 3, inner[1] == inner[2] {
      let plane = inner[1] * inner[1]
      (side, layout) = (inner[1], .channelsFirst)
      var turned = [Float](repeating: 0, count: values.count)
      for channel in 0..<3 {
        for index in 0..<plane { turned[index * 3 + channel] = values[channel * plane + index] }
      }
      self.values = turned
    } else {
      return nil
    }
  }
}

/// How bytes became the numbers of a tensor: `x = (byte / 255 − mean) / deviation`, channels in either order.
package struct PixelScale: Equatable, Sendable {
  package var name: String
  package var mean: [Double]
  package var deviation: [Double]
  package var isBlueFirst: Bool

  package var text: String { name + (isBlueFirst ? ", blue first" : "") }

  /// The usual ones; `own` is the model's.
  package static func all(beside own: ImageSpecification) -> [PixelScale] {
    let scales: [(String, [Double], [Double])] = [
      ("0 to 1", [0, 0, 0], [1, 1, 1]),
      ("0 to 255", [0, 0, 0], [1 / 255, 1 / 255, 1 / 255]),
      ("-1 to 1", [0.5, 0.5, 0.5], [0.5, 0.5, 0.5]),
      (
        "mean and deviation of CLIP", [0.481_454_66, 0.457_827_5, 0.408_210_73],
        [0.268_629_54, 0.261_302_58, 0.275_777_11]
      ),
      ("mean and deviation of ImageNet", [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]),
      ("the model's own", own.mean.map(Double.init), own.standardDeviation.map(Double.init)),
    ]
    var found: [PixelScale] = []
    for isBlueFirst in [false, true] {
      for (name, mean, deviation) in scales {
        let isKnown = found.contains {
          $0.mean == mean && $0.deviation == deviation && $0.isBlueFirst == isBlueFirst
        }
        if isKnown { continue }
        found.append(
          PixelScale(name: name, mean: mean, deviation: deviation, isBlueFirst: isBlueFirst))
      }
    }
    return found
  }

  /// The level, 0 to 255, that a number stands for; `channel` counts red, green, blue.
  func level(_ values: [Float], pixel: Int, channel: Int) -> Double {
    let place = pixel * 3 + (isBlueFirst ? 2 - channel : channel)
    // Deviations belong to the color, in whichever place it stands.
    return (Double(values[place]) * deviation[channel] + mean[channel]) * 255
  }
}

/// How far a way of preparing pictures is from what a reference shows.
package struct VariantDistance: Equatable, Sendable {
  package var variant: PreprocessingVariant
  package var scale: PixelScale
  /// Levels of 255: the largest difference of any number, and the mean.
  package var largest: Double
  package var mean: Double

  /// The same but for rounding: half floats and other libraries' arithmetic move a number by a level or two.
  package var isMatch: Bool { largest <= 2.5 && mean <= 0.5 }
}

/// Which way of preparing pictures a reference used.
package struct PreprocessingDiagnosis: Sendable {
  /// Every way with the scale of numbers that brings it nearest, nearest first.
  package let distances: [VariantDistance]

  /// Those that cannot be told from the reference: one, several where the picture does not tell them apart, or none.
  package var matches: [VariantDistance] { distances.filter(\.isMatch) }

  package init(
    _ reference: ReferencePixels, of picture: Pixels, beside image: ImageSpecification,
    progress: (_ done: Int, _ total: Int) -> Void = { _, _ in }
  ) {
    let variants = PreprocessingVariant.all(beside: image)
    let scales = PixelScale.all(beside: image)
    var distances: [VariantDistance] = []
    for (index, variant) in variants.enumerated() {
      let pixels = variant.pixels(picture, side: reference.side)
      var best: VariantDistance?
      for scale in scales {
        // Scales are as far apart as whole pictures: a part of the pixels tells which.
        let step = max(1, reference.side * reference.side / 4096)
        let found = Self.distance(reference, pixels, variant, scale, step: step)
        if found.mean < best?.mean ?? .infinity { best = found }
      }
      if let best {
        distances.append(Self.distance(reference, pixels, variant, best.scale, step: 1))
      }
      progress(index + 1, variants.count)
    }
    self.distances = distances.enumerated()
      .sorted {
        $0.element.mean != $1.element.mean
          ? $0.element.mean < $1.element.mean : $0.offset < $1.offset
      }
      .map(\.element)
  }

  private static func distance(
    _ reference: ReferencePixels, _ pixels: Pixels, _ variant: PreprocessingVariant,
    _ scale: PixelScale, step: Int
  ) -> VariantDistance {
    var (largest, sum, count) = (0.0, 0.0, 0)
    for pixel in stride(from: 0, to: reference.side * reference.side, by: step) {
      for channel in 0..<3 {
        let level = scale.level(reference.values, pixel: pixel, channel: channel)
        let difference = abs(level - Double(pixels.bytes[pixel * 3 + channel]))
        // NaN is far from everything.
        largest = difference <= largest ? largest : difference
        sum += difference
        count += 1
      }
    }
    return VariantDistance(
      variant: variant, scale: scale, largest: largest.isNaN ? .infinity : largest,
      mean: sum.isNaN ? .infinity : sum / Double(max(1, count)))
  }
}
