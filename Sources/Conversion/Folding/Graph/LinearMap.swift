import MartletModel

/// A layer seen as a linear map with a weight `[outputs, …]` and perhaps a bias: what an affine map of its
/// outputs can be folded into.
struct LinearMap {
  let outputs: Int
  let weight: ParameterID
  let bias: ParameterID?
  private let op: Op

  /// `nil` for ops that are not linear maps.
  init?(_ op: Op) {
    switch op {
    case .convolution(let map): (outputs, weight, bias) = (map.outputChannels, map.weight, map.bias)
    case .depthwise(let map): (outputs, weight, bias) = (map.outputChannels, map.weight, map.bias)
    case .linear(let map): (outputs, weight, bias) = (map.outputs, map.weight, map.bias)
    case .squeezeExcite, .normalize, .layerNorm, .add, .activate, .rmsNorm, .rotate, .attention,
      .gate, .embed, .selectLast, .batchNorm, .branches, .layerScale, .subtract:
      return nil
    }
    self.op = op
  }

  /// The same map with another weight and bias.
  func replacing(weight: ParameterID, bias: ParameterID?) -> Op {
    switch op {
    case .convolution(var map):
      (map.weight, map.bias) = (weight, bias)
      return .convolution(map)
    case .depthwise(var map):
      (map.weight, map.bias) = (weight, bias)
      return .depthwise(map)
    case .linear(var map):
      (map.weight, map.bias) = (weight, bias)
      return .linear(map)
    case .squeezeExcite, .normalize, .layerNorm, .add, .activate, .rmsNorm, .rotate, .attention,
      .gate, .embed, .selectLast, .batchNorm, .branches, .layerScale, .subtract:
      return op
    }
  }
}
