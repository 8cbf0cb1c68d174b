import MartletModel

/// Layers brought back to a higher precision, and the option of `convert` that does it.
package struct Restoration: Equatable, Sendable {
  /// Shell pattern on layer names.
  package var pattern: String
  /// `float32` or `int8`, as `--keep` takes it.
  package var precision: String
  /// The layers that change.
  package var layers: [String]
  /// The plan with those layers restored.
  package var plan: QuantizationPlan
  /// Parameters that are stored otherwise than before.
  package var parameters: [String]
  /// How much longer the weights get, before compression.
  package var addedBytes: Int

  package var option: String { "--keep '\(pattern)=\(precision)'" }

  /// What restoring every layer by itself, and every group of layers that belong together, would change.
  ///
  /// 4 bits are restored to 8, 8 bits to float. Groups are the encoder's stages, its stem, the projector, and all
  /// layers of the language model.
  package static func all(
    _ description: ModelDescription, plan: QuantizationPlan
  ) -> (layers: [Restoration], groups: [Restoration]) {
    var singles: [Restoration] = []
    var groups: [(pattern: String, layers: [Layer], network: Network)] = []
    for network in description.networks {
      // A matrix that two layers share is the first one's to decide.
      var decided: Set<String> = []
      for layer in network.layers {
        guard let weight = matrix(of: layer, in: network),
          decided.insert(weight).inserted, let encoding = plan.weights[weight],
          encoding == .int8Panels || encoding == .int4Panels
        else { continue }
        if let single = Restoration(layer.name, [layer], in: network, plan: plan) {
          singles.append(single)
        }
        let pattern = group(layer.name)
        if let place = groups.firstIndex(where: { $0.pattern == pattern }) {
          groups[place].layers.append(layer)
        } else {
          groups.append((pattern, [layer], network))
        }
      }
    }
    return (
      singles,
      groups.filter { $0.layers.count > 1 }
        .compactMap { Restoration($0.pattern, $0.layers, in: $0.network, plan: plan) }
    )
  }

  private init?(
    _ pattern: String, _ layers: [Layer], in network: Network, plan: QuantizationPlan
  ) {
    let encodings = layers.compactMap { layer in
      Self.matrix(of: layer, in: network).flatMap { plan.weights[$0] }
    }
    let target: WeightEncoding = encodings.contains(.int4Panels) ? .int8Panels : .float32Panels
    self.pattern = pattern
    precision = target == .int8Panels ? "int8" : "float32"
    self.plan = plan
    self.layers = []
    parameters = []
    addedBytes = 0
    for layer in layers {
      guard let weight = Self.matrix(of: layer, in: network), let old = plan.weights[weight],
        old != target,
        let shape = network.parameters.first(where: { $0.name == weight })?.shape,
        let before = Self.bytes(old, shape), let after = Self.bytes(target, shape)
      else { continue }
      self.layers.append(layer.name)
      self.plan.weights[weight] = target
      parameters.append(weight)
      addedBytes += after - before
      // Layers that share the matrix change with it; biases lose the correction of the coarser rounding.
      for user in network.layers where Self.matrix(of: user, in: network) == weight {
        guard case .linear(let op) = user.op else { continue }
        self.plan.activations[user.name] =
          target == .float32Panels ? .float32 : plan.activations[user.name] ?? .dynamic
        if let bias = op.bias { parameters.append(network[bias].name) }
      }
    }
    if self.layers.isEmpty { return nil }
  }

  private static func matrix(of layer: Layer, in network: Network) -> String? {
    switch layer.op {
    case .linear(let op): network[op.weight].name
    case .embed(let op): network[op.weight].name
    default: nil
    }
  }

  private static func bytes(_ encoding: WeightEncoding, _ shape: [Int]) -> Int? {
    encoding.components(shape: shape)?.reduce(0) { $0 + $1.byteCount }
  }

  /// `vision.stages.2.*`, `vision.stem.*`, `projector.*`, `language.layers.*`
  private static func group(_ name: String) -> String {
    let parts = name.split(separator: ".")
    let depth = parts.first == "projector" ? 1 : parts.count > 2 && parts[1] == "stages" ? 3 : 2
    if parts.count <= depth { return name }
    return parts.prefix(depth).joined(separator: ".") + ".*"
  }
}

/// A layer to blame: how much error it adds, and what would restore it.
package struct BlamedLayer: Equatable, Sendable {
  package var name: String
  package var introduced: Double
  package var restoration: Restoration

  /// Quantized layers by the error they add at their own output, worst first.
  package static func all(
    _ layers: [Verification.LayerError], _ restorations: [Restoration]
  ) -> [BlamedLayer] {
    var errors: [String: Double] = [:]
    for layer in layers { errors[layer.name] = layer.introduced }
    let blamed = restorations.compactMap { restoration -> BlamedLayer? in
      guard let introduced = errors[restoration.layers[0]], introduced.isFinite else { return nil }
      return BlamedLayer(
        name: restoration.layers[0], introduced: introduced, restoration: restoration)
    }
    return blamed.enumerated()
      .sorted {
        $0.element.introduced == $1.element.introduced
          ? $0.offset < $1.offset : $0.element.introduced < $1.element.introduced
      }
      .map(\.element)
  }
}
