extension Op {
  /// The shape of the result for inputs of these shapes. Does not check them: `Network.validate()` does.
  package func outputShape(of inputs: [ValueShape]) -> ValueShape {
    let first = inputs.first ?? .ids
    switch self {
    case .convolution(let op): return first.spatial(channels: op.outputChannels, stride: op.stride)
    case .depthwise(let op): return first.spatial(channels: op.outputChannels, stride: op.stride)
    case .branches(let op): return first.spatial(channels: op.outputChannels, stride: op.stride)
    case .squeezeExcite, .normalize, .layerNorm, .rmsNorm, .add, .subtract, .activate, .rotate,
      .batchNorm, .layerScale, .selectLast:
      return first
    case .linear(let op): return first.with(channels: op.outputs)
    case .attention(let op): return first.with(channels: op.layout.outputWidth)
    case .gate(let width): return first.with(channels: width)
    case .embed(let op): return .rows(channels: op.channels)
    }
  }

  /// The parameters the op names, in declaration order.
  package var parameters: [ParameterID] {
    func present(_ ids: [ParameterID?]) -> [ParameterID] { ids.compactMap { $0 } }
    switch self {
    case .convolution(let op): return present([op.weight, op.bias])
    case .depthwise(let op): return present([op.weight, op.bias])
    case .squeezeExcite(let op):
      return [op.reduceWeight, op.reduceBias, op.expandWeight, op.expandBias]
    case .layerNorm(let op), .rmsNorm(let op): return present([op.weight, op.bias])
    case .linear(let op): return present([op.weight, op.bias])
    case .embed(let op): return [op.weight]
    case .batchNorm(let op): return op.parameters
    case .branches(let op):
      return op.branches.flatMap { present([$0.weight]) + $0.norm.parameters }
    case .layerScale(let op): return [op.gamma]
    case .normalize, .add, .activate, .rotate, .attention, .gate, .selectLast, .subtract:
      return []
    }
  }

  /// Whether the op may stand in a folded network.
  package var isRunnable: Bool {
    switch self {
    case .convolution, .depthwise, .squeezeExcite, .normalize, .layerNorm, .linear, .add,
      .activate, .rmsNorm, .rotate, .attention, .gate, .embed, .selectLast:
      true
    case .batchNorm, .branches, .layerScale, .subtract: false
    }
  }

  /// The op's name in messages and listings.
  package var name: String {
    switch self {
    case .convolution: "convolution"
    case .depthwise: "depthwise"
    case .squeezeExcite: "squeezeExcite"
    case .normalize: "normalize"
    case .layerNorm: "layerNorm"
    case .linear: "linear"
    case .add: "add"
    case .activate: "activate"
    case .rmsNorm: "rmsNorm"
    case .rotate: "rotate"
    case .attention: "attention"
    case .gate: "gate"
    case .embed: "embed"
    case .selectLast: "selectLast"
    case .batchNorm: "batchNorm"
    case .branches: "branches"
    case .layerScale: "layerScale"
    case .subtract: "subtract"
    }
  }
}

extension BatchNorm {
  package var parameters: [ParameterID] { [gamma, beta, mean, variance] }
}

extension ValueShape {
  /// The same kind of value with another width.
  package func with(channels: Int) -> ValueShape {
    switch self {
    case .map(_, let stride): .map(channels: channels, stride: stride)
    case .rows, .ids: .rows(channels: channels)
    }
  }

  fileprivate func spatial(channels: Int, stride step: Int) -> ValueShape {
    switch self {
    case .map(_, let stride): .map(channels: channels, stride: stride * step)
    case .rows, .ids: .rows(channels: channels)
    }
  }
}
