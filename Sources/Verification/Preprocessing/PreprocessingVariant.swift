import MartletImages
import MartletModel

/// One of the ways in which programs bring a picture to the square that a network takes.
package struct PreprocessingVariant: Equatable, Sendable {
  /// How a picture becomes square.
  package enum Fit: String, CaseIterable, Sendable {
    /// In the middle of a square, then resized: the released models.
    case pad
    /// In the upper left corner of a square, then resized.
    case padCorner = "pad-corner"
    /// The long side resized first, then in the middle of the square.
    case letterbox
    /// The short side resized, then the middle cut out.
    case crop
    /// Both sides resized, whatever becomes of the proportions.
    case stretch

    package var usesFill: Bool { self == .pad || self == .padCorner || self == .letterbox }
  }

  /// What resizing does.
  package enum Filter: String, CaseIterable, Sendable {
    case bicubic, bilinear, lanczos, box
    /// Four or sixteen pixels around each place, however much smaller the picture becomes (torch and OpenCV by default).
    case bicubicPlain = "bicubic-plain"
    case bilinearPlain = "bilinear-plain"
    case nearest

    package var words: String {
      switch self {
      case .bicubic, .bilinear, .lanczos, .box: "\(rawValue), antialiased"
      case .bicubicPlain: "bicubic, not antialiased"
      case .bilinearPlain: "bilinear, not antialiased"
      case .nearest: "nearest"
      }
    }
  }

  package var fit: Fit
  /// Red, green, blue of the padding.
  package var fill: [UInt8]
  package var filter: Filter

  package init(fit: Fit, fill: [UInt8], filter: Filter) {
    self.fit = fit
    self.fill = fill
    self.filter = filter
  }

  /// Colors that are padded with: black, gray, the mean of CLIP's pictures, white.
  package static let fills: [(name: String, color: [UInt8])] = [
    ("black", [0, 0, 0]), ("gray", [127, 127, 127]), ("mean", [122, 116, 104]),
    ("white", [255, 255, 255]),
  ]

  package var fillName: String {
    Self.fills.first { $0.color == fill }?.name ?? fill.map { "\($0)" }.joined(separator: ",")
  }

  package var name: String {
    fit.rawValue + (fit.usesFill ? " on \(fillName)" : "") + ", " + filter.words
  }

  /// All of them, those of a model's own rule first.
  package static func all(beside image: ImageSpecification) -> [PreprocessingVariant] {
    var colors = fills.map(\.color)
    if !colors.contains(image.fill) { colors.insert(image.fill, at: 0) }
    let own = PreprocessingVariant(
      fit: image.fit == .pad ? .pad : .crop, fill: image.fill, filter: .bicubic)
    var variants = [own.normal]
    for fit in Fit.allCases {
      for filter in Filter.allCases {
        for color in fit.usesFill ? colors : [[0, 0, 0]] {
          let variant = PreprocessingVariant(fit: fit, fill: color, filter: filter)
          if !variants.contains(variant) { variants.append(variant) }
        }
      }
    }
    return variants
  }

  /// Without a fill that is not used.
  private var normal: PreprocessingVariant {
    fit.usesFill ? self : PreprocessingVariant(fit: fit, fill: [0, 0, 0], filter: filter)
  }

  /// The picture at a side, as bytes.
  package func pixels(_ picture: Pixels, side: Int) -> Pixels {
    let (width, height) = (picture.width, picture.height)
    func resized(_ source: Pixels, _ width: Int, _ height: Int) -> Pixels {
      if source.width == width, source.height == height { return source }
      // Pillow's own arithmetic, which the runtime uses.
      if filter == .bicubic { return source.resized(width: width, height: height) }
      return FilteredResize(filter).pixels(source, width: width, height: height)
    }
    switch fit {
    case .stretch: return resized(picture, side, side)
    case .crop:
      let short = min(width, height)
      let wide = width == short ? side : side * width / short
      let high = height == short ? side : side * height / short
      return resized(picture, wide, high)
        .part(left: (wide - side) / 2, top: (high - side) / 2, width: side, height: side)
    case .letterbox:
      let long = max(width, height)
      let wide = max(1, side * width / long)
      let high = max(1, side * height / long)
      return resized(picture, wide, high).onSquare(
        side, fill: fill, left: (side - wide) / 2, top: (side - high) / 2)
    case .pad, .padCorner:
      let square = max(width, height)
      let isCentered = fit == .pad
      let sheet = picture.onSquare(
        square, fill: fill, left: isCentered ? (square - width) / 2 : 0,
        top: isCentered ? (square - height) / 2 : 0)
      return resized(sheet, side, side)
    }
  }
}

extension Pixels {
  /// On a square of one color.
  fileprivate func onSquare(_ side: Int, fill: [UInt8], left: Int, top: Int) -> Pixels {
    if width == side, height == side { return self }
    var bytes = [UInt8](repeating: 0, count: side * side * 3)
    for index in bytes.indices { bytes[index] = fill[index % 3] }
    for row in 0..<height {
      let start = ((top + row) * side + left) * 3
      bytes.replaceSubrange(
        start..<start + width * 3, with: self.bytes[row * width * 3..<(row + 1) * width * 3])
    }
    return Pixels(height: side, width: side, bytes: bytes)
  }

  fileprivate func part(left: Int, top: Int, width: Int, height: Int) -> Pixels {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(width * height * 3)
    for row in top..<top + height {
      let start = (row * self.width + left) * 3
      bytes += self.bytes[start..<start + width * 3]
    }
    return Pixels(height: height, width: width, bytes: bytes)
  }
}
