import MartletModel

extension FoldingRule {
  /// Rule 3.5, a batch norm behind a convolution or matrix product (ConvFFN's 7 × 7).
  ///
  ///     BN(W * x + b) = s (W * x + b) + t
  ///     W' = s[o] W[o]        b' = s b + t
  ///
  /// The norm follows the kernel, so zero padding is harmless. In front of a padded kernel it would not be.
  static let convolutionNorm = FoldingRule("convolution + batch norm") { graph, index in
    let layer = graph.network.layers[index]
    guard case .batchNorm(let op) = layer.op else { return .none }
    guard let (map, inner) = graph.linearMap(of: layer.inputs[0], readOnlyBy: index) else {
      // The next rule takes a norm in front of a product.
      return graph.linearReader(of: layer.output) == nil
        ? .left(graph.obstacle(before: index)) : .none
    }
    let norm = BatchNormAffine(op, in: graph)
    graph.rewrite(
      layer: index, as: map, inputs: inner.inputs,
      weight: graph.weight(of: map).scalingOutputs(by: norm.scale),
      bias: graph.bias(of: map) * norm.scale + norm.offset)
    return .folded()
  }
}

extension FoldingGraph {
  /// Why the layer in front of this one cannot absorb it.
  func obstacle(before index: Int) -> FoldingObstacle {
    let input = network.layers[index].inputs[0]
    if soleReader(of: input) != index { return .valueReadElsewhere(value: network[input].name) }
    return .neighbor(op: producer(of: input).map { network.layers[$0].op.name } ?? "input")
  }
}
