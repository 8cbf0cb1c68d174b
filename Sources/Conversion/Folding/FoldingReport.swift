/// Why a pattern could not be folded.
package enum FoldingObstacle: Equatable, Sendable {
  /// A constant offset in front of a zero-padded kernel: the border would see the offset instead of zero.
  case offsetBeforeZeroPadding(channel: Int, offset: Float)
  /// Something else reads the value in between too.
  case valueReadElsewhere(value: String)
  /// The layer next to it is not one that can absorb it.
  case neighbor(op: String)
}

/// What folding did, so that nothing happens silently.
package struct FoldingReport: Equatable, Sendable {
  package struct Application: Equatable, Sendable {
    package var rule: String
    package var count: Int

    package init(rule: String, count: Int) {
      self.rule = rule
      self.count = count
    }
  }
  package struct Leftover: Equatable, Sendable {
    package var rule: String
    package var layer: String
    package var obstacle: FoldingObstacle

    package init(rule: String, layer: String, obstacle: FoldingObstacle) {
      self.rule = rule
      self.layer = layer
      self.obstacle = obstacle
    }
  }
  package struct ZeroVariance: Equatable, Sendable {
    package var parameter: String
    package var channels: [Int]

    package init(parameter: String, channels: [Int]) {
      self.parameter = parameter
      self.channels = channels
    }
  }

  /// One entry a rule, in the order they ran, also for rules that found nothing.
  package var applications: [Application] = []
  /// Patterns that were met and had to stay.
  package var leftovers: [Leftover] = []
  /// Values that exist before and after but hold other numbers; all others of the same name are equal within rounding.
  package var changedValues: [String] = []
  /// Channels whose stored variance is exactly zero: legal, eps alone divides, but worth a look.
  package var zeroVariances: [ZeroVariance] = []
}
