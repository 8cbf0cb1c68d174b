import Foundation
import MartletBytes
import MartletCalibration
import MartletModel

/// Rounds matrices by GPTQ, and by coordinate descent after it, where the rows that reach them were sampled; keeps each
/// result only where it is better on rows that it was not made from.
final class Compensation: Sendable {
  /// One row in so many is kept back to judge by.
  private static let heldBack = 8
  /// Fewer rows than this say too little.
  private static let fewestRows = 64

  private let statistics: PreparedStatistics
  /// Weight name to the value that its product reads.
  private let values: [String: String]
  private let pool: ThreadPool?
  private let report: QuantizationReport
  /// Whether codes of 4 bits are settled by coordinate descent after GPTQ.
  private let settles: Bool
  /// Weights of short sums.
  private let short: Set<String>

  /// - Throws: `missingStatistic` where no rows were collected for a product in codes.
  init(
    _ prepared: Preparation, plan: QuantizationPlan, scheme: Scheme, pool: ThreadPool?,
    report: QuantizationReport
  ) throws(QuantizationError) {
    var values: [String: String] = [:]
    for network in prepared.model.description.networks {
      let tables = network.embeddingTables
      for layer in network.layers {
        guard case .linear(let op) = layer.op, !tables.contains(op.weight) else { continue }
        let weight = network[op.weight].name
        switch plan.weights[weight] {
        case .int8Panels, .int4Panels: break
        default: continue
        }
        let value = network[layer.inputs[0]].name
        guard let sample = prepared.statistics?.rows(of: value) else {
          throw .missingStatistic(value: value, statistic: "rows")
        }
        if sample.channels != op.inputs {
          throw .statisticWidth(value: value, expected: op.inputs, found: sample.channels)
        }
        values[weight] = value
      }
    }
    guard let statistics = prepared.statistics else {
      throw .missingStatistic(value: "any", statistic: "rows")
    }
    self.statistics = statistics
    self.values = values
    self.pool = pool
    self.report = report
    settles = scheme.rounding == .descent
    short =
      scheme.shortSums ? ShortSums.matrices(of: prepared.model.description, plan: plan) : []
  }

  /// - Returns: `nil` where plain rounding is to be used.
  func matrix<E: Error>(
    _ name: String, inputs: Int, encoding: WeightEncoding, means: [Double],
    weights: () throws(E) -> [Float]
  ) throws(E) -> EncodedMatrix? {
    guard let value = values[name], let sample = statistics.rows(of: value) else { return nil }
    if sample.rows < Self.fewestRows {
      report.add(
        .init(
          weight: name, decibels: 0, isTaken: false, obstacle: "\(sample.rows) rows are too few"))
      return nil
    }
    let weights = try weights()
    guard let settled = isSettled(name, weights, value, sample, encoding, means) else { return nil }
    // Judged; now from all rows.
    let all = 0..<sample.rows
    guard let whole = rounding(name, encoding, value, sample, all, means) else { return nil }
    var rounded = whole.gptq.rounded(weights, pool: pool)
    if settled, let descent = whole.descent {
      rounded = descent.settled(rounded, weights, pool: pool)
    }
    return EncodedMatrix(rounded, weights: weights, means: means)
  }

  /// Judges on rows held back. What this needs, a factor of inputs² numbers among it, is gone when it returns.
  ///
  /// - Returns: whether coordinate descent is worth it; `nil` where plain rounding is not worse than anything.
  private func isSettled(
    _ name: String, _ weights: [Float], _ value: String, _ sample: RowSample,
    _ encoding: WeightEncoding, _ means: [Double]
  ) -> Bool? {
    let judged = sample.rows - sample.rows / Self.heldBack
    guard let rounding = self.rounding(name, encoding, value, sample, 0..<judged, means) else {
      report.add(
        .init(weight: name, decibels: 0, isTaken: false, obstacle: "second moments are singular"))
      return nil
    }
    let unseen = rows(value, sample, judged..<sample.rows, means)
    func error(_ rounded: GPTQ.Rounded) -> Double { Self.error(rounded, weights, on: unseen) }
    let plain = error(
      GPTQ.nearest(
        weights, inputs: sample.channels, encoding: encoding, isShort: short.contains(name),
        pool: pool))
    let rounded = rounding.gptq.rounded(weights, pool: pool)
    var found = error(rounded)
    var settled: Double?
    if let descent = rounding.descent {
      let further = error(descent.settled(rounded, weights, pool: pool))
      if further < found {
        settled = further > 0 ? 10 * log10(found / further) : 0
        found = further
      }
    }
    report.add(
      .init(
        weight: name, decibels: found > 0 ? 10 * log10(plain / found) : 0,
        isTaken: found < plain, settled: found < plain ? settled : nil, obstacle: nil))
    return found < plain ? settled != nil : nil
  }

