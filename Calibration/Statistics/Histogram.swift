/// How often numbers fell into bins of equal width.
///
/// Bin `i` holds numbers in `[(first + i) w, (first + i + 1) w)`, `w = 2^exponent`. Edges are multiples of a power of two, so
/// doubling the width merges bins in pairs without guessing, and the result does not depend on the order of the numbers.
package struct Histogram: Equatable, Sendable {
  /// Most bins a histogram has.
  package static let binLimit = 2048

  /// The width of a bin is `2^exponent`.
  package let exponent: Int
  /// Position of the first bin in units of the width.
  package let first: Int
  /// At most `binLimit`; neither the first nor the last is zero.
  package let counts: [UInt64]
  package let minimum: Float
  package let maximum: Float

  init(exponent: Int, first: Int, counts: [UInt64], minimum: Float, maximum: Float) {
    self.exponent = exponent
    self.first = first
    self.counts = counts
    self.minimum = minimum
    self.maximum = maximum
  }

  package var binWidth: Double { Double(sign: .plus, exponent: exponent, significand: 1) }

  /// How many numbers were counted.
  package var total: UInt64 { counts.reduce(0, +) }

  /// Lower edge of a bin; `counts.count` gives the upper edge of the last.
  package func edge(_ bin: Int) -> Double { Double(first + bin) * binWidth }

  /// Middle of a bin.
  package func center(_ bin: Int) -> Double { (Double(first + bin) + 0.5) * binWidth }

  /// A number with about `fraction` of all numbers below it, linear within a bin and never outside the range seen.
  package func percentile(_ fraction: Double) -> Float {
    precondition(fraction >= 0 && fraction <= 1)
    let wanted = fraction * Double(total)
    var below = 0.0
    for (bin, count) in counts.enumerated() {
      let part = Double(count)
      if part > 0, below + part >= wanted {
        let position = edge(bin) + binWidth * ((wanted - below) / part)
        return min(max(Float(position), minimum), maximum)
      }
      below += part
    }
    return maximum
  }
}
