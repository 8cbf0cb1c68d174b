import MartletModel
import MartletReference

/// How far a source network and its folded form may differ in f32, computed and not chosen.
///
/// For a network that is affine in its input, let A be the output of the same network with every weight, statistic and
/// input replaced by its absolute value and every difference by a sum: |x| |W| … + |b|. A sum of n rounded products lies
/// within γ_n A of the exact one, γ_n = n u / (1 − n u), u = 2⁻²⁴ (Higham, Accuracy and Stability, section 3.1), in any
/// order. Both forms compute the same exact function, the folded one from weights that were rounded once more and whose
/// absolute values are no larger than the composition's; so they differ by at most 2 γ_n A, n counting the
/// roundings on the longest path of either.
struct FoldingBound {
  /// One number for each element of the output.
  let tolerances: [Double]
  /// The largest of A: what the output's size could be.
  let scale: Double

  static func gamma(_ roundings: Int) -> Double {
    let nu = Double(roundings) * 0x1p-24
    return nu / (1 - nu)
  }

  /// - Parameter roundings: on the longest path of the source form.
  init(of source: SourceModel, input: ReferenceTensor, roundings: Int) throws {
    let network = source.description.networks[0].absolute
    let executor = try ReferenceExecutor(
      network: network,
      parameters: AbsoluteParameters(source.parameters, network: network))
    var absolute = input
    for index in absolute.data.indices { absolute.data[index] = abs(absolute.data[index]) }
    let output = try executor.run([.tensor(absolute)])
    // A itself was computed in f32, by as many roundings.
    let factor = 2 * Self.gamma(roundings) * (1 + 2 * Self.gamma(roundings))
    tolerances = output.data.map { factor * Double($0) }
    scale = output.data.reduce(0) { max($0, Double($1)) }
  }
}

extension Network {
  /// The same network with sums for differences and the absolute value of constants.
  fileprivate var absolute: Network {
    var network = self
    for index in network.layers.indices {
      switch network.layers[index].op {
      case .subtract: network.layers[index].op = .add
      case .normalize(var affine):
        affine.scale = affine.scale.map { abs($0) }
        affine.offset = affine.offset.map { abs($0) }
        network.layers[index].op = .normalize(affine)
      case .convolution, .depthwise, .linear, .add, .batchNorm, .branches, .layerScale: break
      case .squeezeExcite, .layerNorm, .activate, .rmsNorm, .rotate, .attention, .gate, .embed,
        .selectLast:
        preconditionFailure("not affine in its input")
      }
    }
    return network
  }
}

/// Absolute values; means with a minus sign, because they are subtracted.
private final class AbsoluteParameters: FloatParameters {
  private let source: any FloatParameters
  private let means: Set<String>

  init(_ source: any FloatParameters, network: Network) {
    self.source = source
    var means: Set<String> = []
    for layer in network.layers {
      switch layer.op {
      case .batchNorm(let norm): means.insert(network[norm.mean].name)
      case .branches(let op):
        for branch in op.branches { means.insert(network[branch.norm.mean].name) }
      default: break
      }
    }
    self.means = means
  }

  func values(of name: String) throws(ModelError) -> [Float] {
    let sign: Float = means.contains(name) ? -1 : 1
    return try source.values(of: name).map { sign * abs($0) }
  }
}
