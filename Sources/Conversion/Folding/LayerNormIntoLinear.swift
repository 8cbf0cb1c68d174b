import MartletModel

extension FoldingRule {
  /// Rule 3.6, weight and bias of a layer norm into the matrix product behind it (qkv, which gains a bias).
  ///
  ///     W (w n + c) + b,   n the bare norm
  ///     W' = W diag(w)        b' = b + W c
  ///
  /// The norm itself stays: its mean and variance come from the data.
  static let layerNormIntoLinear = FoldingRule("layer norm into product") { graph, index in
    let layer = graph.network.layers[index]
    guard case .layerNorm(var norm) = layer.op, norm.weight != nil || norm.bias != nil else {
      return .none
    }
    guard let reader = graph.soleReader(of: layer.output) else {
      return .left(.valueReadElsewhere(value: layer.name))
    }
    let next = graph.network.layers[reader]
    guard case .linear = next.op, let map = LinearMap(next.op) else {
      return .left(.neighbor(op: next.op.name))
    }
    let matrix = graph.weight(of: map)
    let shift = norm.bias.map { matrix.times(graph.tensor($0)) }
    let bias = shift.map { graph.bias(of: map) + $0 } ?? map.bias.map { graph.tensor($0) }
    graph.rewrite(
      layer: reader, as: map, inputs: next.inputs,
      weight: norm.weight.map { matrix.scalingInputs(by: graph.tensor($0)) } ?? matrix, bias: bias)
    (norm.weight, norm.bias) = (nil, nil)
    graph.rewrite(layer: index, as: .layerNorm(norm), inputs: layer.inputs)
    return .folded(changing: [layer.output])
  }
}
