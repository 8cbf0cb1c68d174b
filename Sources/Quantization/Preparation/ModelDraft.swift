import MartletModel

/// A folded model while it is being prepared: networks to change, and what becomes of its parameters.
struct ModelDraft {
  let base: FoldedModel
  var networks: [Network]
  var edits: [String: ParameterEdit] = [:]
  /// What was done so far; values in the order in which they were scaled.
  var preparation = ModelPreparation()

  init(_ model: FoldedModel) {
    base = model
    networks = model.description.networks
  }

  /// The parameters as they stand.
  var parameters: any FloatParameters {
    PreparedParameters(
      base: base.parameters, edits: edits, parameters: networks.flatMap(\.parameters))
  }

  /// Multiplies a parameter; one that is not there is left alone.
  mutating func scale(_ id: ParameterID?, in network: Int, rows factors: [Float]) {
    guard let id else { return }
    let name = networks[network][id].name
    edits[name, default: ParameterEdit(source: name)].scale(rows: factors)
  }

  mutating func scale(_ id: ParameterID, in network: Int, columns factors: [Float]) {
    let name = networks[network][id].name
    edits[name, default: ParameterEdit(source: name)].scale(columns: factors)
  }

  /// Gives a layer and its value the name of a scaled one.
  mutating func name(_ layer: Layer, in network: Int, scaledBy factors: [Float]) {
    let old = networks[network][layer.output].name
    preparation.scaled.append(.init(value: old, factors: factors))
    let name = old + ModelPreparation.scaledSuffix
    for place in networks[network].layers.indices
    where networks[network].layers[place].output == layer.output {
      networks[network].layers[place].name = name
    }
    networks[network].values[layer.output.index].name = name
  }

  /// - Throws: what the validator finds.
  func finished() throws(ModelError) -> FoldedModel {
    var description = base.description
    description.networks = networks
    return try FoldedModel(description: description, parameters: parameters)
  }
}

extension Network {
  /// How many layers read a parameter.
  func uses(of id: ParameterID) -> Int {
    layers.reduce(0) { count, layer in
      switch layer.op {
      case .linear(let op): count + (op.weight == id ? 1 : 0)
      case .embed(let op): count + (op.weight == id ? 1 : 0)
      case .depthwise(let op): count + (op.weight == id ? 1 : 0)
      case .convolution(let op): count + (op.weight == id ? 1 : 0)
      case .layerNorm(let op), .rmsNorm(let op): count + (op.weight == id ? 1 : 0)
      default: count
      }
    }
  }
}
