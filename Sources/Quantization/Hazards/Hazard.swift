/// Something in a model's numbers that breaks rounding, or a runtime of less precision.
package struct Hazard: Equatable, Sendable {
  package enum Kind: Equatable, Sendable {
    /// Infinite or not a number; `index` is the first.
    case notFinite(count: Int, index: Int)
    /// A variance below zero by more than its epsilon: its root does not exist.
    case negativeVariance(channels: Int, lowest: Float)
    /// Variances so small that folding multiplies weights by `gain`.
    case tinyVariance(channels: Int, lowest: Float, gain: Float)
    /// Outputs whose weights are all zero: they say the same of every picture.
    case constantOutputs(count: Int, of: Int)
    /// The largest weight of one output over the smallest of another's largest: what a single scale for all would have to span.
    case spread(ratio: Float)
    /// One weight is this many times the root mean square of its row, so 8 bits leave the others few codes.
    case peak(ratio: Float, output: Int, isDiagonal: Bool)
    /// Numbers that 16-bit floats cannot hold.
    case halfOverflow(count: Int, largest: Float)
    /// Key biases this many times as large as is typical of the other layers.
    case keyBias(largest: Float, typical: Float)
    /// A value whose channels differ this much in size, so one scale a row leaves the small ones few codes.
    case channelSpread(ratio: Float)
    /// A value beyond what 16-bit floats can hold.
    case activationOverflow(largest: Float)
    /// Channels that were zero on all pictures.
    case silentChannels(count: Int, of: Int)
  }

  package enum Severity: String, Sendable {
    /// The model cannot be converted.
    case refused
    /// Harms other programs, or settings that are not the default; the default takes care of it.
    case handled
    /// Worth looking at.
    case noted
  }

  /// A parameter, or a value where calibration found it.
  package var place: String
  package var kind: Kind

  package init(place: String, kind: Kind) {
    self.place = place
    self.kind = kind
  }

  package var severity: Severity {
    switch kind {
    case .notFinite, .negativeVariance: .refused
    case .tinyVariance, .spread, .halfOverflow, .keyBias, .channelSpread, .activationOverflow:
      .handled
    case .peak(_, _, let isDiagonal): isDiagonal ? .handled : .noted
    case .constantOutputs, .silentChannels: .noted
    }
  }
}

/// Where a finding becomes a hazard.
enum HazardLimit {
  /// Folding multiplies weights by more than this.
  static let gain: Float = 100
  /// Trained matrices of hundreds of inputs peak at 3 to 6.
  static let peak: Float = 10
  /// Outputs of one matrix: int8 with one scale for all would leave the small ones under 8 codes.
  static let spread: Float = 32
  /// The largest number of a 16-bit float.
  static let half: Float = 65_504
  static let keyBias: Float = 10
}
