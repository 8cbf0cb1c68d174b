import MartletModel

extension FoldingRule {
  /// Rule 3.6, the attention's score factor into the query rows of qkv.
  ///
  ///     c q·k = (c q)·k,   q = W_q x + b_q
  ///     W_q' = c W_q        b_q' = c b_q
  ///
  /// Only where qkv feeds the attention directly. Behind a rotary embedding the factor stays with the attention op by
  /// design: that is no pattern of this rule.
  static let attentionScale = FoldingRule("attention scale") { graph, index in
    let layer = graph.network.layers[index]
    guard case .attention(var op) = layer.op, op.scale != 1 else { return .none }
    if let before = graph.producer(of: layer.inputs[0]),
      case .rotate = graph.network.layers[before].op
    {
      return .none
    }
    guard let (map, inner) = graph.linearMap(of: layer.inputs[0], readOnlyBy: index),
      case .linear = inner.op, let producer = graph.producer(of: layer.inputs[0])
    else { return .left(graph.obstacle(before: index)) }
    let queries = 0..<op.layout.heads * op.layout.headSize
    let factor = Double(op.scale)
    graph.rewrite(
      layer: producer, as: map, inputs: inner.inputs,
      weight: graph.weight(of: map).scalingOutputs(queries, by: factor),
      bias: map.bias.map { graph.tensor($0).scalingOutputs(queries, by: factor) })
    op.scale = 1
    graph.rewrite(layer: index, as: .attention(op), inputs: layer.inputs)
    return .folded(changing: [inner.output])
  }
}
