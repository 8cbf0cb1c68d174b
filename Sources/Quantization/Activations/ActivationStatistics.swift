/// What quantization asks of calibration, by value name.
package protocol ActivationStatistics: Sendable {
  /// The range of all numbers of a value, or `nil` if it was not collected.
  func range(of value: String) -> (lowest: Float, highest: Float)?
  /// The mean of each channel of a value, or `nil` if it was not collected.
  func channelMeans(of value: String) -> [Double]?
}
