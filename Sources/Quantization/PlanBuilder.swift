import MartletModel

/// Decides the encoding of every parameter and of every product's input, from the scheme and the ops.
struct PlanBuilder {
  let scheme: Scheme
  let statistics: (any ActivationStatistics)?
  private(set) var decided = QuantizationPlan(weights: [:], activations: [:])
  private var keepsUsed: Set<Int> = []
  private var layerNames: [String] = []

  init(scheme: Scheme, statistics: (any ActivationStatistics)?) {
    self.scheme = scheme
    self.statistics = statistics
  }

  /// - Throws: `missingStatistic`, `unmatchedPattern`.
  static func plan(
    for description: ModelDescription, scheme: Scheme, statistics: (any ActivationStatistics)?
  ) throws(QuantizationError) -> QuantizationPlan {
    var builder = PlanBuilder(scheme: scheme, statistics: statistics)
    for network in description.networks { try builder.add(network) }
    for (index, keep) in scheme.keeps.enumerated() where !builder.keepsUsed.contains(index) {
      throw .unmatchedPattern(
        pattern: keep.pattern,
        nearest: NearestName.nearest(to: keep.pattern, among: builder.layerNames))
    }
    return builder.decided
  }

  private mutating func add(_ network: Network) throws(QuantizationError) {
    for parameter in network.parameters { decided.weights[parameter.name] = .float32 }
    let tables = network.embeddingTables
    for layer in network.layers {
      layerNames.append(ModelPreparation.original(layer.name))
      switch layer.op {
      case .convolution(let op): decided.weights[network[op.weight].name] = .float32Patches
      case .depthwise(let op): decided.weights[network[op.weight].name] = .float32Taps
      case .squeezeExcite(let op):
        decided.weights[network[op.reduceWeight].name] = .float32Panels
        decided.weights[network[op.expandWeight].name] = .float32Panels
      case .embed(let op):
        decided.weights[network[op.weight].name] = Self.encoding(
          precision(of: layer, in: network, preset: scheme.embedding))
      case .linear(let op):
        let isHead = tables.contains(op.weight) || layer.output == network.output
        let preset =
          network.role == .language && isHead
          ? scheme.embedding
          : preset(for: op, layer, in: network)
        try add(
          op, layer, in: network, precision: precision(of: layer, in: network, preset: preset))
      case .normalize, .layerNorm, .add, .activate, .rmsNorm, .rotate, .attention, .gate,
        .selectLast, .batchNorm, .branches, .layerScale, .subtract:
        break
      }
    }
  }

  private mutating func add(
    _ op: Linear, _ layer: Layer, in network: Network, precision: Precision
  ) throws(QuantizationError) {
    let name = network[op.weight].name
    var encoding = Self.encoding(precision)
    // A table shared with the embedding was decided there; it must serve both.
    if let shared = decided.weights[name], shared != .float32 { encoding = shared }
    decided.weights[name] = encoding
    guard encoding != .float32Panels else {
      decided.activations[layer.name] = .float32
      return
    }
    decided.activations[layer.name] = try activation(network[layer.inputs[0]].name)
  }

  private func activation(_ value: String) throws(QuantizationError) -> ActivationEncoding {
    switch scheme.activations {
    case .dynamic: return .dynamic
    case .calibrated:
      guard let range = statistics?.range(of: value) else {
        throw .missingStatistic(value: value, statistic: "range")
      }
      return StaticRange.encoding(lowest: range.lowest, highest: range.highest)
    }
  }

  /// The part's precision; products of the encoder's main path keep 8 bits where the part has 4.
  ///
  /// Those (the stem's and the downsampling 1 × 1 convolutions) sit behind no layer scale and hurt ten times more
  /// per layer than the rest (reference section 8), with under 4 % of the encoder's weights.
  private func preset(for op: Linear, _ layer: Layer, in network: Network) -> Precision {
    let preset = scheme.precision(of: network.role)
    if network.role == .vision, preset == .int4, !isBehindResidual(layer, in: network) {
      return .int8
    }
    return preset
  }

  /// Whether the layer's result ends in a sum with a value that bypasses it, within the next few layers.
  private func isBehindResidual(_ layer: Layer, in network: Network) -> Bool {
    guard let start = network.layers.firstIndex(of: layer) else { return false }
    for next in network.layers[start...].prefix(6) {
      switch next.op {
      // The sum of a product with its own diagonal bypasses nothing.
      case .add where next.name == ModelPreparation.original(layer.name): continue
      case .add: return true
      case .depthwise, .convolution, .squeezeExcite: return false
      default: continue
      }
    }
    return false
  }

  private mutating func precision(
    of layer: Layer, in network: Network, preset: Precision
  ) -> Precision {
    let name = ModelPreparation.original(layer.name)
    var chosen = scheme.precisions?.precision(of: name) ?? preset
    for (index, keep) in scheme.keeps.enumerated()
    where LayerPattern(keep.pattern).matches(name) {
      keepsUsed.insert(index)
      chosen = keep.precision
    }
    return chosen
  }

  private static func encoding(_ precision: Precision) -> WeightEncoding {
    switch precision {
    case .float32: .float32Panels
    case .int8: .int8Panels
    case .int4: .int4Panels
    }
  }
}

extension Network {
  /// Matrices that are looked up by token: a head may share one.
  var embeddingTables: Set<ParameterID> {
    Set(
      layers.compactMap { layer -> ParameterID? in
        guard case .embed(let op) = layer.op else { return nil }
        return op.weight
      })
  }
}
