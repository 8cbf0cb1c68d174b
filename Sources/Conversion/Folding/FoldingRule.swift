import MartletModel

/// One way to make a network shorter without changing what it computes. Each rule stands in a file of its own, its
/// equation in text above the code.
package struct FoldingRule: Sendable {
  /// What the rule does to the pattern that ends at a layer.
  enum Outcome {
    /// The layer does not end the rule's pattern.
    case none
    /// Folded. `changing` are values that remain but hold other numbers than in the source.
    case folded(changing: [ValueID] = [])
    /// The pattern is there, but folding it would change the result.
    case left(FoldingObstacle)
  }

  package let name: String
  /// Tries the rule on the layer of this index.
  let apply: @Sendable (inout FoldingGraph, Int) -> Outcome

  init(_ name: String, apply: @escaping @Sendable (inout FoldingGraph, Int) -> Outcome) {
    self.name = name
    self.apply = apply
  }

  /// The rules that checkpoints are published by: what upstream calls reparameterization.
  static let reparameterizing: [FoldingRule] = [
    mobileOneBranches, largeKernelBranches, repMixer, positionalResidual,
  ]

  /// All rules in the order in which they run: branches become plain kernels first, then residuals and norms are
  /// absorbed by them, then factors by the products next to them.
  package static let ordered: [FoldingRule] = [
    mobileOneBranches,  // 3.1
    largeKernelBranches,  // 3.2
    repMixer,  // 3.3
    positionalResidual,  // 3.4
    convolutionNorm,  // 3.5
    batchNormIntoLinear,  // 3.7
    layerScale,  // 3.6, into fc2 and the attention's projection
    layerNormIntoLinear,  // 3.6
    attentionScale,  // 3.6
    pixelScale,  // 3.6
  ]
}