  /// What is known from some rows.
  private struct Rounding {
    let gptq: GPTQ
    let descent: CoordinateDescent?
  }

  /// - Returns: `nil` where the rows say nothing.
  private func rounding(
    _ name: String, _ encoding: WeightEncoding, _ value: String, _ sample: RowSample,
    _ range: Range<Int>, _ means: [Double]
  ) -> Rounding? {
    let rows = self.rows(value, sample, range, means)
    guard var moments = SecondMoments(rows: rows, inputs: sample.channels),
      let gptq = GPTQ(encoding: encoding, isShort: short.contains(name), moments: moments)
    else { return nil }
    // With 8 bits descent gains 0.1 dB a matrix of martlet-nano, and nothing at the image tokens.
    guard settles, encoding == .int4Panels else { return Rounding(gptq: gptq, descent: nil) }
    // In place: a matrix of 6144 inputs has moments of 150 MB.
    moments.damp(gptq.damping)
    return Rounding(
      gptq: gptq, descent: CoordinateDescent(encoding: encoding, moments: moments))
  }

  /// Rows as the prepared model has them, less their mean where the bias takes what rounding does to that.
  private func rows(
    _ value: String, _ sample: RowSample, _ range: Range<Int>, _ means: [Double]
  ) -> [Float] {
    var rows = sample.floats(range)
    let width = sample.channels
    if let scale = statistics.scale(of: value) {
      for start in stride(from: 0, to: rows.count, by: width) {
        for channel in 0..<width { rows[start + channel] /= scale[channel] }
      }
    }
    if !means.isEmpty {
      let means = means.map(Float.init)
      for start in stride(from: 0, to: rows.count, by: width) {
        for channel in 0..<width { rows[start + channel] -= means[channel] }
      }
    }
    return rows
  }

  /// `Σ |(W − Ŵ) x|²` over rows.
  private static func error(
    _ rounded: GPTQ.Rounded, _ weights: [Float], on rows: [Float]
  ) -> Double {
    var difference = rounded.values
    for index in difference.indices { difference[index] -= weights[index] }
    var sum = 0.0
    for result in JudgedProduct.product(rows, difference, rounded.inputs) {
      sum += Double(result) * Double(result)
    }
    return sum
  }
}

extension Compensation {
  /// Bytes that rounding the costliest matrix of a model takes, besides the samples of rows.
  ///
  /// For m outputs and n inputs: the rows as floats; their moments and the factor of n² numbers each, for descent the moments once
  /// more; the weights, the values of what is judged and the codes of two candidates, 12 bytes a weight in all.
  static func byteCount(of model: QuantizedModel, rounding: RoundingRule) -> Int {
    if rounding == .nearest { return 0 }
    var most = 0
    for network in model.description.networks {
      let tables = network.embeddingTables
      for layer in network.layers {
        guard case .linear(let op) = layer.op, !tables.contains(op.weight) else { continue }
        switch model.plan.weights[network[op.weight].name] {
        case .int8Panels, .int4Panels: break
        default: continue
        }
        let square = op.inputs * op.inputs * (rounding == .descent ? 12 : 8)
        let rows = RowSample.mostRows * op.inputs * 4
        most = max(most, rows + square + op.outputs * op.inputs * 12)
      }
    }
    return most
  }
}
