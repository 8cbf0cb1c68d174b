// Pointers live here: the bridge to OpenBLAS's product of a matrix by itself.

import COpenBLAS

/// `Σ x xᵀ / count` over sampled rows: the error `e` that rounding leaves in one output costs `eᵀ H e`.
struct SecondMoments: Sendable {
  let inputs: Int
  /// `[inputs, inputs]`, symmetric.
  private(set) var values: [Float]

  /// - Parameter rows: `[count, inputs]`; not empty.
  /// - Returns: `nil` where the rows say nothing.
  /// Costs `count · inputs²` multiplications and 4 · inputs² bytes.
  init?(rows: [Float], inputs: Int) {
    let count = rows.count / inputs
    var moments = [Float](repeating: 0, count: inputs * inputs)
    openblas_set_num_threads(1)
    // SAFETY: both arrays have the extents that are passed.
    unsafe moments.withUnsafeMutableBufferPointer { result in
      unsafe rows.withUnsafeBufferPointer { rows in
        unsafe cblas_ssyrk(
          CblasRowMajor, CblasUpper, CblasTrans, blasint(inputs), blasint(count),
          1 / Float(count), rows.baseAddress, blasint(inputs), 0, result.baseAddress,
          blasint(inputs))
      }
    }
    self.inputs = inputs
    values = moments
    guard mean > 0, mean.isFinite else { return nil }
    mirror()
  }

  /// The moment of one input.
  func diagonal(_ input: Int) -> Float { values[input * inputs + input] }

  /// The mean moment of an input.
  var mean: Double {
    var sum = 0.0
    for input in 0..<inputs { sum += Double(diagonal(input)) }
    return sum / Double(inputs)
  }

  /// Inputs by falling moment.
  var order: [Int] {
    (0..<inputs).sorted {
      diagonal($0) == diagonal($1) ? $0 < $1 : diagonal($0) > diagonal($1)
    }
  }

  /// `H ← H + damping · mean · I`
  mutating func damp(_ damping: Float) {
    let added = damping * Float(mean)
    for input in 0..<inputs { values[input * inputs + input] += added }
  }

  /// Copies the triangle above the diagonal below it, in blocks that stay in the cache.
  private mutating func mirror() {
    let side = 64
    for top in stride(from: 0, to: inputs, by: side) {
      for left in stride(from: top, to: inputs, by: side) {
        for row in top..<min(inputs, top + side) {
          for column in max(left, row)..<max(max(left, row), min(inputs, left + side)) {
            values[column * inputs + row] = values[row * inputs + column]
          }
        }
      }
    }
  }
}
