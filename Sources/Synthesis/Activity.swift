/// How large the activations of a value are expected to be, alike in all channels.
///
/// Carried from layer to layer while a model is drawn, instead of running it: deviations of weights and batch norm
/// statistics follow from it. Values are taken as independent between channels; neighboring pixels, which are alike in
/// pictures and unlike in noise, as correlated by a quarter: noise then grows by 1.15 in a kernel, and in pictures
/// kernels whose weights add up make the large channels that trained networks have too.
struct Activity: Equatable, Sendable {
  var mean: Double
  var variance: Double
  /// E[x²]
  var meanSquare: Double { mean * mean + variance }

  /// A residual stream's next value: `x + branch`, the branch having mean 0.
  func adding(variance branch: Double) -> Activity {
    Activity(mean: mean, variance: variance + branch)
  }

  /// What a batch norm or a product of matching deviation gives.
  static let unit = Activity(mean: 0, variance: 1)

  /// `GELU(z)` of a normal `z`: E = 1 / (2 √π), E[GELU²] = 0.4252 by numeric integration.
  static let gelu = Activity(mean: 0.2821, variance: 0.3457)

  /// Pixels 0…1: between photographs and noise.
  static let pixels = Activity(mean: 0.45, variance: 0.08)

  /// Correlation of neighboring pixels.
  static let neighbors = 0.25
}
