import MartletModel

/// What is left of a network after folding.
struct SweptNetwork {
  var network: Network
  /// The tensors behind the parameters that rules defined, by name.
  var derived: [String: LazyTensor]
}

extension FoldingGraph {
  /// The network without values and parameters that no layer names, the rest in order of first use.
  func swept() -> SweptNetwork {
    let layers = network.layers
    var values = Renumbering()
    for id in network.inputs { values.add(id.index) }
    var parameters = Renumbering()
    for layer in layers {
      values.add(layer.output.index)
      for id in layer.op.parameters { parameters.add(id.index) }
    }
    var result = SweptNetwork(
      network: Network(
        role: network.role, parameters: [], values: values.order.map { network.values[$0] },
        layers: [], inputs: network.inputs.map { ValueID(values[$0.index]) },
        output: ValueID(values[network.output.index])),
      derived: [:])
    let taken = Set(
      parameters.order.filter { !derived.contains(ParameterID($0)) }
        .map { network.parameters[$0].name })
    for old in parameters.order {
      var parameter = network.parameters[old]
      if derived.contains(ParameterID(old)) {
        while taken.contains(parameter.name) || result.derived[parameter.name] != nil {
          parameter.name += ".folded"
        }
        result.derived[parameter.name] = tensor(ParameterID(old))
      }
      result.network.parameters.append(parameter)
    }
    for layer in layers {
      result.network.layers.append(
        Layer(
          name: layer.name, op: layer.op.renumbered { ParameterID(parameters[$0.index]) },
          inputs: layer.inputs.map { ValueID(values[$0.index]) },
          output: ValueID(values[layer.output.index])))
    }
    return result
  }
}

/// Old index to new, in order of first use.
private struct Renumbering {
  private(set) var order: [Int] = []
  private var table: [Int: Int] = [:]

  mutating func add(_ old: Int) {
    if table[old] != nil { return }
    table[old] = order.count
    order.append(old)
  }

  subscript(old: Int) -> Int {
    guard let new = table[old] else { preconditionFailure("a live layer reads a dropped thing") }
    return new
  }
}
