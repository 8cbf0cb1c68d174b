import MartletModel

extension FoldingRule {
  /// Rule 3.2, FastViT's downsampling (arXiv 2303.14189): a large and a small kernel side by side are one large kernel.
  ///
  ///     W = s_L W_L + embed_7(s_S W_S)        b = t_L + t_S
  ///
  /// At stride 2 as well: padding of k / 2 centers both on the same pixel.
  static let largeKernelBranches = FoldingRule("large-kernel branches") { graph, index in
    guard case .branches(let op) = graph.network.layers[index].op, op.hasSecondSpatialKernel
    else { return .none }
    BranchSum(op, in: graph).rewrite(&graph, layer: index, of: op)
    return .folded()
  }
}
