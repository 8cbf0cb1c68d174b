import MartletModel

/// Floats with a shape: a map `[height, width, channels]` or rows `[rows, channels]`, which is `[rows, 1, channels]`.
package struct ReferenceTensor: Equatable, Sendable {
  package let height: Int
  package let width: Int
  package let channels: Int
  /// Row-major, channels innermost.
  package var data: [Float]

  /// Pixels of a map, or rows.
  package var rows: Int { height * width }

  /// A map. It is a trap if `data` does not have `height · width · channels` elements.
  package init(height: Int, width: Int, channels: Int, data: [Float]) {
    precondition(data.count == height * width * channels)
    self.height = height
    self.width = width
    self.channels = channels
    self.data = data
  }

  /// Rows. It is a trap if `data` does not have `rows · channels` elements.
  package init(rows: Int, channels: Int, data: [Float]) {
    self.init(height: rows, width: 1, channels: channels, data: data)
  }

  /// The pixels of a picture as the vision network takes them: 0…255, unscaled.
  package init(_ pixels: Pixels) {
    self.init(
      height: pixels.height, width: pixels.width, channels: 3, data: pixels.bytes.map(Float.init))
  }

  /// The same numbers as rows: row `y · width + x` is pixel `(y, x)`.
  package var flattened: ReferenceTensor {
    ReferenceTensor(rows: rows, channels: channels, data: data)
  }

  /// The numbers of one row.
  package func row(_ index: Int) -> ArraySlice<Float> {
    data[index * channels..<(index + 1) * channels]
  }

  /// A tensor of zeros, or of one number, with this one's pixels.
  func filled(channels: Int, with number: Float = 0) -> ReferenceTensor {
    ReferenceTensor(
      height: height, width: width, channels: channels,
      data: [Float](repeating: number, count: rows * channels))
  }

  var shapeText: String { "[\(height), \(width), \(channels)]" }
}

/// What enters a network.
package enum ReferenceInput: Equatable, Sendable {
  /// For a map or rows.
  case tensor(ReferenceTensor)
  /// For ids; negative where an image row goes.
  case ids([Int])
}
