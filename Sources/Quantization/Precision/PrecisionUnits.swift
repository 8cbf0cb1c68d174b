import MartletModel

/// Precisions decided layer by layer.
package enum LayerPrecisions: Equatable, Sendable {
  /// The same for every matrix, the embedding included.
  case all(Precision)
  /// By the folded model's name of the layer; what is not named follows the part.
  case named([String: Precision])

  func precision(of layer: String) -> Precision? {
    switch self {
    case .all(let precision): precision
    case .named(let names): names[layer]
    }
  }
}

/// A matrix whose precision can be chosen, with the layers that share it.
package struct PrecisionUnit: Sendable {
  /// The layer that decides, as the folded model knows it.
  package var layer: String
  /// Layers of the prepared model that multiply by it.
  package var layers: [String]
  package var role: NetworkRole
  package var weight: String
  /// The weight, and the biases that are corrected with it.
  package var parameters: [String]

  /// A plan with this matrix at another precision, and its products' inputs as in `quantized`.
  package func plan(
    _ encoding: WeightEncoding, in plan: QuantizationPlan, as quantized: QuantizationPlan
  ) -> QuantizationPlan {
    var plan = plan
    plan.weights[weight] = encoding
    for layer in layers { plan.activations[layer] = quantized.activations[layer] }
    return plan
  }
}

extension Quantizer {
  /// The matrices of a model that was quantized to 8 bits everywhere, in the order of its layers, without those that a pattern holds.
  package static func units(of model: QuantizedModel, scheme: Scheme) -> [PrecisionUnit] {
    var units: [PrecisionUnit] = []
    for network in model.description.networks {
      for layer in network.layers {
        let weight: String
        var bias: String?
        switch layer.op {
        case .linear(let op):
          weight = network[op.weight].name
          bias = op.bias.map { network[$0].name }
        case .embed(let op): weight = network[op.weight].name
        default: continue
        }
        guard model.plan.weights[weight] == .int8Panels else { continue }
        if let place = units.firstIndex(where: { $0.weight == weight }) {
          units[place].layers.append(layer.name)
          if let bias { units[place].parameters.append(bias) }
          continue
        }
        let name = ModelPreparation.original(layer.name)
        // A pattern holds it where it is.
        if scheme.keeps.contains(where: { LayerPattern($0.pattern).matches(name) }) { continue }
        units.append(
          PrecisionUnit(
            layer: name, layers: [layer.name], role: network.role, weight: weight,
            parameters: [weight] + (bias.map { [$0] } ?? [])))
      }
    }
    return units
  }
}
