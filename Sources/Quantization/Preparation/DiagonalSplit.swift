import MartletModel

/// Square products whose diagonal stands out: the diagonal goes into a product of its own, in float.
///
///     y = W x + b = (W − diag d) x + b + d ∘ x
///
/// MobileOne's skip branch (arXiv 2206.04040) folds into the diagonal of a 1 × 1 convolution, where it is many times as
/// large as the rest of its row. One scale an output then leaves most weights a handful of codes. Taken out, it costs one multiplication a number,
/// and the step of the rest shrinks by how much it stood out. No calibration is needed.
enum DiagonalSplit {
  /// The step must shrink by this factor at least, as the root of its mean square over outputs.
  static let worthwhile = 1.25

  /// Splits what is worth it among the layers that `isQuantized` names.
  /// - Returns: the names of the layers split.
  static func apply(
    to draft: inout ModelDraft, isQuantized: (Layer) -> Bool
  ) throws(ModelError) -> [String] {
    var split: [String] = []
    for index in draft.networks.indices {
      let network = draft.networks[index]
      for layer in network.layers where isQuantized(layer) {
        guard let op = op(of: layer, in: network) else { continue }
        let name = network[op.weight].name
        if gain(try draft.parameters.values(of: name), side: op.inputs) >= worthwhile {
          draft.split(layer, op, in: index)
          split.append(layer.name)
        }
      }
    }
    return split
  }

  /// The product of a layer, where its diagonal can be taken out.
  static func op(of layer: Layer, in network: Network) -> Linear? {
    guard case .linear(let op) = layer.op, op.inputs == op.outputs,
      case .map = network[layer.inputs[0]].shape, network.uses(of: op.weight) == 1
    else { return nil }
    return op
  }

  /// How many times as large the steps are with the diagonal as without.
  static func gain(_ matrix: [Float], side: Int) -> Double {
    var (whole, rest) = (0.0, 0.0)
    for row in 0..<side {
      var largest: Float = 0
      for column in 0..<side where column != row {
        largest = max(largest, abs(matrix[row * side + column]))
      }
      rest += Double(largest) * Double(largest)
      largest = max(largest, abs(matrix[row * side + row]))
      whole += Double(largest) * Double(largest)
    }
    return rest > 0 ? (whole / rest).squareRoot() : 1
  }
}

extension ModelDraft {
  /// Splits a layer whether or not it is worth it.
  mutating func split(_ layer: Layer, _ op: Linear, in network: Int) {
    guard let place = networks[network].layers.firstIndex(of: layer) else { return }
    preparation.split.append(layer.name)
    let shape = networks[network][layer.output].shape
    let weight = networks[network][op.weight].name
    let taken = layer.name + ModelPreparation.diagonalSuffix
    let diagonal = ParameterID(networks[network].parameters.count)
    networks[network].parameters.append(
      Parameter(name: taken + ".weight", shape: [op.inputs, 1, 1, 1]))
    edits[taken + ".weight"] = ParameterEdit(source: weight, diagonal: .taken)
    edits[weight] = ParameterEdit(source: weight, diagonal: .dropped)
    let first = networks[network].values.count
    networks[network].values += [
      Value(name: layer.name + ModelPreparation.restSuffix, shape: shape),
      Value(name: taken, shape: shape),
    ]
    let depthwise = Depthwise(
      channels: op.inputs, multiplier: 1, kernel: 1, stride: 1, weight: diagonal, bias: nil)
    networks[network].layers.replaceSubrange(
      place...place,
      with: [
        Layer(
          name: layer.name + ModelPreparation.restSuffix, op: .linear(op), inputs: layer.inputs,
          output: ValueID(first)),
        Layer(
          name: taken, op: .depthwise(depthwise), inputs: layer.inputs,
          output: ValueID(first + 1)),
        Layer(
          name: layer.name, op: .add, inputs: [ValueID(first + 1), ValueID(first)],
          output: layer.output),
      ])
  }
}
