import Foundation

/// How far two next-token distributions are apart at one position of an answer.
package struct PositionComparison: Equatable, Sendable {
  /// Kullback-Leibler divergence of the pack's distribution from the reference's, in nats.
  package var divergence: Double
  /// Root of the mean squared difference of the logits, a common shift (which changes no probability) left out.
  package var error: Double
  /// Largest difference of any logit, the common shift left out.
  package var errorMaximum: Double
  /// Whether both have the same likeliest id.
  package var isTopEqual: Bool
  /// Share of the reference's five likeliest ids that are among the pack's five.
  package var topFiveShare: Double

  package init(
    divergence: Double, error: Double, errorMaximum: Double, isTopEqual: Bool, topFiveShare: Double
  ) {
    self.divergence = divergence
    self.error = error
    self.errorMaximum = errorMaximum
    self.isTopEqual = isTopEqual
    self.topFiveShare = topFiveShare
  }

  /// Compares over the ids that are real tokens.
  ///
  ///     divergence = Σ p (log p − log q)      p, q the softmax of the logits
  package init(reference: borrowing Span<Float>, found: borrowing Span<Float>) {
    precondition(reference.count == found.count && !reference.isEmpty)
    let count = Double(reference.count)
    let (a, b) = (Self.logNormalizer(reference), Self.logNormalizer(found))
    var (sum, shift) = (0.0, 0.0)
    for id in reference.indices {
      let (x, y) = (Double(reference[id]), Double(found[id]))
      sum += exp(x - a) * ((x - a) - (y - b))
      shift += y - x
    }
    shift /= count
    var (squares, largest) = (0.0, 0.0)
    for id in reference.indices {
      let difference = Double(found[id]) - Double(reference[id]) - shift
      squares += difference * difference
      // `max` would let a NaN pass unseen.
      if !(abs(difference) <= largest) { largest = abs(difference) }
    }
    let (first, second) = (Self.largest(5, of: reference), Self.largest(5, of: found))
    // Rounding alone can bring a sum of zeros below zero; NaN stays NaN.
    divergence = sum < 0 ? 0 : sum
    error = (squares / count).squareRoot()
    errorMaximum = largest
    isTopEqual = first.first == second.first
    topFiveShare = Double(first.count { second.contains($0) }) / Double(first.count)
  }

  /// `log Σ exp(x)`, shifted by the largest so that nothing overflows.
  private static func logNormalizer(_ logits: borrowing Span<Float>) -> Double {
    var largest = -Float.infinity
    for id in logits.indices where logits[id] > largest { largest = logits[id] }
    var sum = 0.0
    for id in logits.indices { sum += exp(Double(logits[id]) - Double(largest)) }
    return Double(largest) + log(sum)
  }

  private static func largest(_ count: Int, of logits: borrowing Span<Float>) -> [Int] {
    var best: [Int] = []
    for id in logits.indices {
      if best.count == count, !(logits[id] > logits[best[count - 1]]) { continue }
      var place = best.count
      while place > 0, logits[id] > logits[best[place - 1]] { place -= 1 }
      best.insert(id, at: place)
      if best.count > count { best.removeLast() }
    }
    return best
  }
}

/// Positions taken together.
package struct LogitSummary: Equatable, Sendable {
  package let count: Int
  package let divergenceMean: Double
  package let divergences: Distribution
  package let errors: Distribution
  /// Largest difference of any logit anywhere.
  package let errorMaximum: Double
  /// Share of positions with the same likeliest id.
  package let topAgreement: Double
  /// Mean share of the reference's five likeliest ids that are among the pack's five.
  package let topFiveAgreement: Double

  package init(_ positions: [PositionComparison]) {
    count = positions.count
    let all = Double(max(1, positions.count))
    divergenceMean = positions.reduce(0) { $0 + $1.divergence } / all
    divergences = Distribution(positions.map(\.divergence))
    errors = Distribution(positions.map(\.error))
    errorMaximum = Distribution(positions.map(\.errorMaximum)).maximum
    topAgreement = Double(positions.count { $0.isTopEqual }) / all
    topFiveAgreement = positions.reduce(0) { $0 + $1.topFiveShare } / all
  }
}

/// Values in ascending order, NaN above all others.
package struct Distribution: Equatable, Sendable {
  private let sorted: [Double]

  package init(_ values: [Double]) {
    sorted = values.sorted { $1.isNaN ? !$0.isNaN : $0 < $1 }
  }

  package var maximum: Double { sorted.last ?? 0 }

  /// The least value that this share of all values does not exceed (nearest rank); 0 where there is none.
  package func percentile(_ share: Double) -> Double {
    if sorted.isEmpty { return 0 }
    let rank = Int((share * Double(sorted.count)).rounded(.up))
    return sorted[min(sorted.count, max(1, rank)) - 1]
  }

  /// A class of values by their powers of ten.
  package struct Bin: Equatable, Sendable {
    /// Values from here on; 0 in the first class, which takes all that are smaller than the second.
    package var from: Double
    package var count: Int
  }

  /// How many values lie in each third of a decade from 1e-9 to 10; the last class takes all beyond, NaN too.
  package var bins: [Bin] {
    var bins = [Bin(from: 0, count: 0)]
    for third in -27...3 { bins.append(Bin(from: pow(10, Double(third) / 3), count: 0)) }
    var place = 0
    for value in sorted {
      while place + 1 < bins.count, !(value < bins[place + 1].from) { place += 1 }
      bins[place].count += 1
    }
    return bins
  }
}
