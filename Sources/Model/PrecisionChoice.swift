/// Why a model has the precisions it has: what was measured of every layer when limits were to be kept.
package struct PrecisionChoice: Equatable, Sendable {
  /// One way to store a layer's weights.
  package struct Option: Equatable, Sendable {
    package var encoding: WeightEncoding
    /// What it adds to the divergence of the next token's distribution, in nats.
    package var divergence: Double
    /// Stored, after compression.
    package var bytes: UInt64
    /// Its share of the time to the first token.
    package var milliseconds: Double

    package init(
      encoding: WeightEncoding, divergence: Double, bytes: UInt64, milliseconds: Double
    ) {
      self.encoding = encoding
      self.divergence = divergence
      self.bytes = bytes
      self.milliseconds = milliseconds
    }
  }

  /// A matrix with the layer that decides it.
  package struct Unit: Equatable, Sendable {
    /// As the checkpoint's model knows it.
    package var layer: String
    /// Index into `options`.
    package var chosen: Int
    package var options: [Option]

    package init(layer: String, chosen: Int, options: [Option]) {
      self.layer = layer
      self.chosen = chosen
      self.options = options
    }
  }

  /// Limits, or what came out. `nil` where none was set.
  package struct Figures: Equatable, Sendable {
    /// Mean divergence from the float model, in nats.
    package var divergence: Double?
    package var bytes: UInt64?
    /// To the first token.
    package var milliseconds: Double?

    package init(divergence: Double? = nil, bytes: UInt64? = nil, milliseconds: Double? = nil) {
      self.divergence = divergence
      self.bytes = bytes
      self.milliseconds = milliseconds
    }
  }

  package var limits: Figures
  /// Of the pack as it was written, on pictures that the choice was not made with.
  package var measured: Figures
  package var units: [Unit]

  package init(limits: Figures, measured: Figures, units: [Unit]) {
    self.limits = limits
    self.measured = measured
    self.units = units
  }
}
