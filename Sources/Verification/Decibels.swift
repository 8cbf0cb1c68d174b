import Foundation

/// Ratios of powers on a logarithmic scale.
enum Decibels {
  /// `10 log10(ratio)`
  static func of(_ ratio: Double) -> Double { 10 * log10(ratio) }
}
