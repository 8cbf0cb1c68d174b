import MartletModel

extension Operators {
  /// `x · sigmoid(expand · relu(reduce · mean(x) + b) + b)`, the mean taken over all pixels.
  func squeezeExcite(
    _ x: consuming ReferenceTensor, reduce: (weight: [Float], bias: [Float]),
    expand: (weight: [Float], bias: [Float])
  ) -> ReferenceTensor {
    let channels = x.channels
    let means = ReferenceTensor(rows: 1, channels: channels, data: pixelMeans(x))
    let hidden = activated(
      linear(means, weight: reduce.weight, bias: reduce.bias, outputs: reduce.bias.count), .relu)
    let logits = linear(hidden, weight: expand.weight, bias: expand.bias, outputs: channels)
    return scaled(x, gamma: logits.data.map { 1 / (1 + exponential(-$0)) })
  }

  /// The mean of every channel over all pixels.
  private func pixelMeans(_ x: ReferenceTensor) -> [Float] {
    var sums = [Double](repeating: 0, count: x.channels)
    for row in 0..<x.rows {
      for c in 0..<x.channels { sums[c] += Double(x.data[row * x.channels + c]) }
    }
    return sums.map { Float($0 / Double(x.rows)) }
  }
}
