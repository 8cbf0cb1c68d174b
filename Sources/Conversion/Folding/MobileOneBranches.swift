import MartletModel

extension FoldingRule {
  /// Rule 3.1, MobileOne (arXiv 2206.04040): k × k branches, a 1 × 1 branch and a skip are one kernel.
  ///
  ///     W = Σ s_c W_c + embed_k(s_s W_s) + s_k delta_k        b = Σ t_c + t_s + t_k
  ///
  /// Any of the three kinds may be missing.
  static let mobileOneBranches = FoldingRule("MobileOne branches") { graph, index in
    guard case .branches(let op) = graph.network.layers[index].op, !op.hasSecondSpatialKernel
    else { return .none }
    BranchSum(op, in: graph).rewrite(&graph, layer: index, of: op)
    return .folded()
  }
}
