/// Checks one layer against its op: input count, widths, parameter shapes, result shape.
struct OpChecker {
  let network: Network
  let layer: Layer

  func check() throws(ModelError) {
    switch layer.op {
    case .convolution(let op):
      try extents([op.inputChannels, op.outputChannels, op.kernel, op.stride])
      try oddKernel(op.kernel)
      try map(channels: op.inputChannels)
      try parameter(
        op.weight, [op.outputChannels, op.inputChannels, op.kernel, op.kernel])
      try parameter(op.bias, [op.outputChannels])
    case .depthwise(let op):
      try extents([op.channels, op.multiplier, op.kernel, op.stride])
      try oddKernel(op.kernel)
      try map(channels: op.channels)
      try parameter(op.weight, [op.outputChannels, 1, op.kernel, op.kernel])
      try parameter(op.bias, [op.outputChannels])
    case .squeezeExcite(let op):
      try extents([op.channels, op.reducedChannels])
      try map(channels: op.channels)
      try parameter(op.reduceWeight, [op.reducedChannels, op.channels])
      try parameter(op.reduceBias, [op.reducedChannels])
      try parameter(op.expandWeight, [op.channels, op.reducedChannels])
      try parameter(op.expandBias, [op.channels])
    case .normalize(let op):
      try rows(width: op.scale.count)
      try equal("offsets", expected: op.scale.count, found: op.offset.count)
    case .layerNorm(let op), .rmsNorm(let op):
      try extents([op.channels])
      try rows(width: op.channels)
      try parameter(op.weight, [op.channels])
      try parameter(op.bias, [op.channels])
    case .linear(let op):
      try extents([op.inputs, op.outputs])
      try rows(width: op.inputs)
      try parameter(op.weight, [op.outputs, op.inputs])
      try parameter(op.bias, [op.outputs])
    case .add: try sameShapes(atLeast: 2, atMost: 8)
    case .subtract: try sameShapes(atLeast: 2, atMost: 2)
    case .activate, .selectLast: try inputCount(1)
    case .rotate(let op):
      try heads(op.layout)
      try rows(width: op.layout.packedWidth)
      if op.layout.headSize % 2 != 0 { throw extent("head size", op.layout.headSize) }
    case .attention(let op):
      try heads(op.layout)
      try rows(width: op.layout.packedWidth)
    case .gate(let width):
      try extents([width])
      try rows(width: 2 * width)
    case .embed(let op):
      try extents([op.rows, op.channels])
      try embedInputs(op)
      try parameter(op.weight, [op.rows, op.channels])
    case .batchNorm(let op):
      try rows(width: op.channels)
      try norm(op, channels: op.channels)
    case .branches(let op): try branches(op)
    case .layerScale(let op):
      try rows(width: op.channels)
      try parameter(op.gamma, [op.channels])
    }
    let expected = layer.op.outputShape(of: layer.inputs.map { network[$0].shape })
    if expected != network[layer.output].shape {
      throw .inputShape(
        layer: layer.name, expected: "output \(expected.text)",
        found: network[layer.output].shape.text)
    }
  }

  private func branches(_ op: Branches) throws(ModelError) {
    try extents([op.inputChannels, op.outputChannels, op.stride, op.branches.count])
    try map(channels: op.inputChannels)
    var inputsPerGroup = op.inputChannels
    if case .depthwise(let multiplier) = op.grouping {
      inputsPerGroup = 1
      let (product, overflow) = op.inputChannels.multipliedReportingOverflow(by: multiplier)
      try equal(
        "channels · multiplier", expected: op.outputChannels, found: overflow ? -1 : product)
    }
    for branch in op.branches {
      try norm(branch.norm, channels: op.outputChannels)
      if let kernel = branch.kernel {
        try oddKernel(kernel)
        guard let weight = branch.weight else {
          throw .danglingReference(layer: layer.name, what: "branch without weight")
        }
        try parameter(weight, [op.outputChannels, inputsPerGroup, kernel, kernel])
      } else {
        try equal("channels of a skip branch", expected: op.inputChannels, found: op.outputChannels)
        try equal("stride of a skip branch", expected: 1, found: op.stride)
      }
    }
  }

  private func norm(_ op: BatchNorm, channels: Int) throws(ModelError) {
    try equal("batch norm channels", expected: channels, found: op.channels)
    for id in op.parameters { try parameter(id, [channels]) }
  }

  private func heads(_ layout: HeadLayout) throws(ModelError) {
    try extents([layout.heads, layout.keyValueHeads, layout.headSize])
    if layout.heads % layout.keyValueHeads != 0 { throw extent("query heads", layout.heads) }
    try extents([layout.packedWidth])
  }

  private func embedInputs(_ op: Embedding) throws(ModelError) {
    if layer.inputs.count != 1 { try inputCount(2) }
    if network[layer.inputs[0]].shape != .ids { throw shape("ids", layer.inputs[0]) }
    if layer.inputs.count == 2, network[layer.inputs[1]].shape != .rows(channels: op.channels) {
      throw shape("rows of \(op.channels)", layer.inputs[1])
    }
  }

  private func map(channels: Int) throws(ModelError) {
    try inputCount(1)
    guard case .map(channels, _) = network[layer.inputs[0]].shape else {
      throw shape("a map of \(channels) channels", layer.inputs[0])
    }
  }

  private func rows(width: Int) throws(ModelError) {
    try inputCount(1)
    let found = network[layer.inputs[0]].shape
    if found == .ids || found.channels != width {
      throw shape("rows of \(width)", layer.inputs[0])
    }
  }

  private func sameShapes(atLeast: Int, atMost: Int) throws(ModelError) {
    if layer.inputs.count < atLeast || layer.inputs.count > atMost { try inputCount(atLeast) }
    let first = network[layer.inputs[0]].shape
    for id in layer.inputs where network[id].shape != first { throw shape(first.text, id) }
  }

  private func inputCount(_ expected: Int) throws(ModelError) {
    if layer.inputs.count != expected {
      throw .inputCount(layer: layer.name, expected: expected, found: layer.inputs.count)
    }
  }

  private func parameter(_ id: ParameterID?, _ shape: [Int]) throws(ModelError) {
    guard let id else { return }
    let parameter = network[id]
    if parameter.shape != shape {
      throw .parameterShape(
        layer: layer.name, parameter: parameter.name, expected: shape, found: parameter.shape)
    }
  }

  private func extents(_ extents: [Int]) throws(ModelError) {
    for value in extents where value <= 0 || value > Network.largestExtent {
      throw extent("extent", value)
    }
  }

  private func oddKernel(_ kernel: Int) throws(ModelError) {
    if kernel <= 0 || kernel % 2 == 0 || kernel > 31 { throw extent("kernel side", kernel) }
  }

  private func equal(_ what: String, expected: Int, found: Int) throws(ModelError) {
    if expected != found {
      throw .inputShape(
        layer: layer.name, expected: "\(what) \(expected)", found: "\(found)")
    }
  }

  private func extent(_ what: String, _ found: Int) -> ModelError {
    .extent(layer: layer.name, what: what, found: found)
  }

  private func shape(_ expected: String, _ id: ValueID) -> ModelError {
    .inputShape(layer: layer.name, expected: expected, found: network[id].shape.text)
  }
}

extension ValueShape {
  /// The shape in words, for messages.
  package var text: String {
    switch self {
    case .map(let channels, let stride): "map of \(channels) channels at 1/\(stride)"
    case .rows(let channels): "rows of \(channels)"
    case .ids: "ids"
    }
  }
}
