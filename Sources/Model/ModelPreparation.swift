/// What was done to a folded model before its numbers were rounded, so that they survive it better. Its function stayed
/// the same within float rounding; some values have other names, and other numbers by known factors.
package struct ModelPreparation: Equatable, Sendable {
  /// A value whose channels were divided, and multiplied again by all that read it.
  package struct Scaled: Equatable, Sendable {
    /// Name in the folded model; the prepared one adds `scaledSuffix`.
    package var value: String
    /// One a channel, finite and greater than 0: the folded model's number is this many times the prepared one's.
    package var factors: [Float]

    package init(value: String, factors: [Float]) {
      self.value = value
      self.factors = factors
    }
  }

  /// The product that is left of a layer whose diagonal was taken out.
  package static let restSuffix = ".rest"
  /// The product by the diagonal; the layer itself becomes the sum of both.
  package static let diagonalSuffix = ".diagonal"
  package static let scaledSuffix = ".balanced"

  /// Layers whose diagonal became a product of its own.
  package var split: [String]
  /// In the order in which they were scaled.
  package var scaled: [Scaled]

  package init(split: [String] = [], scaled: [Scaled] = []) {
    self.split = split
    self.scaled = scaled
  }

  package var isEmpty: Bool { split.isEmpty && scaled.isEmpty }
}
