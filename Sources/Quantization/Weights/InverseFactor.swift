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

  /// - Parameters:
  ///   - rows: `[count, inputs]`; not empty.
  ///   - order: inputs in the order in which they will be rounded.
  /// - Returns: `nil` where even strong damping leaves the matrix singular.
  /// Costs `count · inputs² + inputs³` multiplications and 4 · inputs² bytes.
  init?(rows: [Float], inputs: Int, order: [Int]) {
    let count = rows.count / inputs
    var moments = Self.moments(rows, count: count, inputs: inputs, order: order)
    var mean: Double = 0
    for input in 0..<inputs { mean += Double(moments[input * inputs + input]) / Double(inputs) }
    guard mean > 0, mean.isFinite else { return nil }
    let undamped = moments
    for damping in Self.dampings {
      for input in 0..<inputs {
        moments[input * inputs + input] += damping * Float(mean)
      }
      if Self.factor(&moments, inputs) {
        self.inputs = inputs
        self.damping = damping
        values = moments
        return
      }
      moments = undamped
    }
    return nil
  }

  /// `Σ x xᵀ / count` of reordered rows; the triangle on and above the diagonal.
  private static func moments(
    _ rows: [Float], count: Int, inputs: Int, order: [Int]
  ) -> [Float] {
    var ordered = [Float](repeating: 0, count: rows.count)
    for start in stride(from: 0, to: rows.count, by: inputs) {
      for (place, input) in order.enumerated() { ordered[start + place] = rows[start + input] }
    }
    var moments = [Float](repeating: 0, count: inputs * inputs)
    openblas_set_num_threads(1)
    // SAFETY: both arrays have the extents that are passed.
    unsafe moments.withUnsafeMutableBufferPointer { result in
      unsafe ordered.withUnsafeBufferPointer { rows in
        unsafe cblas_ssyrk(
          CblasRowMajor, CblasUpper, CblasTrans, blasint(inputs), blasint(count),
          1 / Float(count), rows.baseAddress, blasint(inputs), 0, result.baseAddress,
          blasint(inputs))
      }
    }
    return moments
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
