import Foundation

/// How far the next-token distributions are apart, over many positions.
package struct LogitComparison: Equatable, Sendable {
  private var divergences: [Double] = []
  private var top1 = 0
  private var top5 = 0.0

  package init() {}

  /// One position, over the ids that are real tokens.
  package mutating func add(reference: ArraySlice<Float>, found: ArraySlice<Float>) {
    divergences.append(Self.divergence(reference, found))
    let (a, b) = (Self.largest(5, of: reference), Self.largest(5, of: found))
    if a.first == b.first { top1 += 1 }
    top5 += Double(Set(a).intersection(b).count) / Double(max(1, a.count))
  }

  package var count: Int { divergences.count }
  package var mean: Double { divergences.reduce(0, +) / Double(max(1, count)) }
  package var maximum: Double { divergences.max() ?? 0 }
  /// The divergence that 99 % of positions do not exceed.
  package var percentile99: Double {
    let sorted = divergences.sorted()
    if sorted.isEmpty { return 0 }
    return sorted[min(sorted.count - 1, Int((0.99 * Double(sorted.count)).rounded(.up)) - 1)]
  }
  /// Share of positions with the same likeliest id.
  package var top1Agreement: Double { Double(top1) / Double(max(1, count)) }
  /// Mean share of the reference's five likeliest ids that are among the pack's five.
  package var top5Agreement: Double { top5 / Double(max(1, count)) }

  /// Kullback-Leibler divergence of the pack's distribution from the reference's, in nats:
  /// `Σ p (log p − log q)` with `p`, `q` the softmax of the logits.
  static func divergence(_ reference: ArraySlice<Float>, _ found: ArraySlice<Float>) -> Double {
    let (a, b) = (logNormalizer(reference), logNormalizer(found))
    var sum = 0.0
    for (x, y) in zip(reference, found) {
      let logP = Double(x) - a
      sum += exp(logP) * (logP - (Double(y) - b))
    }
    return max(0, sum)
  }

  /// `log Σ exp(x)`, shifted by the largest so that nothing overflows.
  private static func logNormalizer(_ logits: ArraySlice<Float>) -> Double {
    let largest = Double(logits.max() ?? 0)
    return largest + log(logits.reduce(0.0) { $0 + exp(Double($1) - largest) })
  }

  private static func largest(_ count: Int, of logits: ArraySlice<Float>) -> [Int] {
    var best: [Int] = []
    for index in logits.indices {
      if best.count == count, logits[index] <= logits[best[count - 1]] { continue }
      let place = best.firstIndex { logits[index] > logits[$0] } ?? best.count
      best.insert(index, at: place)
      if best.count > count { best.removeLast() }
    }
    return best.map { $0 - logits.startIndex }
  }
}
