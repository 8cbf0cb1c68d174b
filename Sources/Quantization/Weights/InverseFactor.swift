// Pointers live here: the bridge to OpenBLAS's factorizations.

import COpenBLAS

/// The upper triangular U with `Uᵀ U = (H + λ I)⁻¹`, H the second moments of sampled rows: what GPTQ walks along.
struct InverseFactor: Sendable {
  let inputs: Int
  /// `[inputs, inputs]`, row-major; numbers below the diagonal are undefined.
  let values: [Float]
  /// λ over the mean of H's diagonal.
  let damping: Float

  /// Dampings to try: the first is GPTQ's own (arXiv 2210.17323, section 3.3).
  private static let dampings: [Float] = [0.01, 0.1, 1]

  /// - Parameter order: inputs in the order in which they will be rounded.
  /// - Returns: `nil` where even strong damping leaves the matrix singular.
  /// Costs about `inputs³` multiplications and 4 · inputs² bytes.
  init?(_ moments: SecondMoments, order: [Int]) {
    let inputs = moments.inputs
    for damping in Self.dampings {
      var matrix = Self.ordered(moments, order)
      let added = damping * Float(moments.mean)
      for input in 0..<inputs { matrix[input * inputs + input] += added }
      if Self.factor(&matrix, inputs) {
        self.inputs = inputs
        self.damping = damping
        values = matrix
        return
      }
    }
    return nil
  }

  /// The moments of reordered inputs; the triangle on and above the diagonal.
  private static func ordered(_ moments: SecondMoments, _ order: [Int]) -> [Float] {
    let inputs = moments.inputs
    var matrix = [Float](repeating: 0, count: inputs * inputs)
    for (row, first) in order.enumerated() {
      for column in row..<inputs {
        matrix[row * inputs + column] = moments.values[first * inputs + order[column]]
      }
    }
    return matrix
  }

  /// Replaces the upper triangle of a symmetric matrix by that of the factor of its inverse.
  ///
  /// Row-major upper is LAPACK's column-major lower: factor `L Lᵀ`, invert, factor again.
  private static func factor(_ matrix: inout [Float], _ inputs: Int) -> Bool {
    var triangle = CChar(UInt8(ascii: "L"))
    var (n, stride, info) = (blasint(inputs), blasint(inputs), blasint(0))
    // SAFETY: the matrix has n · n numbers; LAPACK keeps no pointer.
    return unsafe matrix.withUnsafeMutableBufferPointer { matrix in
      guard let first = matrix.baseAddress else { return false }
      _ = unsafe spotrf_(&triangle, &n, first, &stride, &info)
      if info != 0 { return false }
      _ = unsafe spotri_(&triangle, &n, first, &stride, &info)
      if info != 0 { return false }
      _ = unsafe spotrf_(&triangle, &n, first, &stride, &info)
      return info == 0
    }
  }
}
