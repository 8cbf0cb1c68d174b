import MartletModel

/// FastVLM's projector: linear layers with a GELU between them, from encoder rows to rows of the language model
/// (reference section 4.1).
struct Projector {
  private var source: SourceBuilder
  private let names: FastVLMNames

  init(tensors: TensorIndex, names: FastVLMNames) {
    source = SourceBuilder(role: .projector, tensors: tensors)
    self.names = names
  }

  /// `[tokens, width]` in, `[tokens, hidden]` out.
  mutating func network(
    width: Int, statedDepth: Int?, hasBiases: Bool
  ) throws(ConversionError) -> (network: Network, bindings: [String: [String]]) {
    let layers = layers()
    _ = try source.shape(of: "\(layers[0]).weight")
    if let statedDepth, statedDepth != layers.count {
      throw .configurationMismatch(
        key: "mm_projector_type", stated: statedDepth, tensor: "\(layers[0]).weight",
        found: layers.count)
    }
    var x = source.input("rows", .rows(channels: width))
    for (index, path) in layers.enumerated() {
      let inputs = source.channels(x)
      if index > 0 {
        let name = index == 1 ? "activation" : "activation.\(index - 1)"
        x = source.layer(name, .activate(.gelu), x)
      }
      let outputs = try source.outputs(ofMatrix: "\(path).weight", inputs: inputs)
      let op = Linear(
        inputs: inputs, outputs: outputs,
        weight: try source.matrix(
          "\(index).weight", outputs: outputs, inputs: inputs, from: "\(path).weight"),
        bias: hasBiases ? try source.vector("\(index).bias", outputs, from: "\(path).bias") : nil)
      x = source.layer("\(index)", .linear(op), x)
    }
    return try source.finished(output: x)
  }

  /// Paths of the linear layers. LLaVA numbers the modules of a sequence, in which every other one is a GELU.
  private func layers() -> [String] {
    var path = names.projector
    switch names.layout {
    case .native: return ["\(path).linear_1", "\(path).linear_2"]
    case .mlx: return ["\(path)_0", "\(path)_2"]
    case .mlxCommunity:
      if source.tensors.contains("\(path).layers") { path += ".layers" }
    case .llava: break
    }
    if source.tensors.contains("\(path).weight") { return [path] }
    var layers = ["\(path).0"]
    while source.tensors.contains("\(path).\(2 * layers.count)") {
      layers.append("\(path).\(2 * layers.count)")
    }
    return layers
  }
}
