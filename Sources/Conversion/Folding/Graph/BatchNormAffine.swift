import MartletModel

/// A batch norm on stored statistics as the affine map that it is:
///
///     BN(z) = s z + t,   s = gamma / sqrt(variance + eps),   t = beta − mean s
///
/// (reference section 3).
struct BatchNormAffine {
  /// `s`, `[channels]`
  let scale: LazyTensor
  /// `t`, `[channels]`
  let offset: LazyTensor

  init(_ norm: BatchNorm, in graph: FoldingGraph) {
    let (gamma, variance) = (graph.tensor(norm.gamma), graph.tensor(norm.variance))
    let eps = Double(norm.eps)
    let scale = LazyTensor(shape: [norm.channels]) { () throws(ModelError) in
      var values = try gamma.values()
      let variances = try variance.values()
      for index in values.indices { values[index] /= (variances[index] + eps).squareRoot() }
      return values
    }
    self.scale = scale
    offset = graph.tensor(norm.beta) - graph.tensor(norm.mean) * scale
  }
}
