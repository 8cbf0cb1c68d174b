import MartletModel

extension FoldingRule {
  /// Rule 3.3, RepMixer (FastViT, arXiv 2303.14189, section 3.1): the token mixer is one depthwise kernel.
  ///
  ///     y = x + ls (M(x) − BN(x)),   M(x) = W_m * x + b_m,   BN(x) = s_n x + t_n
  ///     W = delta + ls (W_m − s_n delta)        b = ls (b_m − t_n)
  ///
  /// All parts read the same x in parallel, so zero padding is harmless and the result is exact.
  static let repMixer = FoldingRule("RepMixer") { graph, index in
    guard let match = RepMixerMatch(in: graph, at: index) else { return .none }
    let (mixer, norm) = (match.mixer, BatchNormAffine(match.norm, in: graph))
    let factor = graph.tensor(match.scale.gamma)
    let delta = LazyTensor.delta(
      outputs: mixer.channels, inputsPerGroup: 1, kernel: mixer.kernel)
    let map = match.map
    let weight =
      delta
      + (graph.weight(of: map) - delta.scalingOutputs(by: norm.scale)).scalingOutputs(by: factor)
    let bias = factor * (graph.bias(of: map) - norm.offset)
    graph.rewrite(layer: index, as: map, inputs: [match.input], weight: weight, bias: bias)
    return .folded()
  }
}

/// `add(x, layerScale(subtract(depthwise(x), batchNorm(x))))`, the inner values read by nobody else.
private struct RepMixerMatch {
  let input: ValueID
  let mixer: Depthwise
  let map: LinearMap
  let norm: BatchNorm
  let scale: LayerScale

  init?(in graph: FoldingGraph, at index: Int) {
    let layers = graph.network.layers
    guard case .add = layers[index].op, layers[index].inputs.count == 2 else { return nil }
    input = layers[index].inputs[0]
    guard let scaled = graph.producer(of: layers[index].inputs[1], readOnlyBy: index),
      case .layerScale(let scale) = layers[scaled].op,
      let difference = graph.producer(of: layers[scaled].inputs[0], readOnlyBy: scaled),
      case .subtract = layers[difference].op,
      let mixed = graph.producer(of: layers[difference].inputs[0], readOnlyBy: difference),
      case .depthwise(let mixer) = layers[mixed].op, let map = LinearMap(layers[mixed].op),
      mixer.stride == 1, mixer.multiplier == 1,
      let normed = graph.producer(of: layers[difference].inputs[1], readOnlyBy: difference),
      case .batchNorm(let norm) = layers[normed].op,
      layers[mixed].inputs == [input], layers[normed].inputs == [input]
    else { return nil }
    (self.mixer, self.map, self.norm, self.scale) = (mixer, map, norm, scale)
  }
}
