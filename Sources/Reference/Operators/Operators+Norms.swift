import MartletModel

extension Operators {
  /// `(x − mean) / sqrt(variance + eps) · weight + bias` over the channels of each row, biased variance.
  func layerNorm(
    _ x: consuming ReferenceTensor, eps: Float, weight: [Float]?, bias: [Float]?
  ) -> ReferenceTensor {
    var y = x
    eachRow(&y) { _, row in
      let count = Double(row.count)
      var mean = 0.0
      for c in 0..<row.count { mean += Double(row[c]) }
      mean /= count
      var variance = 0.0
      for c in 0..<row.count {
        let distance = Double(row[c]) - mean
        variance += distance * distance
      }
      let factor = 1 / (variance / count + Double(eps)).squareRoot()
      for c in 0..<row.count {
        row[c] = Float((Double(row[c]) - mean) * factor) * (weight?[c] ?? 1) + (bias?[c] ?? 0)
      }
    }
    return y
  }

  /// `x · rsqrt(mean(x²) + eps) · weight` for each row.
  func rmsNorm(_ x: consuming ReferenceTensor, eps: Float, weight: [Float]?) -> ReferenceTensor {
    var y = x
    eachRow(&y) { _, row in
      var squares = 0.0
      for c in 0..<row.count { squares += Double(row[c]) * Double(row[c]) }
      let factor = 1 / (squares / Double(row.count) + Double(eps)).squareRoot()
      for c in 0..<row.count { row[c] = Float(Double(row[c]) * factor) * (weight?[c] ?? 1) }
    }
    return y
  }

  /// `gamma (x − mean) / sqrt(variance + eps) + beta` per channel, on stored statistics.
  func batchNorm(
    _ x: consuming ReferenceTensor, eps: Float, gamma: [Float], beta: [Float], mean: [Float],
    variance: [Float]
  ) -> ReferenceTensor {
    let factors = (0..<gamma.count).map { c in
      Float(Double(gamma[c]) / (Double(variance[c]) + Double(eps)).squareRoot())
    }
    var y = x
    eachRow(&y) { _, row in
      for c in 0..<factors.count { row[c] = (row[c] - mean[c]) * factors[c] + beta[c] }
    }
    return y
  }
}
