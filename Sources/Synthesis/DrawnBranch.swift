/// A batch norm with statistics that fit what it receives.
struct DrawnNorm: Sendable {
  static let eps = 1e-5
  let gamma: Numbers
  let beta: Numbers
  let mean: Numbers
  let variance: Numbers

  /// `BN(z) = scale · z + shift`: `scale = gamma / √(variance + eps)`, `shift = beta − mean · scale`.
  var affine: (scale: [Double], shift: [Double]) {
    let variances = variance.doubles
    let scale = zip(gamma.doubles, variances).map { $0 / ($1 + Self.eps).squareRoot() }
    let means = mean.doubles
    let shift = beta.doubles.enumerated().map { $1 - means[$0] * scale[$0] }
    return (scale, shift)
  }
}

/// One branch of a train-time unit: a convolution and its batch norm, or a batch norm alone.
struct DrawnBranch: Sendable {
  struct Kernel: Sendable {
    let side: Int
    let weight: Numbers
  }
  let kernel: Kernel?
  let norm: DrawnNorm
}

extension Drawing {
  /// A convolution `[outputs, inputsPerGroup, side, side]` and its batch norm of deviation `gain`.
  ///
  /// - Parameter correlation: of the values under the kernel with each other.
  func branch(
    _ path: String, outputs: Int, inputsPerGroup: Int, side: Int, input: Activity, gain: Double,
    correlation: Double
  ) -> DrawnBranch {
    let taps = inputsPerGroup * side * side
    // A single weight near 0 would leave its batch norm nothing to measure.
    let law: Law =
      taps == 1 ? .signed(0.5...1.5) : .normal(deviation: 1 / Double(taps).squareRoot())
    let weight = draw("\(path).conv.weight", outputs * taps, law)
    let norm = norm(
      "\(path).bn", outputs, over: weight, input: input, gain: gain, correlation: correlation)
    return DrawnBranch(kernel: .init(side: side, weight: weight), norm: norm)
  }

  /// A batch norm alone.
  func skip(_ path: String, _ channels: Int, input: Activity, gain: Double) -> DrawnBranch {
    let identity = Numbers(count: channels, type: type) { [Float](repeating: 1, count: $0.count) }
    let norm = norm(path, channels, over: identity, input: input, gain: gain, correlation: 0)
    return DrawnBranch(kernel: nil, norm: norm)
  }

  /// The batch norm behind a product `z[o] = Σ w[o, i] x[i]`, the `x` having mean m, variance v and correlation ρ:
  ///
  ///     E[z] = m Σ w,   Var[z] = v ((1 − ρ) Σ w² + ρ (Σ w)²)
  ///
  /// and, as no channel meets its expectation, a tenth of a deviation beside the mean and up to a third beside the
  /// variance.
  func norm(
    _ path: String, _ outputs: Int, over weight: Numbers, input: Activity, gain: Double,
    correlation: Double
  ) -> DrawnNorm {
    let meanJitter = draw("\(path).running_mean", outputs, .normal(deviation: 0.1))
    let varianceJitter = draw("\(path).running_var", outputs, .uniform(0.75...1.33))
    let statistics: @Sendable () -> [(mean: Double, variance: Double)] = {
      let weights = weight.doubles
      let width = weights.count / outputs
      return (0..<outputs).map { output in
        let row = weights[(output * width)..<((output + 1) * width)]
        let (sum, squares) = row.reduce((0.0, 0.0)) { ($0.0 + $1, $0.1 + $1 * $1) }
        let spread = (1 - correlation) * squares + correlation * sum * sum
        return (input.mean * sum, input.variance * max(spread, 1e-3 * squares))
      }
    }
    let mean = derive(outputs) {
      zip(statistics(), meanJitter.doubles).map { $0.mean + $1 * $0.variance.squareRoot() }
    }
    let variance = derive(outputs) {
      zip(statistics(), varianceJitter.doubles).map { $0.variance * $1 }
    }
    return DrawnNorm(
      gamma: draw("\(path).weight", outputs, .signed((0.8 * gain)...(1.2 * gain))),
      beta: draw("\(path).bias", outputs, .normal(deviation: 0.1 * gain)), mean: mean,
      variance: variance)
  }
}
