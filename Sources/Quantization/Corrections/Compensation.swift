import Foundation
import MartletBytes
import MartletCalibration
import MartletModel

/// Rounds matrices by GPTQ where the rows that reach them were sampled, and keeps the result only where it is better on
/// rows that it was not made from.
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

  /// - Throws: `missingStatistic` where no rows were collected for a product in codes.
  init(
    _ prepared: Preparation, plan: QuantizationPlan, pool: ThreadPool?, report: QuantizationReport
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
    let judged = sample.rows / Self.heldBack
    let scale = statistics.scale(of: value)
    guard
      let gptq = GPTQ(
        encoding: encoding, rows: Self.rows(sample, 0..<sample.rows - judged, scale),
        inputs: inputs)
    else {
      report.add(
        .init(weight: name, decibels: 0, isTaken: false, obstacle: "second moments are singular"))
      return nil
    }
    let weights = try weights()
    let rounded = gptq.rounded(weights, pool: pool)
    let unseen = Self.rows(sample, sample.rows - judged..<sample.rows, scale)
    let plain = Self.error(
      GPTQ.nearest(weights, inputs: inputs, encoding: encoding), weights, on: unseen)
    let found = Self.error(rounded, weights, on: unseen)
    let isBetter = found < plain
    report.add(
      .init(
        weight: name, decibels: found > 0 ? 10 * log10(plain / found) : 0, isTaken: isBetter,
        obstacle: nil))
    guard isBetter else { return nil }
    // Judged; now from all rows.
    let whole = GPTQ(
      encoding: encoding, rows: Self.rows(sample, 0..<sample.rows, scale), inputs: inputs)
    return EncodedMatrix(
      whole?.rounded(weights, pool: pool) ?? rounded, weights: weights, means: means)
  }

  /// Rows as the prepared model has them.
  private static func rows(
    _ sample: RowSample, _ range: Range<Int>, _ scale: [Float]?
  ) -> [Float] {
    var rows = sample.floats(range)
    guard let scale else { return rows }
    for start in stride(from: 0, to: rows.count, by: scale.count) {
      for channel in scale.indices { rows[start + channel] /= scale[channel] }
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
