import MartletModel

extension FoldingRule {
  /// Rule 3.7, a batch norm in front of a matrix product over rows (the attention's norm in MobileCLIP S0 to S2).
  ///
  ///     W (s x + t) + b
  ///     W' = W diag(s)        b' = b + W t
  ///
  /// A product looks at one pixel alone, so there is no border that padding could change.
  static let batchNormIntoLinear = FoldingRule("batch norm into product") { graph, index in
    let layer = graph.network.layers[index]
    guard case .batchNorm(let op) = layer.op else { return .none }
    guard let reader = graph.linearReader(of: layer.output),
      let map = LinearMap(graph.network.layers[reader].op)
    else { return .left(graph.obstacle(before: index)) }
    let norm = BatchNormAffine(op, in: graph)
    let matrix = graph.weight(of: map)
    graph.rewrite(
      layer: reader, as: map, inputs: layer.inputs,
      weight: matrix.scalingInputs(by: norm.scale),
      bias: graph.bias(of: map) + matrix.times(norm.offset))
    return .folded()
  }
}

extension FoldingGraph {
  /// The matrix product over rows that alone reads the value.
  func linearReader(of value: ValueID) -> Int? {
    guard let reader = soleReader(of: value), case .linear = network.layers[reader].op else {
      return nil
    }
    return reader
  }
}
