import MartletModel

extension FoldingRule {
  /// Rule 3.6, the scaling of raw pixels into the stem, so that bytes feed the first convolution directly.
  ///
  ///     W * (a x) = (W diag(a)) * x
  ///     W'[o, i] = a[i] W[o, i]
  ///
  /// Only while all offsets are 0: the stem pads with zeros, and an offset would be missing in the border.
  static let pixelScale = FoldingRule("pixel scale into stem") { graph, index in
    let layer = graph.network.layers[index]
    guard case .normalize(let affine) = layer.op else { return .none }
    if let channel = affine.offset.firstIndex(where: { $0 != 0 }) {
      return .left(
        .offsetBeforeZeroPadding(channel: channel, offset: affine.offset[channel]))
    }
    guard let reader = graph.soleReader(of: layer.output) else {
      return .left(.valueReadElsewhere(value: layer.name))
    }
    let next = graph.network.layers[reader]
    guard case .convolution = next.op, let map = LinearMap(next.op) else {
      return .left(.neighbor(op: next.op.name))
    }
    let scale = affine.scale.map { Double($0) }
    let factors = LazyTensor(shape: [scale.count]) { () throws(ModelError) in scale }
    graph.rewrite(
      layer: reader, as: map, inputs: layer.inputs,
      weight: graph.weight(of: map).scalingInputs(by: factors),
      bias: map.bias.map { graph.tensor($0) })
    return .folded()
  }
}
