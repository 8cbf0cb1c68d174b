import Foundation
import MartletCalibration

/// Which part of the numbers that calibration saw a fixed range holds; the rest is clipped to its ends.
package enum ClipRule: String, CaseIterable, Sendable {
  /// All of them.
  case minmax
  /// All but one in 10,000 on either side.
  case percentile
  /// The range whose 256 levels keep the distribution best, by Kullback-Leibler divergence: Migacz, "8-bit Inference with
  /// TensorRT" (GTC 2017), with a zero point, so that both ends are searched.
  case entropy
  /// The range of the least squared error (Banner et al., arXiv 1810.05723, section 3, on the counts themselves).
  case mse
  /// For each value the one of these whose range gives its products the least error.
  case best
}

/// Ranges for the numbers of a value, from how often they were seen.
package struct ActivationClip {
  /// Bins between the ends: 16 for each level of the whole range.
  private static let bins = 4096
  /// Levels of a range.
  private static let levels = 256
  /// Where an end is tried: this factor further in, again and again, down to a twentieth of its way to zero.
  private static let step = 0.96
  private static let steps = 74

  package let lowest: Float
  package let highest: Float
  private let width: Double
  private let counts: [Double]

  /// - Parameter numbers: what was seen; the ends of the range that is clipped hold zero.
  package init(_ numbers: [Float]) {
    var (low, high): (Float, Float) = (0, 0)
    for number in numbers {
      low = min(low, number)
      high = max(high, number)
    }
    let width = (Double(high) - Double(low)) / Double(Self.bins)
    var counts = [Double](repeating: 0, count: Self.bins)
    if width > 0 {
      for number in numbers {
        counts[min(Self.bins - 1, Int((Double(number) - Double(low)) / width))] += 1
      }
    }
    self.lowest = low
    self.highest = high
    self.width = width
    self.counts = counts
  }

  /// The range of a rule; `minmax` for `best`, which knows products.
  package func range(_ rule: ClipRule) -> (lowest: Float, highest: Float) {
    if width == 0 { return (lowest, highest) }
    switch rule {
    case .minmax, .best: return (lowest, highest)
    case .percentile: return percentile(0.0001)
    case .entropy: return searched(divergence)
    case .mse: return searched(squaredError)
    }
  }

  private func percentile(_ fraction: Double) -> (lowest: Float, highest: Float) {
    let allowed = counts.reduce(0, +) * fraction
    func end(_ bins: some Sequence<Int>) -> Int {
      var outside = 0.0
      for bin in bins {
        outside += counts[bin]
        if outside > allowed { return bin }
      }
      return 0
    }
    return (
      min(0, Float(edge(end(counts.indices)))),
      max(0, Float(edge(end(counts.indices.reversed()) + 1)))
    )
  }

  private func edge(_ bin: Int) -> Double { Double(lowest) + Double(bin) * width }

  /// One end after the other, from the whole range inwards, then once more.
  private func searched(
    _ cost: (_ low: Double, _ high: Double) -> Double
  ) -> (lowest: Float, highest: Float) {
    var (low, high) = (Double(lowest), Double(highest))
    for _ in 0..<2 {
      high = Self.end(Double(highest)) { cost(low, $0) }
      low = Self.end(Double(lowest)) { cost($0, high) }
    }
    return (Float(low), Float(high))
  }

  private static func end(_ whole: Double, _ cost: (Double) -> Double) -> Double {
    if whole == 0 { return 0 }
    var (best, least, tried) = (whole, cost(whole), whole)
    for _ in 0..<steps {
      tried *= step
      let found = cost(tried)
      if found < least { (best, least) = (tried, found) }
    }
    return best
  }

  /// `Σ (x − x̂)²`: a twelfth of the step's square inside, all of the way to the end outside.
  private func squaredError(_ low: Double, _ high: Double) -> Double {
    let step = (high - low) / Double(Self.levels - 1)
    var sum = 0.0
    for (bin, count) in counts.enumerated() where count > 0 {
      let center = edge(bin) + width / 2
      if center < low {
        sum += count * (low - center) * (low - center)
      } else if center > high {
        sum += count * (center - high) * (center - high)
      } else {
        sum += count * step * step / 12
      }
    }
    return sum
  }

  /// `Σ p log(p / q)`: p the counts within the range, those outside added at its ends; q the counts within, each level's
  /// spread evenly over those of its bins where anything was seen.
  private func divergence(_ low: Double, _ high: Double) -> Double {
    let first = max(0, Int(((low - Double(lowest)) / width).rounded(.down)))
    let last = min(Self.bins, max(first + 1, Int(((high - Double(lowest)) / width).rounded(.up))))
    // With fewer bins than levels nothing could be told apart.
    if last - first < Self.levels { return .infinity }
    var seen = Array(counts[first..<last])
    let within = seen.reduce(0, +)
    seen[0] += counts[..<first].reduce(0, +)
    seen[seen.count - 1] += counts[last...].reduce(0, +)
    let whole = seen.reduce(0, +)
    if within == 0 { return .infinity }
    var sum = 0.0
    for level in 0..<Self.levels {
      let bins =
        level * seen.count / Self.levels..<(level + 1) * seen.count / Self.levels
      var (count, filled) = (0.0, 0.0)
      for bin in bins where counts[first + bin] > 0 {
        count += counts[first + bin]
        filled += 1
      }
      for bin in bins where seen[bin] > 0 {
        // Where only clipped numbers lie, q has nothing: a thousandth of one stands for it.
        let q = max(filled > 0 ? count / filled : 0, 0.001) / within
        sum += seen[bin] / whole * log(seen[bin] / whole / q)
      }
    }
    return sum
  }
}
