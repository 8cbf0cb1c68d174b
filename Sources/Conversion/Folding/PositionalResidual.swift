import MartletModel

extension FoldingRule {
  /// Rule 3.4, RepCPE: a depthwise kernel and the identity beside it are one kernel.
  ///
  ///     y = x + (W_pe * x + b_pe)
  ///     W = W_pe + delta        b = b_pe
  static let positionalResidual = FoldingRule("RepCPE") { graph, index in
    let layer = graph.network.layers[index]
    guard case .add = layer.op, layer.inputs.count == 2 else { return .none }
    for (input, other) in [(0, 1), (1, 0)] {
      let input = layer.inputs[input]
      guard let (map, inner) = graph.linearMap(of: layer.inputs[other], readOnlyBy: index),
        case .depthwise(let op) = inner.op, inner.inputs == [input], op.stride == 1,
        op.multiplier == 1
      else { continue }
      let delta = LazyTensor.delta(outputs: op.channels, inputsPerGroup: 1, kernel: op.kernel)
      graph.rewrite(
        layer: index, as: map, inputs: [input], weight: graph.weight(of: map) + delta,
        bias: graph.bias(of: map))
      return .folded()
    }
    return .none
  }
}
