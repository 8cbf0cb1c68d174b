import MartletBytes
import MartletPack
import MartletRuntime

extension Proof.Summary {
  /// A few numbers of a value. Sums run in f64 in the order of elements, so that they are the same everywhere.
  package init(_ values: Span<Float>) {
    var (sum, squares, largest) = (0.0, 0.0, Float(0))
    for index in values.indices {
      let value = values[index]
      sum += Double(value)
      squares += Double(value) * Double(value)
      // `max` would let a NaN pass unseen.
      if !(value.magnitude <= largest) { largest = value.magnitude }
    }
    let count = Double(max(1, values.count))
    self.init(
      mean: Float(sum / count), rootMeanSquare: Float((squares / count).squareRoot()),
      largest: largest,
      samples: (0..<Self.sampleCount).map {
        values.isEmpty ? 0 : values[(2 * $0 + 1) * values.count / (2 * Self.sampleCount)]
      })
  }

  package var isFinite: Bool {
    mean.isFinite && rootMeanSquare.isFinite && largest.isFinite
      && samples.allSatisfy { $0.isFinite }
  }
}

extension Span where Element == Float {
  /// XXH64 of the numbers as little-endian f32.
  package var checksum: UInt64 {
    // SAFETY: floats have no padding.
    unsafe XXH64.checksum(bytes)
  }
}

/// Compares the values of a run with the marks of a proof, and keeps the first that differs.
final class LayerWatch {
  struct Departure {
    /// Of the last layer in `layers`.
    var index: Int
    var layers: [String]
    var expected: Proof.Summary
    var found: Proof.Summary
  }

  private(set) var compared = 0
  private(set) var departure: Departure?
  private let marks: [Proof.LayerMark]
  private let indices: [String: Int]

  /// - Parameter names: one for each mark.
  init(names: [String], marks: [Proof.LayerMark]) {
    self.marks = marks
    var indices: [String: Int] = [:]
    for (index, name) in names.enumerated() { indices[name] = index }
    self.indices = indices
  }

  var tap: NetworkExecutor.Tap {
    { region, _, values in
      guard self.departure == nil, let name = region.layers.last, let index = self.indices[name],
        index < self.marks.count
      else { return }
      let mark = self.marks[index]
      // A layer whose value never stood by itself when the proof was made.
      if mark.checksum == 0 { return }
      self.compared += 1
      if values.checksum == mark.checksum { return }
      self.departure = Departure(
        index: index, layers: region.layers, expected: mark.pack, found: Proof.Summary(values))
    }
  }
}
