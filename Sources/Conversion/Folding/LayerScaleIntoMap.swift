import MartletModel

extension FoldingRule {
  /// Rule 3.6, a layer scale behind a matrix product: fc2 of every ConvFFN, the projection of every attention.
  ///
  ///     gamma (W x + b)
  ///     W' = gamma[o] W[o]        b' = gamma b
  static let layerScale = FoldingRule("layer scale") { graph, index in
    let layer = graph.network.layers[index]
    guard case .layerScale(let op) = layer.op else { return .none }
    guard let (map, inner) = graph.linearMap(of: layer.inputs[0], readOnlyBy: index) else {
      return .left(graph.obstacle(before: index))
    }
    let gamma = graph.tensor(op.gamma)
    graph.rewrite(
      layer: index, as: map, inputs: inner.inputs,
      weight: graph.weight(of: map).scalingOutputs(by: gamma),
      bias: map.bias.map { graph.tensor($0) * gamma })
    return .folded()
  }
}
