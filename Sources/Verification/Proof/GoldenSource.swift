import MartletImages
import MartletModel

/// A picture to prove a pack with, small enough to be kept in it.
package struct GoldenSource: Sendable {
  /// Longest side that is kept: a few ten kilobytes a picture.
  package static let longestSide = 224

  package var name: String
  package var picture: Pixels
  /// `nil` takes the default question.
  package var question: String?

  /// Makes a picture small, and longer than high where it is nearly square: pad and crop would do the same to a square.
  package init(name: String, picture: Pixels, question: String?) {
    self.name = name
    self.question = question
    let (width, height) = (picture.width, picture.height)
    let longest = max(width, height)
    let scale = min(1, Double(Self.longestSide) / Double(longest))
    func scaled(_ side: Int) -> Int { max(1, Int((Double(side) * scale).rounded())) }
    var small = picture
    if scale < 1 { small = picture.resized(width: scaled(width), height: scaled(height)) }
    if small.height * 5 > small.width * 4, small.width * 5 > small.height * 4 {
      let kept = max(1, small.width * 3 / 4)
      if kept < small.height {
        small = Pixels(
          height: kept, width: small.width, bytes: Array(small.bytes[..<(kept * small.width * 3)]))
      }
    }
    self.picture = small
  }

  /// Pictures that are drawn where none are given: a wide one and a high one.
  package static let drawn: [GoldenSource] = [
    GoldenSource(
      name: "drawn 1", picture: drawing(width: 168, height: 112, seed: 1), question: nil),
    GoldenSource(
      name: "drawn 2", picture: drawing(width: 104, height: 152, seed: 2), question: nil),
  ]

  /// Slopes of color, discs, bars, fine stripes and noise: edges in all directions and at all sizes, in integers only.
  private static func drawing(width: Int, height: Int, seed: UInt64) -> Pixels {
    var state = seed
    func random(_ limit: Int) -> Int {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return Int(state >> 33) % limit
    }
    var bytes = [UInt8](repeating: 0, count: width * height * 3)
    for y in 0..<height {
      for x in 0..<width {
        let at = (y * width + x) * 3
        bytes[at] = UInt8(x * 255 / width)
        bytes[at + 1] = UInt8(y * 255 / height)
        bytes[at + 2] = UInt8((x + y) * 255 / (width + height))
      }
    }
    for shape in 0..<12 {
      let color = (0..<3).map { _ in UInt8(random(256)) }
      let (left, top) = (random(width), random(height))
      let size = 8 + random(min(width, height) / 3)
      for y in top..<min(height, top + size) {
        for x in left..<min(width, left + size) {
          let (dx, dy) = (2 * (x - left) - size, 2 * (y - top) - size)
          let isInside: Bool =
            switch shape % 4 {
            case 0: dx * dx + dy * dy < size * size
            case 1: true
            case 2: (x - left) % 4 < 2
            default: (x + y) % 3 == 0
            }
          if !isInside { continue }
          for channel in 0..<3 { bytes[(y * width + x) * 3 + channel] = color[channel] }
        }
      }
    }
    for _ in 0..<width * height / 64 {
      bytes[random(bytes.count)] = UInt8(random(256))
    }
    return Pixels(height: height, width: width, bytes: bytes)
  }
}
