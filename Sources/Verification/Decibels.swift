import Foundation

/// Ratios of powers on a logarithmic scale.
package enum Decibels {
  /// `10 log10(power / noise)`; infinite without noise.
  package static func ratio(_ power: Double, over noise: Double) -> Double {
    noise == 0 ? .infinity : 10 * log10(power / noise)
  }
}
