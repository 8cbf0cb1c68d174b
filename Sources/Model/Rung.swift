/// A further size of picture that a model runs at, below its own: weights are shared, and of the rest only the calibrated
/// ranges of activations may differ.
package struct Rung: Equatable, Sendable {
  /// Rungs of a model at most, its own size not counted.
  package static let most = 7

  /// Side of the square input in pixels.
  package var side: Int
  /// Layers of the encoder and the projector whose fixed ranges are others at this side.
  package var activations: [String: ActivationEncoding]

  package init(side: Int, activations: [String: ActivationEncoding] = [:]) {
    self.side = side
    self.activations = activations
  }
}

extension QuantizationPlan {
  /// The plan at a side: that of the rung where the side is one, else this.
  package func at(_ side: Int, rungs: [Rung]) -> QuantizationPlan {
    for rung in rungs where rung.side == side {
      var plan = self
      for (layer, encoding) in rung.activations { plan.activations[layer] = encoding }
      return plan
    }
    return self
  }

  /// What a rung must state so that `at` gives the activations of another plan for the networks that pictures run through.
  package func rung(
    _ side: Int, from other: QuantizationPlan, networks: [Network]
  ) -> Rung {
    var rung = Rung(side: side)
    for network in networks where network.role != .language {
      for layer in network.layers {
        guard let own = activations[layer.name], let found = other.activations[layer.name],
          own != found, case .fixed = own, case .fixed = found
        else { continue }
        rung.activations[layer.name] = found
      }
    }
    return rung
  }
}
