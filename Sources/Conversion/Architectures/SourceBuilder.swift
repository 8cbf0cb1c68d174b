import MartletModel

/// A network builder that takes its parameters from tensors of a checkpoint: it checks their shapes and remembers which
/// tensor feeds which parameter.
struct SourceBuilder {
  private(set) var network: NetworkBuilder
  let tensors: TensorIndex
  /// Full parameter name to the tensors that make it up, stacked along the outermost extent.
  private(set) var bindings: [String: [String]] = [:]

  init(role: NetworkRole, tensors: TensorIndex) {
    network = NetworkBuilder(role: role)
    self.tensors = tensors
  }

  // MARK: Layers

  mutating func input(_ name: String, _ shape: ValueShape) -> ValueID { network.input(name, shape) }

  mutating func layer(_ name: String, _ op: Op, _ inputs: ValueID...) -> ValueID {
    switch inputs.count {
    case 1: network.layer(name, op, inputs[0])
    default: network.layer(name, op, inputs[0], inputs[1])
    }
  }

  /// Width of a value.
  func channels(_ value: ValueID) -> Int { network.network[value].shape.channels }

  /// The finished network and its bindings.
  consuming func finished(
    output: ValueID
  ) throws(ConversionError) -> (network: Network, bindings: [String: [String]]) {
    do throws(ModelError) {
      return (try network.finished(output: output), bindings)
    } catch { throw .model(error) }
  }

  // MARK: Parameters

  /// `[channels]`, stored so or with extents of 1 around it (`[C, 1, 1]` of a layer scale).
  mutating func vector(
    _ name: String, _ channels: Int, from tensor: String
  ) throws(ConversionError) -> ParameterID {
    try check(tensor, against: [[channels], [channels, 1, 1], [1, 1, channels]])
    return bind(name, [channels], to: [tensor])
  }

  /// `[outputs, inputs]`, stored so or as a 1 × 1 convolution.
  mutating func matrix(
    _ name: String, outputs: Int, inputs: Int, from tensor: String
  ) throws(ConversionError) -> ParameterID {
    try check(tensor, against: [[outputs, inputs], [outputs, inputs, 1, 1]])
    return bind(name, [outputs, inputs], to: [tensor])
  }

  /// A parameter stored in exactly its shape.
  mutating func parameter(
    _ name: String, _ shape: [Int], from tensor: String
  ) throws(ConversionError) -> ParameterID {
    try check(tensor, against: [shape])
    return bind(name, shape, to: [tensor])
  }

  /// Matrices or vectors stacked along their outputs; `inputs` is `nil` for vectors.
  mutating func stacked(
    _ name: String, _ parts: [(tensor: String, outputs: Int)], inputs: Int?
  ) throws(ConversionError) -> ParameterID {
    var outputs = 0
    for part in parts {
      try check(part.tensor, against: [[part.outputs] + (inputs.map { [$0] } ?? [])])
      outputs += part.outputs
    }
    return bind(name, [outputs] + (inputs.map { [$0] } ?? []), to: parts.map(\.tensor))
  }

  /// The four vectors of a batch norm; `num_batches_tracked` beside them counts training steps and is not read.
  mutating func batchNorm(
    _ name: String, _ channels: Int, from path: String
  ) throws(ConversionError) -> BatchNorm {
    BatchNorm(
      channels: channels, eps: 1e-5,
      gamma: try vector("\(name).gamma", channels, from: "\(path).weight"),
      beta: try vector("\(name).beta", channels, from: "\(path).bias"),
      mean: try vector("\(name).mean", channels, from: "\(path).running_mean"),
      variance: try vector("\(name).variance", channels, from: "\(path).running_var"))
  }

  private mutating func bind(_ name: String, _ shape: [Int], to tensors: [String]) -> ParameterID {
    let id = network.parameter(name, shape)
    bindings[network.network[id].name] = tensors
    return id
  }

  // MARK: Tensors

  /// The shape of a tensor that must be there and hold floats.
  func shape(of tensor: String) throws(ConversionError) -> [Int] {
    guard let entry = tensors[tensor] else {
      throw .missingTensor(name: tensor, shape: nil, nearest: tensors.nearest(to: tensor))
    }
    if !entry.isFloat { throw .tensorType(name: tensor, found: entry.elementType) }
    return entry.shape
  }

  /// The shape of a matrix `[outputs, inputs]` (or 1 × 1 convolution) whose inputs are known: its outputs.
  func outputs(ofMatrix tensor: String, inputs: Int) throws(ConversionError) -> Int {
    let found = try shape(of: tensor)
    guard found.count == 2 || (found.count == 4 && found[2...] == [1, 1]), found[1] == inputs,
      found[0] > 0
    else {
      throw .tensorShape(name: tensor, expected: "[*, \(inputs)]", found: found)
    }
    return found[0]
  }

  /// The shape of a convolution over a value of `inputs` channels.
  func kernel(_ tensor: String, inputs: Int) throws(ConversionError) -> KernelShape {
    let found = try shape(of: tensor)
    guard let kernel = KernelShape(found, inputs: inputs) else {
      throw .tensorShape(
        name: tensor, expected: "[*, \(inputs) or 1, k, k] with an odd k", found: found)
    }
    return kernel
  }

  private func check(_ tensor: String, against allowed: [[Int]]) throws(ConversionError) {
    guard let entry = tensors[tensor] else {
      throw .missingTensor(
        name: tensor, shape: allowed[0], nearest: tensors.nearest(to: tensor))
    }
    if !entry.isFloat { throw .tensorType(name: tensor, found: entry.elementType) }
    if !allowed.contains(entry.shape) {
      throw .tensorShape(name: tensor, expected: "\(allowed[0])", found: entry.shape)
    }
  }
}

/// What the shape `[outputs, inputs per group, k, k]` of a convolution says.
struct KernelShape {
  let outputs: Int
  let inputs: Int
  let side: Int
  let grouping: Branches.Grouping
  var shape: [Int] { [outputs, grouping == .dense ? inputs : 1, side, side] }

  /// `nil` for shapes that are no convolution of a value with that many channels.
  init?(_ shape: [Int], inputs: Int) {
    guard shape.count == 4, shape[0] > 0, shape[2] == shape[3], shape[2] % 2 == 1, shape[2] < 32
    else { return nil }
    (outputs, self.inputs, side) = (shape[0], inputs, shape[2])
    if shape[1] == inputs {
      grouping = .dense
    } else if shape[1] == 1, shape[0] % inputs == 0 {
      grouping = .depthwise(multiplier: shape[0] / inputs)
    } else {
      return nil
    }
  }

  /// The plain op of this shape: depthwise, dense, or a matrix product for 1 × 1.
  func op(stride: Int, weight: ParameterID, bias: ParameterID?) -> Op {
    switch grouping {
    case .depthwise(let multiplier):
      .depthwise(
        Depthwise(
          channels: inputs, multiplier: multiplier, kernel: side, stride: stride, weight: weight,
          bias: bias))
    case .dense where isMatrix(stride: stride):
      .linear(Linear(inputs: inputs, outputs: outputs, weight: weight, bias: bias))
    case .dense:
      .convolution(
        Convolution(
          inputChannels: inputs, outputChannels: outputs, kernel: side, stride: stride,
          weight: weight, bias: bias))
    }
  }

  /// Whether the convolution looks at one pixel only and at every one.
  func isMatrix(stride: Int) -> Bool { grouping == .dense && side == 1 && stride == 1 }
}
