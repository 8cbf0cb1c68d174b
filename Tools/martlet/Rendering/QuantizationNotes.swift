import Foundation
import MartletQuantization

/// What quantization did beyond rounding, for a person.
extension QuantizationReport {
  func describePreparation(_ notes: Notes) {
    if !split.isEmpty {
      notes.say("diagonals taken out: \(split.count), \(split.joined(separator: ", "))")
    }
    if let most = evened.max(by: { $0.ratio < $1.ratio }) {
      notes.say(
        "channels evened: \(evened.reduce(0) { $0 + $1.channels }) in \(evened.count) values, read with weights up to "
          + "\(Int(most.ratio.rounded())) times as small as the others', most at \(most.value)")
    }
    if let best = balanced.max(by: { $0.decibels < $1.decibels }) {
      let mean = balanced.reduce(0) { $0 + $1.decibels } / Double(balanced.count)
      notes.say(
        "balanced: \(balanced.count) values, \(Self.text(mean)) dB each in the mean, "
          + "most \(Self.text(best.decibels)) dB at \(best.value)")
    }
    describeClipping(notes)
  }

  private func describeClipping(_ notes: Notes) {
    if clipped.isEmpty { return }
    let counts = ClipRule.allCases.compactMap { rule -> String? in
      let count = clipped.count { $0.rule == rule }
      return count > 0 ? "\(count) by \(rule.rawValue)" : nil
    }
    let mean = clipped.reduce(0) { $0 + $1.decibels } / Double(clipped.count)
    notes.say(
      "fixed ranges: \(counts.joined(separator: ", ")), \(Self.text(mean)) dB each in the mean")
  }

  func describeRounding(_ notes: Notes) {
    let taken = compensated.filter(\.isTaken)
    if !taken.isEmpty {
      let mean = taken.reduce(0) { $0 + $1.decibels } / Double(taken.count)
      notes.say(
        "GPTQ: \(taken.count) matrices, \(Self.text(mean)) dB each in the mean on rows kept back")
    }
    let settled = taken.compactMap(\.settled)
    if !settled.isEmpty {
      let mean = settled.reduce(0, +) / Double(settled.count)
      notes.say(
        "of that by coordinate descent: \(settled.count) matrices, \(Self.text(mean)) dB each in the mean"
      )
    }
    let plain = compensated.filter { !$0.isTaken }
    if let first = plain.first {
      notes.say(
        "GPTQ gained nothing at \(plain.count) matrices, which were rounded to the nearest; first \(first.weight)"
          + (first.obstacle.map { ": \($0)" } ?? ""))
    }
  }

  private static func text(_ decibels: Double) -> String { String(format: "%.1f", decibels) }
}
