import MartletModel

/// 4-bit weights in groups of 32 inputs: `w ≈ scale · code`, codes −8…7, one f16 scale a group.
///
/// The scale is searched: for several ranges around the largest weight the codes are rounded, the scale that
/// minimizes the squared error for those codes is computed (least squares: `Σ w q / Σ q²`), rounded to f16 and
/// judged by the error it then really makes.
///
/// Weights that are 4-bit codes under one f16 scale already, as other programs' groups are, keep their numbers.
package enum Int4Weights {
  static let size = WeightEncoding.group

  /// Code magnitudes at which the largest weight is tried to land. −8 uses the whole range on its side; smaller
  /// magnitudes leave the tails unclipped, larger ones clip them for a finer middle. On Gaussian, Laplacian and
  /// outlier groups these 15 come within 0.1 % of the squared error of 150 evenly spaced ones.
  static let landings: [Float] = [
    -8.8, -8.4, -8.2, -8, -7.8, -7.6, -7.4, -7.2, -7, -6.6, -6.2, -5.8, 7, 7.2, 6.6,
  ]

  /// Codes that the largest weight of such a group may have, −8 first: where several fit, the numbers are the same.
  static let wholeLandings: [Float] = [-8, -7, 7, -6, 6, -5, 5, -4, 4, -3, 3, -2, 2, -1, 1]

  package struct Group: Sendable {
    package var scale: Float16
    /// 32 codes; inputs beyond the matrix have code 0.
    package var codes: SIMD32<Float>
    package var error: Float
  }

  /// The best group for up to 32 weights.
  package static func quantized(_ weights: SIMD32<Float>) -> Group {
    var extreme: Float = 0
    for index in 0..<size where abs(weights[index]) > abs(extreme) { extreme = weights[index] }
    var best = Group(scale: 0, codes: SIMD32(repeating: 0), error: (weights * weights).sum())
    guard abs(extreme) > 1e-37 else { return best }
    for landing in wholeLandings {
      let scale = extreme / landing
      let codes = rounded(weights, scale: scale)
      if codes * scale == weights, Float(Float16(scale)) == scale {
        return Group(scale: Float16(scale), codes: codes, error: 0)
      }
    }
    for landing in landings {
      let candidate = group(weights, scale: extreme / landing)
      if let candidate, candidate.error < best.error { best = candidate }
    }
    return best
  }

  private static func group(_ weights: SIMD32<Float>, scale: Float) -> Group? {
    var codes = rounded(weights, scale: scale)
    let squares = (codes * codes).sum()
    guard squares > 0 else { return nil }
    let fitted = Float16((weights * codes).sum() / squares)
    guard fitted.isFinite, fitted != 0 else { return nil }
    // The codes again for the scale that is stored: it moved a little.
    codes = rounded(weights, scale: Float(fitted))
    let difference = weights - codes * Float(fitted)
    return Group(scale: fitted, codes: codes, error: (difference * difference).sum())
  }

  private static func rounded(_ weights: SIMD32<Float>, scale: Float) -> SIMD32<Float> {
    (weights * (1 / scale)).rounded(.toNearestOrEven)
      .clamped(lowerBound: SIMD32(repeating: -8), upperBound: SIMD32(repeating: 7))
  }
}
