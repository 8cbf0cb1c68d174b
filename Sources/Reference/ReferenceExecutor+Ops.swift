import MartletModel

/// One layer: parameters fetched, the op's formula applied.
extension ReferenceExecutor {
  func result(
    of layer: Layer, inputs: consuming [ReferenceInput], past: Int, cache: KeyValueCache?
  ) throws(ReferenceError) -> ReferenceTensor {
    if case .embed(let op) = layer.op { return try embedded(op, layer, inputs) }
    var tensors: [ReferenceTensor] = []
    for input in inputs {
      guard case .tensor(let tensor) = input, tensor.rows > 0 else {
        let value = network[layer.inputs[tensors.count]]
        throw .inputShape(value: value.name, expected: value.shape.text, found: "nothing")
      }
      tensors.append(tensor)
    }
    // From here on `x` alone holds the first input, unless a later layer or a tap does too: ops that change it in
    // place copy only then.
    inputs = []
    let x = tensors.removeFirst()
    switch layer.op {
    case .convolution(let op):
      return operators.convolution(
        x, weight: try values(op.weight), bias: try values(op.bias), outputs: op.outputChannels,
        kernel: op.kernel, stride: op.stride)
    case .depthwise(let op):
      return operators.depthwise(
        x, weight: try values(op.weight), bias: try values(op.bias), multiplier: op.multiplier,
        kernel: op.kernel, stride: op.stride)
    case .squeezeExcite(let op):
      return operators.squeezeExcite(
        x, reduce: (try values(op.reduceWeight), try values(op.reduceBias)),
        expand: (try values(op.expandWeight), try values(op.expandBias)))
    case .normalize(let op):
      return operators.affine(x, scale: op.scale, offset: op.offset)
    case .layerNorm(let op):
      return operators.layerNorm(
        x, eps: op.eps, weight: try values(op.weight), bias: try values(op.bias))
    case .linear(let op):
      return try linear(x, op)
    case .add:
      return try folded(x, tensors, layer, operators.sum)
    case .activate(let activation):
      return operators.activated(x, activation)
    case .rmsNorm(let op):
      return operators.rmsNorm(x, eps: op.eps, weight: try values(op.weight))
    case .rotate(let op):
      return operators.rotated(x, op, past: past)
    case .attention(let op):
      return try attention(x, op, layer, past: past, cache: cache)
    case .gate(let width):
      return operators.gated(x, width: width)
    case .embed:
      preconditionFailure("handled above")
    case .selectLast:
      return operators.lastRow(x)
    case .batchNorm(let op):
      return try batchNorm(x, op)
    case .branches(let op):
      return try branches(x, op)
    case .layerScale(let op):
      return operators.scaled(x, gamma: try values(op.gamma))
    case .subtract:
      return try folded(x, tensors, layer, operators.difference)
    }
  }

  /// Left to right over all inputs, which must have the same pixels.
  private func folded(
    _ first: consuming ReferenceTensor, _ others: [ReferenceTensor], _ layer: Layer,
    _ combine: (consuming ReferenceTensor, ReferenceTensor) -> ReferenceTensor
  ) throws(ReferenceError) -> ReferenceTensor {
    var result = first
    for (tensor, id) in zip(others, layer.inputs.dropFirst()) {
      if tensor.height != result.height || tensor.width != result.width {
        throw .inputShape(
          value: network[id].name, expected: result.shapeText, found: tensor.shapeText)
      }
      result = combine(result, tensor)
    }
    return result
  }

  private func embedded(
    _ op: Embedding, _ layer: Layer, _ inputs: [ReferenceInput]
  ) throws(ReferenceError) -> ReferenceTensor {
    guard case .ids(let ids) = inputs[0], !ids.isEmpty else {
      throw .inputShape(value: network[layer.inputs[0]].name, expected: "ids", found: "nothing")
    }
    var images: ReferenceTensor?
    if inputs.count == 2, case .tensor(let tensor) = inputs[1] { images = tensor }
    let table = network[op.weight]
    if !weights.isRead(inParts: table) {
      return try operators.embedded(
        ids, images: images, table: try values(op.weight), op, layer: layer.name)
    }
    // A table too large to be held: only the rows that are named, numbered anew.
    var rows: [Float] = []
    var places: [Int: Int] = [:]
    for id in ids where id >= 0 && places[id] == nil {
      if id >= op.rows { throw .tokenOutOfRange(layer: layer.name, id: id, rows: op.rows) }
      places[id] = places.count
      rows += try weights.values(table, elements: id * op.channels..<(id + 1) * op.channels)
    }
    var named = op
    named.rows = places.count
    return try operators.embedded(
      ids.map { places[$0] ?? $0 }, images: images, table: rows, named, layer: layer.name)
  }

  /// A matrix too large to be held is read and multiplied by some outputs at a time.
  private func linear(_ x: ReferenceTensor, _ op: Linear) throws(ReferenceError) -> ReferenceTensor
  {
    let matrix = network[op.weight]
    let bias = try values(op.bias)
    if !weights.isRead(inParts: matrix) {
      return operators.linear(x, weight: try values(op.weight), bias: bias, outputs: op.outputs)
    }
    var y = x.filled(channels: op.outputs)
    let step = max(1, weights.partElements / op.inputs)
    for first in stride(from: 0, to: op.outputs, by: step) {
      let outputs = first..<min(op.outputs, first + step)
      let part = operators.linear(
        x,
        weight: try weights.values(
          matrix, elements: outputs.lowerBound * op.inputs..<outputs.upperBound * op.inputs),
        bias: bias.map { Array($0[outputs]) }, outputs: outputs.count)
      for row in 0..<x.rows {
        let start = row * op.outputs + first
        y.data.replaceSubrange(start..<start + outputs.count, with: part.row(row))
      }
    }
    return y
  }

  private func attention(
    _ x: ReferenceTensor, _ op: Attention, _ layer: Layer, past: Int, cache: KeyValueCache?
  ) throws(ReferenceError) -> ReferenceTensor {
    let new = operators.unpacked(x, op.layout)
    switch op.mask {
    case .none:
      return operators.attention(x, op, known: new, past: 0)
    case .causal:
      let known =
        try cache?.appended(
          layer: layer.name, keys: new.keys, values: new.values, width: new.width) ?? new
      return operators.attention(x, op, known: known, past: past)
    }
  }

  private func batchNorm(
    _ x: ReferenceTensor, _ op: BatchNorm
  ) throws(ReferenceError) -> ReferenceTensor {
    operators.batchNorm(
      x, eps: op.eps, gamma: try values(op.gamma), beta: try values(op.beta),
      mean: try values(op.mean), variance: try values(op.variance))
  }

  /// Every branch on its own, then their sum in order.
  private func branches(
    _ x: ReferenceTensor, _ op: Branches
  ) throws(ReferenceError) -> ReferenceTensor {
    var total: ReferenceTensor?
    for branch in op.branches {
      var part = x
      if let kernel = branch.kernel, let weight = try values(branch.weight) {
        switch op.grouping {
        case .dense:
          part = operators.convolution(
            x, weight: weight, bias: nil, outputs: op.outputChannels, kernel: kernel,
            stride: op.stride)
        case .depthwise(let multiplier):
          part = operators.depthwise(
            x, weight: weight, bias: nil, multiplier: multiplier, kernel: kernel,
            stride: op.stride)
        }
      }
      part = try batchNorm(part, branch.norm)
      total = total.map { operators.sum($0, part) } ?? part
    }
    guard let total else { preconditionFailure("the validator asks for a branch") }
    return total
  }
}
