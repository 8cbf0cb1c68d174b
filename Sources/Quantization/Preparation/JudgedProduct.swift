import MartletCalibration
import MartletModel
import MartletReference

/// A product on sampled rows, to see what rounding its two sides costs.
struct JudgedProduct: Sendable {
  let rows: [Float]
  /// `[outputs, inputs]`, perhaps only some of the outputs.
  let weights: [Float]
  let inputs: Int
  let encoding: WeightEncoding
  private let exact: [Float]

  /// - Parameter outputLimit: where there are more outputs, evenly spaced ones are judged.
  init(
    rows: [Float], weights: [Float], inputs: Int, encoding: WeightEncoding, outputLimit: Int
  ) {
    self.rows = rows
    self.weights = Self.some(outputLimit, of: weights, inputs)
    self.inputs = inputs
    self.encoding = encoding
    exact = Self.product(rows, self.weights, inputs)
  }

  /// About so many of its rows and outputs: quicker to judge.
  func part(rows rowLimit: Int, outputs: Int) -> JudgedProduct {
    JudgedProduct(
      rows: Self.some(rowLimit, of: rows, inputs), weights: weights, inputs: inputs,
      encoding: encoding, outputLimit: outputs)
  }

  /// Evenly spaced rows of a matrix, less than twice as many as `limit`.
  private static func some(_ limit: Int, of matrix: [Float], _ width: Int) -> [Float] {
    let step = max(1, matrix.count / width / limit)
    if step == 1 { return matrix }
    var chosen: [Float] = []
    for start in stride(from: 0, to: matrix.count, by: step * width) {
      chosen += matrix[start..<start + width]
    }
    return chosen
  }

  /// At most so many rows of a sample, evenly spaced.
  static func rows(of sample: RowSample, limit: Int) -> [Float] {
    let step = max(1, sample.rows / limit)
    var rows: [Float] = []
    for row in stride(from: 0, to: sample.rows, by: step) {
      rows += sample.floats(row..<row + 1)
    }
    return rows
  }

  /// The squared error of all results when rows are divided and weights multiplied by `scale`, then both rounded.
  func error(scale: [Float]) -> Double {
    var rows = rows
    var weights = weights
    for start in stride(from: 0, to: rows.count, by: inputs) {
      for input in 0..<inputs { rows[start + input] /= scale[input] }
      Self.round(row: &rows, start..<start + inputs)
    }
    for start in stride(from: 0, to: weights.count, by: inputs) {
      for input in 0..<inputs { weights[start + input] *= scale[input] }
      round(weights: &weights, start..<start + inputs)
    }
    return Self.difference(Self.product(rows, weights, inputs), exact)
  }

  /// The squared error of all results when rows are rounded within a fixed range.
  func error(range: (lowest: Float, highest: Float)) -> Double {
    guard
      case .fixed(let scale, let zeroPoint) = StaticRange.encoding(
        lowest: range.lowest, highest: range.highest)
    else { return .infinity }
    let zero = Float(zeroPoint)
    let rounded = rows.map { number in
      let code = (number / scale).rounded(.toNearestOrEven) + zero
      return (min(255, max(0, code)) - zero) * scale
    }
    return Self.difference(Self.product(rounded, weights, inputs), exact)
  }

  static func difference(_ found: [Float], _ expected: [Float]) -> Double {
    var sum = 0.0
    for index in found.indices {
      let difference = Double(found[index] - expected[index])
      sum += difference * difference
    }
    return sum
  }

  /// `rows · weightsᵀ`
  static func product(_ rows: [Float], _ weights: [Float], _ inputs: Int) -> [Float] {
    let (m, n) = (rows.count / inputs, weights.count / inputs)
    var result = [Float](repeating: 0, count: m * n)
    var span = result.mutableSpan
    Matrices.multiply(
      MatrixView(rows, rows: m, columns: inputs), rows: 0..<m,
      byTransposed: MatrixView(weights, rows: n, columns: inputs), into: &span, stride: n)
    return result
  }

  /// One row to unsigned 8 bits and back, by its own range, as the runtime does.
  static func round(row: inout [Float], _ range: Range<Int>) {
    var (low, high): (Float, Float) = (0, 0)
    for index in range {
      low = min(low, row[index])
      high = max(high, row[index])
    }
    let scale = (high - low) / 255
    guard scale.isNormal else { return }
    let zero = (-low / scale).rounded(.toNearestOrEven)
    for index in range {
      let code = (row[index] / scale).rounded(.toNearestOrEven) + zero
      row[index] = (min(255, max(0, code)) - zero) * scale
    }
  }

  /// One output's weights to codes and back; 4-bit scales are the largest weight's, not searched: it is candidates that
  /// are compared.
  private func round(weights: inout [Float], _ range: Range<Int>) {
    let size = encoding == .int4Panels ? WeightEncoding.group : inputs
    let limit: Float = encoding == .int4Panels ? 7.5 : 127
    for start in stride(from: range.lowerBound, to: range.upperBound, by: size) {
      let group = start..<min(range.upperBound, start + size)
      var largest: Float = 0
      for index in group { largest = max(largest, abs(weights[index])) }
      let scale = largest / limit
      guard scale.isNormal else { continue }
      for index in group {
        let code = (weights[index] / scale).rounded(.toNearestOrEven)
        weights[index] = min(limit.rounded(.down), max(-limit.rounded(.up), code)) * scale
      }
    }
  }
}
