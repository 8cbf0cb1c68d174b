import MartletModel
import MartletReference

/// What the float reference's values are in a model that was prepared for rounding: other names, and known factors.
///
/// The reference itself stays the checkpoint as it is, so that a fault of the preparation shows as an error of the pack.
struct PreparedValues {
  private struct Split {
    var input: String
    /// Of the folded model's matrix.
    var diagonal: [Float]
  }

  private var factors: [String: [Float]] = [:]
  /// By the layer's name.
  private var splits: [String: Split] = [:]
  /// What splits read, and the last layer that does.
  private var lastReaders: [String: String] = [:]

  /// - Throws: `otherPreparation` where the reference has no such layer or value, `model`.
  init(
    _ preparation: ModelPreparation, of reference: ReferenceModel
  ) throws(VerificationError) {
    for name in preparation.split {
      guard let (layer, network) = Self.place(of: name, in: reference.description),
        case .linear(let op) = layer.op, op.inputs == op.outputs
      else { throw .otherPreparation(name: name) }
      let input = network[layer.inputs[0]].name
      var diagonal: [Float] = []
      do {
        let matrix = try reference.parameters.values(of: network[op.weight].name)
        for index in 0..<op.inputs { diagonal.append(matrix[index * op.inputs + index]) }
      } catch { throw .model(error) }
      splits[name] = Split(input: input, diagonal: diagonal)
    }
    for network in reference.description.networks {
      for layer in network.layers {
        if let split = splits[layer.name] { lastReaders[split.input] = layer.name }
      }
    }
    for scaled in preparation.scaled {
      guard let (layer, network) = Self.place(of: scaled.value, in: reference.description),
        network[layer.output].shape.channels == scaled.factors.count
      else { throw .otherPreparation(name: scaled.value) }
      factors[scaled.value] = scaled.factors
    }
  }

  private static func place(
    of value: String, in description: ModelDescription
  ) -> (layer: Layer, network: Network)? {
    for network in description.networks {
      for layer in network.layers where network[layer.output].name == value {
        return (layer, network)
      }
    }
    return nil
  }

  /// Takes the reference's values and gives those of the prepared model, under its names.
  ///
  /// Holds what split layers read until they were run; costs a pass over a value that is scaled or split.
  func tap(_ receive: @escaping (String, ReferenceTensor) -> Void) -> ReferenceTap {
    var held: [String: ReferenceTensor] = [:]
    return ReferenceTap(
      wants: { _ in true },
      receive: { name, tensor in
        if self.lastReaders[name] != nil { held[name] = tensor }
        if let split = self.splits[name], let input = held[split.input] {
          let diagonal = Self.product(input, split.diagonal)
          var rest = tensor
          for index in rest.data.indices { rest.data[index] -= diagonal.data[index] }
          receive(name + ModelPreparation.restSuffix, rest)
          receive(name + ModelPreparation.diagonalSuffix, diagonal)
          if self.lastReaders[split.input] == name { held[split.input] = nil }
        }
        guard let factors = self.factors[name] else { return receive(name, tensor) }
        receive(name + ModelPreparation.scaledSuffix, Self.product(tensor, factors.map { 1 / $0 }))
      })
  }

  private static func product(_ tensor: ReferenceTensor, _ factors: [Float]) -> ReferenceTensor {
    var tensor = tensor
    for start in stride(from: 0, to: tensor.data.count, by: factors.count) {
      for channel in factors.indices { tensor.data[start + channel] *= factors[channel] }
    }
    return tensor
  }
}
