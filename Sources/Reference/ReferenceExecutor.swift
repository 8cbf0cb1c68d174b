import MartletModel

/// Runs one network of any form, layer by layer, each value whole.
///
/// A value is freed after the last layer that reads it. Not for use from several threads at once.
package final class ReferenceExecutor {
  package let network: Network
  let options: ReferenceOptions
  let operators: Operators
  let weights: WeightCache
  /// Index of the last layer that reads a value; −1 if none does, `Int.max` for the output.
  private let lastUses: [Int]

  /// Weights are kept for this network alone.
  /// - Throws: `model` if the network does not validate.
  package convenience init(
    network: Network, parameters: any FloatParameters, options: ReferenceOptions = .init()
  ) throws(ReferenceError) {
    try self.init(
      network: network, weights: WeightCache(parameters, byteLimit: options.weightByteLimit),
      options: options)
  }

  /// Shares a cache of weights with other networks of the model.
  package init(
    network: Network, weights: WeightCache, options: ReferenceOptions
  ) throws(ReferenceError) {
    do throws(ModelError) {
      try network.validate()
    } catch {
      throw .model(error)
    }
    self.network = network
    self.weights = weights
    self.options = options
    operators = Operators(parallel: Parallel(threads: options.threads))
    var lastUses = [Int](repeating: -1, count: network.values.count)
    for (index, layer) in network.layers.enumerated() {
      for input in layer.inputs { lastUses[input.index] = index }
    }
    lastUses[network.output.index] = .max
    self.lastUses = lastUses
  }

  /// Runs the network once.
  ///
  /// Row `r` of the inputs has position `cache.count + r`; without a cache positions start at 0 and nothing is kept.
  /// - Throws: every case of `ReferenceError` but those of whole models.
  package func run(
    _ inputs: [ReferenceInput], cache: KeyValueCache? = nil, tap: ReferenceTap? = nil
  ) throws(ReferenceError) -> ReferenceTensor {
    var values = [ReferenceInput?](repeating: nil, count: network.values.count)
    try admit(inputs, into: &values, tap: tap)
    let past = cache?.count ?? 0
    var rows = 0
    for (index, layer) in network.layers.enumerated() {
      let result = try self.result(
        of: layer, inputs: taken(layer, at: index, from: &values), past: past, cache: cache)
      if case .embed = layer.op { rows = result.rows }
      if case .attention(let op) = layer.op, op.mask == .causal { rows = result.rows }
      try check(result, layer)
      tap?.offer(network[layer.output].name, result)
      if lastUses[layer.output.index] > index { values[layer.output.index] = .tensor(result) }
    }
    cache?.commit(rows: rows)
    guard case .tensor(let output) = values[network.output.index] else {
      throw .inputShape(
        value: network[network.output].name, expected: "numbers", found: "ids")
    }
    return output
  }

  /// The layer's inputs; those not read again leave the table, so that an op may write over them.
  private func taken(
    _ layer: Layer, at index: Int, from values: inout [ReferenceInput?]
  ) -> [ReferenceInput] {
    var taken: [ReferenceInput] = []
    for id in layer.inputs {
      // An op may read one value twice: it is still there for the second input.
      guard let value = values[id.index] else {
        preconditionFailure("the validator orders layers")
      }
      taken.append(value)
    }
    for id in layer.inputs where lastUses[id.index] <= index { values[id.index] = nil }
    return taken
  }

  /// Checks the inputs against their declared shapes and puts them in their places.
  private func admit(
    _ inputs: [ReferenceInput], into values: inout [ReferenceInput?], tap: ReferenceTap?
  ) throws(ReferenceError) {
    if inputs.count != network.inputs.count {
      throw .inputCount(
        network: network.role.name, expected: network.inputs.count, found: inputs.count)
    }
    for (input, id) in zip(inputs, network.inputs) {
      let value = network[id]
      switch (input, value.shape) {
      case (.ids, .ids): break
      case (.tensor(let tensor), .map(let channels, _)), (.tensor(let tensor), .rows(let channels)):
        if tensor.channels != channels {
          throw .inputShape(
            value: value.name, expected: value.shape.text, found: tensor.shapeText)
        }
        tap?.offer(value.name, tensor)
      case (.ids, .map), (.ids, .rows), (.tensor, .ids):
        throw .inputShape(
          value: value.name, expected: value.shape.text,
          found: value.shape == .ids ? "numbers" : "ids")
      }
      values[id.index] = input
    }
  }

  private func check(_ result: ReferenceTensor, _ layer: Layer) throws(ReferenceError) {
    switch options.nonFinite {
    case .passed: return
    case .refused:
      if let index = operators.firstNonFinite(result) {
        throw .notFinite(layer: layer.name, index: index)
      }
    }
  }

  /// The numbers of a parameter of this network.
  func values(_ id: ParameterID) throws(ReferenceError) -> [Float] {
    try weights.values(network[id])
  }

  /// The numbers of a parameter, if there is one.
  func values(_ id: ParameterID?) throws(ReferenceError) -> [Float]? {
    guard let id else { return nil }
    return try weights.values(network[id])
  }
}
