// Decides the precision of every part of a folded model and brings its numbers to it.
//
// In:      a `FoldedModel`, a `Scheme`, and where the scheme asks for them calibration statistics.
// Out:     a `QuantizedModel`: a plan, and parameters encoded one at a time when the pack writer asks.
// Refuses: numbers that are not finite, patterns of `--keep` that match nothing, statistics that are missing.

import MartletModel

/// What a model, a table or an option can make go wrong here.
package enum QuantizationError: Error, Equatable, Sendable {
  /// The scheme needs a statistic that the table does not hold.
  case missingStatistic(value: String, statistic: String)
  /// A statistic of another width than the layer.
  case statisticWidth(value: String, expected: Int, found: Int)
  /// A `keep` pattern that names no layer; `nearest` is the closest layer name.
  case unmatchedPattern(pattern: String, nearest: String?)
  /// What a pack tells of its preparation cannot have been done to this model.
  case otherPreparation(name: String)
  /// The model itself is faulty.
  case model(ModelError)
}
