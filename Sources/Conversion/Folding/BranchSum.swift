import MartletModel

/// The equation behind rules 3.1 and 3.2: parallel branches over one input, centered on the same pixel, are one kernel.
///
///     y = Σ_c BN_c(W_c * x) + BN_k(x)
///     W = Σ_c embed_k(s_c W_c) + s_k delta_k        b = Σ_c t_c + t_k
///
/// `embed_k` puts a smaller odd kernel in the middle of the largest, `delta_k` is the kernel that hands its input on.
/// Zero padding is harmless: all branches read the same padded input. Exact at every stride, because all kernels are
/// centered on the same pixel.
struct BranchSum {
  let weight: LazyTensor
  let bias: LazyTensor

  init(_ op: Branches, in graph: FoldingGraph) {
    let inputsPerGroup = op.grouping == .dense ? op.inputChannels : 1
    let shape = [op.outputChannels, inputsPerGroup, op.kernel, op.kernel]
    var (weight, bias): (LazyTensor?, LazyTensor?)
    for branch in op.branches {
      let norm = BatchNormAffine(branch.norm, in: graph)
      let kernel =
        branch.weight.map { graph.tensor($0).embedded(in: op.kernel) }
        ?? .delta(outputs: shape[0], inputsPerGroup: shape[1], kernel: op.kernel)
      let scaled = kernel.scalingOutputs(by: norm.scale)
      weight = weight.map { $0 + scaled } ?? scaled
      bias = bias.map { $0 + norm.offset } ?? norm.offset
    }
    self.weight = weight ?? .zeros(shape)
    self.bias = bias ?? .zeros([op.outputChannels])
  }

  /// Turns the layer into the plain op with this kernel: depthwise, dense, or a matrix product for 1 × 1.
  func rewrite(_ graph: inout FoldingGraph, layer index: Int, of op: Branches) {
    let layer = graph.network.layers[index]
    let isMatrix = op.grouping == .dense && op.kernel == 1 && op.stride == 1
    let weightID = graph.define(
      "\(layer.name).weight",
      isMatrix ? weight.reshaped([op.outputChannels, op.inputChannels]) : weight)
    let biasID = graph.define("\(layer.name).bias", bias)
    let folded: Op
    switch op.grouping {
    case .depthwise(let multiplier):
      folded = .depthwise(
        Depthwise(
          channels: op.inputChannels, multiplier: multiplier, kernel: op.kernel, stride: op.stride,
          weight: weightID, bias: biasID))
    case .dense where isMatrix:
      folded = .linear(
        Linear(
          inputs: op.inputChannels, outputs: op.outputChannels, weight: weightID, bias: biasID))
    case .dense:
      folded = .convolution(
        Convolution(
          inputChannels: op.inputChannels, outputChannels: op.outputChannels, kernel: op.kernel,
          stride: op.stride, weight: weightID, bias: biasID))
    }
    graph.rewrite(layer: index, as: folded, inputs: layer.inputs)
  }
}

extension Branches {
  /// Whether a second spatial kernel runs beside the largest one, as in FastViT's large-kernel downsampling.
  var hasSecondSpatialKernel: Bool {
    branches.contains { ($0.kernel ?? 1) > 1 && $0.kernel != kernel }
  }
}
