import MartletModel

/// Empirical bias correction: what rounding the weights adds to the mean of each output is taken out of the bias.
///
///     E[W x] − E[Ŵ x] = (W − Ŵ) E[x]    →    b' = b + (W − Ŵ) E[x]
///
/// Nagel et al., "Data-Free Quantization Through Weight Equalization and Bias Correction" (arXiv 1906.04721),
/// section 4.2, with E[x] measured on the calibration pictures. Layers without a bias are left as they are.
enum BiasCorrection {
  /// Which biases are corrected, and by which weights and means.
  struct Targets: Sendable {
    struct Target: Sendable {
      var bias: String
      var means: [Double]
    }
    private var targets: [String: Target] = [:]
    private(set) var weightOfBias: [String: String] = [:]

    func target(ofWeight name: String) -> Target? { targets[name] }

    mutating func add(weight: String, bias: String, means: [Double]) {
      targets[weight] = Target(bias: bias, means: means)
      weightOfBias[bias] = weight
    }
  }

  /// - Throws: `statisticWidth` where a mean has another width than its layer.
  static func targets(
    _ description: ModelDescription, plan: QuantizationPlan, scheme: Scheme,
    statistics: (any ActivationStatistics)?
  ) throws(QuantizationError) -> Targets {
    var targets = Targets()
    guard scheme.correctsBias, let statistics else { return targets }
    for network in description.networks {
      for layer in network.layers {
        guard case .linear(let op) = layer.op, let bias = op.bias else { continue }
        let weight = network[op.weight].name
        guard plan.weights[weight] != .float32Panels else { continue }
        let value = network[layer.inputs[0]].name
        guard let means = statistics.channelMeans(of: value) else { continue }
        if means.count != op.inputs {
          throw .statisticWidth(value: value, expected: op.inputs, found: means.count)
        }
        targets.add(weight: weight, bias: network[bias].name, means: means)
      }
    }
    return targets
  }
}
