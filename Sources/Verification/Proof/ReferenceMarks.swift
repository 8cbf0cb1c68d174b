import Foundation
import MartletModel
import MartletPack
import MartletProof
import MartletReference
import MartletRuntime

/// Evenly spread elements of a value, at most 4096 of them: what two runs are compared by without holding either whole.
struct SpreadSample {
  static let most = 4096

  private let values: [Float]

  init(_ all: Span<Float>) {
    let step = max(1, all.count / Self.most)
    var values: [Float] = []
    for index in stride(from: 0, to: all.count, by: step) { values.append(all[index]) }
    self.values = values
  }

  /// Decibels of this, the reference's, over its difference from another; at most 200.
  func signalToNoise(of found: SpreadSample) -> Float {
    var (power, noise) = (0.0, 0.0)
    for (a, b) in zip(values, found.values) {
      let difference = Double(a) - Double(b)
      power += Double(a) * Double(a)
      noise += difference * difference
    }
    let decibels = noise == 0 ? .infinity : 10 * log10(power / noise)
    return Float(min(200, max(-200, decibels.isNaN ? -200 : decibels)))
  }
}

/// What the float reference made of a golden picture, layer by layer.
final class ReferenceMarks {
  private(set) var summaries: [String: (summary: Proof.Summary, sample: SpreadSample)] = [:]

  /// - Parameter prepared: what the values are in the pack.
  func tap(_ prepared: PreparedValues) -> ReferenceTap {
    prepared.tap { name, tensor in
      let values = tensor.data.span
      self.summaries[name] = (Proof.Summary(values), SpreadSample(values))
    }
  }
}

/// The marks of every layer of a pack, beside those of the reference.
final class PackMarks {
  private let reference: ReferenceMarks
  private(set) var marks: [String: Proof.LayerMark] = [:]
  /// The first layer whose numbers are not finite.
  private(set) var notFinite: String?

  init(beside reference: ReferenceMarks) { self.reference = reference }

  var tap: NetworkExecutor.Tap {
    { region, _, values in
      guard let name = region.layers.last, let expected = self.reference.summaries[name] else {
        return
      }
      let summary = Proof.Summary(values)
      if !summary.isFinite || !expected.summary.isFinite {
        self.notFinite = self.notFinite ?? name
      }
      self.marks[name] = Proof.LayerMark(
        checksum: values.checksum, pack: summary, reference: expected.summary,
        signalToNoise: expected.sample.signalToNoise(of: SpreadSample(values)))
    }
  }
}

extension LogitDivergence {
  /// The likeliest tokens, best first, the lowest id among equals.
  static func candidates(_ logits: [Float]) -> [Proof.Candidate] {
    let order = logits.indices.sorted { a, b in
      logits[a] == logits[b] ? a < b : logits[a] > logits[b]
    }
    return order.prefix(Proof.GoldenAnswer.mostCandidates).map {
      Proof.Candidate(id: $0, logit: logits[$0])
    }
  }
}

/// Distributions of the next token.
enum LogitDivergence {
  /// `Σ p (log p − log q)` in nats, `p` the reference's.
  static func value(reference: [Float], found: [Float]) -> Float {
    func logarithms(_ logits: [Float]) -> [Double] {
      let highest = Double(logits.max() ?? 0)
      let total = logits.reduce(0.0) { $0 + exp(Double($1) - highest) }
      return logits.map { Double($0) - highest - log(total) }
    }
    var sum = 0.0
    for (p, q) in zip(logarithms(reference), logarithms(found)) { sum += exp(p) * (p - q) }
    return Float(max(0, sum))
  }
}
