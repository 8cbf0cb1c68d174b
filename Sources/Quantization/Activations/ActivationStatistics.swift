import MartletCalibration
import MartletModel

/// What quantization asks of calibration, by value name.
package protocol ActivationStatistics: Sendable {
  /// The range of all numbers of a value, or `nil` if it was not collected.
  func range(of value: String) -> (lowest: Float, highest: Float)?
  /// The mean of each channel of a value, or `nil` if it was not collected.
  func channelMeans(of value: String) -> [Double]?
  /// Some rows of a value, or `nil` if none were kept.
  func rows(of value: String) -> RowSample?
}

extension ActivationStatistics {
  package func rows(of value: String) -> RowSample? { nil }
}

/// The statistics of a model whose values were renamed and scaled by its preparation.
struct PreparedStatistics: ActivationStatistics {
  /// What a value of the prepared model was.
  private struct Origin: Sendable {
    var name: String
    /// The original is this many times the value, by channel.
    var scale: [Float]
  }

  let base: any ActivationStatistics
  /// By name in the prepared model.
  private let origins: [String: Origin]

  init(base: any ActivationStatistics, _ preparation: ModelPreparation) {
    self.base = base
    var origins: [String: Origin] = [:]
    for scaled in preparation.scaled {
      origins[scaled.value + ModelPreparation.scaledSuffix] = Origin(
        name: scaled.value, scale: scaled.factors)
    }
    self.origins = origins
  }

  /// Ranges of scaled values are not known: calibrated activations go without balancing.
  func range(of value: String) -> (lowest: Float, highest: Float)? {
    origins[value] == nil ? base.range(of: value) : nil
  }

  func channelMeans(of value: String) -> [Double]? {
    guard let origin = origins[value] else { return base.channelMeans(of: value) }
    guard let means = base.channelMeans(of: origin.name), means.count == origin.scale.count else {
      return nil
    }
    return zip(means, origin.scale).map { $0 / Double($1) }
  }

  /// The rows as they were; `scale(of:)` says what they have to be divided by.
  func rows(of value: String) -> RowSample? { base.rows(of: origins[value]?.name ?? value) }

  func scale(of value: String) -> [Float]? { origins[value]?.scale }
}
