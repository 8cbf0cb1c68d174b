/// Some rows of a value, each drawn with equal chance from all that were seen.
///
/// A row is kept as its largest |x| and numbers of 16 bits relative to that: eleven bits for the large ones, which is
/// finer than the 8 bits whose effect it is to judge, at half the memory.
package struct RowSample: Equatable, Sendable {
  package let channels: Int
  /// The largest |x| of each row.
  package let scales: [Float]
  /// `[rows, channels]`, −1…1.
  package let numbers: [Float16]

  /// With more, the second moments of 1024 channels change the rounding no longer for the better.
  package static let mostRows = 4096

  package var rows: Int { scales.count }

  /// It is a trap if the counts do not fit together.
  package init(channels: Int, scales: [Float], numbers: [Float16]) {
    precondition(channels > 0 && numbers.count == channels * scales.count)
    self.channels = channels
    self.scales = scales
    self.numbers = numbers
  }

  /// Rows of a range as floats, `[rows, channels]`.
  package func floats(_ range: Range<Int>) -> [Float] {
    var floats = [Float](repeating: 0, count: range.count * channels)
    for row in range {
      let (scale, from, to) = (scales[row], row * channels, (row - range.lowerBound) * channels)
      for channel in 0..<channels { floats[to + channel] = Float(numbers[from + channel]) * scale }
    }
    return floats
  }

  var isFinite: Bool { scales.allSatisfy(\.isFinite) }
}
