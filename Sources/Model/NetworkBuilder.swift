/// Grows a network layer by layer, so that an architecture reads like its paper.
///
/// Names are relative to `role.name`; shapes of values follow from the ops. Misuse (an op on a value of the
/// wrong kind) is caught by `Network.validate()`, which `finished(output:)` runs.
package struct NetworkBuilder {
  package private(set) var network: Network
  /// Name of a parameter to its id, so that tied weights share one.
  private var known: [String: ParameterID] = [:]

  package init(role: NetworkRole) {
    network = Network(
      role: role, parameters: [], values: [], layers: [], inputs: [], output: ValueID(0))
  }

  /// Declares an input of the network.
  package mutating func input(_ name: String, _ shape: ValueShape) -> ValueID {
    let id = addValue("\(network.role.name).\(name)", shape)
    network.inputs.append(id)
    return id
  }

  /// Declares a parameter, or returns the one already declared under this name.
  package mutating func parameter(_ name: String, _ shape: [Int]) -> ParameterID {
    let full = "\(network.role.name).\(name)"
    if let id = known[full] { return id }
    let id = ParameterID(network.parameters.count)
    network.parameters.append(Parameter(name: full, shape: shape))
    known[full] = id
    return id
  }

  /// Appends a layer and returns its output value.
  package mutating func layer(_ name: String, _ op: Op, _ inputs: ValueID...) -> ValueID {
    let full = "\(network.role.name).\(name)"
    let shape = op.outputShape(of: inputs.map { network[$0].shape })
    let output = addValue(full, shape)
    network.layers.append(Layer(name: full, op: op, inputs: inputs, output: output))
    return output
  }

  /// The finished network, validated.
  package consuming func finished(output: ValueID) throws(ModelError) -> Network {
    network.output = output
    try network.validate()
    return network
  }

  private mutating func addValue(_ name: String, _ shape: ValueShape) -> ValueID {
    network.values.append(Value(name: name, shape: shape))
    return ValueID(network.values.count - 1)
  }
}
