/// A convolution with bias, made from the branches of the train-time form by the equations of reference section 3.
///
/// Computed in f64 from the stored values. Conversion folds by its own code; that both agree is tested.
struct FusedKernel {
  let outputs: Int
  let inputsPerGroup: Int
  let side: Int
  /// `[outputs, inputsPerGroup, side, side]`
  var weight: [Double]
  /// `[outputs]`
  var bias: [Double]

  /// A kernel of zeros.
  init(outputs: Int, inputsPerGroup: Int, side: Int) {
    self.outputs = outputs
    self.inputsPerGroup = inputsPerGroup
    self.side = side
    weight = [Double](repeating: 0, count: outputs * inputsPerGroup * side * side)
    bias = [Double](repeating: 0, count: outputs)
  }

  /// `W += f[o] · s[o] · embed(W_b)`, `b += f[o] · t[o]`, the branch's kernel `W_b` in the middle of this one; a
  /// skip has the identity for its kernel.
  mutating func add(_ branch: DrawnBranch, factor: (Int) -> Double = { _ in 1 }) {
    let (scale, shift) = branch.norm.affine
    for output in 0..<outputs { bias[output] += factor(output) * shift[output] }
    guard let kernel = branch.kernel else {
      addIdentity { factor($0) * scale[$0] }
      return
    }
    let stored = kernel.weight.doubles
    let margin = (side - kernel.side) / 2
    var source = 0
    for output in 0..<outputs {
      let factor = factor(output) * scale[output]
      for input in 0..<inputsPerGroup {
        for row in 0..<kernel.side {
          let plane = output * inputsPerGroup + input
          let start = (plane * side + row + margin) * side + margin
          for column in 0..<kernel.side {
            weight[start + column] += factor * stored[source]
            source += 1
          }
        }
      }
    }
  }

  /// `W += f[o] · delta`: 1 at the center tap of input `o mod inputsPerGroup`.
  mutating func addIdentity(factor: (Int) -> Double = { _ in 1 }) {
    let taps = side * side
    for output in 0..<outputs {
      let plane = output * inputsPerGroup + output % inputsPerGroup
      weight[plane * taps + taps / 2] += factor(output)
    }
  }
}
