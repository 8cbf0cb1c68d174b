import MartletModel

extension Op {
  /// The same op with every parameter's id replaced.
  func renumbered(_ new: (ParameterID) -> ParameterID) -> Op {
    switch self {
    case .convolution(var op):
      (op.weight, op.bias) = (new(op.weight), op.bias.map(new))
      return .convolution(op)
    case .depthwise(var op):
      (op.weight, op.bias) = (new(op.weight), op.bias.map(new))
      return .depthwise(op)
    case .squeezeExcite(var op):
      (op.reduceWeight, op.reduceBias) = (new(op.reduceWeight), new(op.reduceBias))
      (op.expandWeight, op.expandBias) = (new(op.expandWeight), new(op.expandBias))
      return .squeezeExcite(op)
    case .layerNorm(var op):
      (op.weight, op.bias) = (op.weight.map(new), op.bias.map(new))
      return .layerNorm(op)
    case .rmsNorm(var op):
      (op.weight, op.bias) = (op.weight.map(new), op.bias.map(new))
      return .rmsNorm(op)
    case .linear(var op):
      (op.weight, op.bias) = (new(op.weight), op.bias.map(new))
      return .linear(op)
    case .embed(var op):
      op.weight = new(op.weight)
      return .embed(op)
    case .batchNorm(let op): return .batchNorm(op.renumbered(new))
    case .branches(var op):
      for index in op.branches.indices {
        op.branches[index].weight = op.branches[index].weight.map(new)
        op.branches[index].norm = op.branches[index].norm.renumbered(new)
      }
      return .branches(op)
    case .layerScale(var op):
      op.gamma = new(op.gamma)
      return .layerScale(op)
    case .normalize, .add, .activate, .rotate, .attention, .gate, .selectLast, .subtract:
      return self
    }
  }
}

extension BatchNorm {
  fileprivate func renumbered(_ new: (ParameterID) -> ParameterID) -> BatchNorm {
    BatchNorm(
      channels: channels, eps: eps, gamma: new(gamma), beta: new(beta), mean: new(mean),
      variance: new(variance))
  }
}
