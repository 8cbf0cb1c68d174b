extension Network {
  /// The largest extent any op may have; keeps every later product of two extents inside 64 bits.
  package static let largestExtent = 1 << 24

  /// Checks references, names, shapes and extents, in layer order.
  /// - Throws: the first fault, with the layer's name.
  package func validate() throws(ModelError) {
    try validateNames()
    var made = [Bool](repeating: false, count: values.count)
    for id in inputs {
      try checkReference(id.index, values.count, "network \(role.name)", "input value")
      made[id.index] = true
    }
    for layer in layers {
      for id in layer.inputs {
        try checkReference(id.index, values.count, layer.name, "input value")
        if !made[id.index] {
          throw .danglingReference(
            layer: layer.name, what: "value '\(values[id.index].name)' before it is made")
        }
      }
      for id in layer.op.parameters {
        try checkReference(id.index, parameters.count, layer.name, "parameter")
      }
      try checkReference(layer.output.index, values.count, layer.name, "output value")
      if made[layer.output.index] {
        throw .duplicateName(values[layer.output.index].name)
      }
      made[layer.output.index] = true
      try OpChecker(network: self, layer: layer).check()
    }
    try checkReference(output.index, values.count, "network \(role.name)", "output value")
    if !made[output.index] {
      throw .danglingReference(layer: "network \(role.name)", what: "output is never made")
    }
  }

  /// - Throws: `notRunnable` at the first source-only op.
  package func validateRunnable() throws(ModelError) {
    for layer in layers where !layer.op.isRunnable {
      throw .notRunnable(layer: layer.name, op: layer.op.name)
    }
  }

  /// Every parameter has an encoding that fits it, every quantized product an encoded input and weight.
  package func validate(plan: QuantizationPlan) throws(ModelError) {
    for parameter in parameters {
      guard let encoding = plan.weights[parameter.name] else {
        throw .parameterUnavailable(name: parameter.name, reason: "no encoding planned")
      }
      if encoding.components(shape: parameter.shape) == nil {
        throw .parameterUnavailable(
          name: parameter.name, reason: "the planned encoding does not fit the shape")
      }
    }
    for layer in layers {
      guard case .linear(let op) = layer.op else { continue }
      let encoding = plan.weights[self[op.weight].name] ?? .float32
      let activation = plan.activations[layer.name] ?? .float32
      let weightIsInteger = encoding == .int8Panels || encoding == .int4Panels
      let fits = weightIsInteger || encoding == .float32Panels
      if !fits || weightIsInteger != (activation != .float32) {
        throw .inputShape(
          layer: layer.name, expected: "input and weight encodings that belong together",
          found: "an encoded product with one side in float")
      }
    }
  }

  private func validateNames() throws(ModelError) {
    var seen: Set<String> = []
    for parameter in parameters {
      if !seen.insert(parameter.name).inserted { throw .duplicateName(parameter.name) }
      for extent in parameter.shape where extent <= 0 || extent > Self.largestExtent {
        throw .extent(layer: parameter.name, what: "parameter extent", found: extent)
      }
    }
    seen.removeAll()
    for value in values where !seen.insert(value.name).inserted {
      throw .duplicateName(value.name)
    }
    seen.removeAll()
    for layer in layers where !seen.insert(layer.name).inserted {
      throw .duplicateName(layer.name)
    }
  }

  private func checkReference(
    _ index: Int, _ count: Int, _ layer: String, _ what: String
  ) throws(ModelError) {
    if index < 0 || index >= count {
      throw .danglingReference(layer: layer, what: "\(what) \(index) of \(count)")
    }
  }
}
