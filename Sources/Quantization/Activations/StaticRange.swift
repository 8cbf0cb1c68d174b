import MartletModel

/// One scale and zero point for all rows, from a calibrated range.
package enum StaticRange {
  /// `scale = (hi − lo) / 255`, `zeroPoint = round(−lo / scale)`, the range widened to hold 0 so that zero is exact.
  ///
  /// A range of nothing gives scale 1 and zero point 0.
  package static func encoding(lowest: Float, highest: Float) -> ActivationEncoding {
    let low = min(0, lowest)
    let high = max(0, highest)
    let scale = (high - low) / 255
    guard scale.isNormal else { return .fixed(scale: 1, zeroPoint: 0) }
    let zero = (-low / scale).rounded(.toNearestOrEven)
    return .fixed(scale: scale, zeroPoint: Int(min(255, max(0, zero))))
  }
}
