// Pointers live here: the bridge to OpenBLAS.

import COpenBLAS

/// A matrix inside an array: `rows` rows of `columns` numbers, `stride` elements apart, the first at `offset`.
package struct MatrixView {
  let values: [Float]
  let offset: Int
  let rows: Int
  let columns: Int
  let stride: Int

  /// It is a trap if the matrix does not lie inside `values`.
  package init(_ values: [Float], offset: Int = 0, rows: Int, columns: Int, stride: Int? = nil) {
    self.values = values
    self.offset = offset
    self.rows = rows
    self.columns = columns
    self.stride = stride ?? columns
    precondition(offset >= 0 && rows > 0 && columns > 0 && self.stride >= columns)
    precondition(offset + (rows - 1) * self.stride + columns <= values.count)
  }
}

/// Matrix products on OpenBLAS, each on the caller's thread: Martlet splits the work itself, so that all ops share one
/// kind of thread and a result does not depend on a second pool.
package enum Matrices {
  /// Told once, before the first product.
  private static let singleThreaded: Void = openblas_set_num_threads(1)

  /// `out[r, c] = scale · Σ_k a[r, k] b[c, k] + (keep ? out[r, c] : 0)` for the rows of `a` in `range`.
  ///
  /// `out` holds the rows of `range` only, `stride` elements apart, and is written from `offset` on.
  package static func multiply(
    _ a: MatrixView, rows range: Range<Int>, byTransposed b: MatrixView, scale: Float = 1,
    keep: Bool = false, into out: inout MutableSpan<Float>, offset: Int = 0, stride: Int
  ) {
    precondition(a.columns == b.columns)
    product(
      a, range, b, transposed: CblasTrans, columns: b.rows, scale: scale, keep: keep, into: &out,
      offset: offset, stride: stride)
  }

  /// `out[r, c] = scale · Σ_k a[r, k] b[k, c] + (keep ? out[r, c] : 0)` for the rows of `a` in `range`; `out` as above.
  package static func multiply(
    _ a: MatrixView, rows range: Range<Int>, by b: MatrixView, scale: Float = 1,
    keep: Bool = false, into out: inout MutableSpan<Float>, offset: Int = 0, stride: Int
  ) {
    precondition(a.columns == b.rows)
    product(
      a, range, b, transposed: CblasNoTrans, columns: b.columns, scale: scale, keep: keep,
      into: &out,
      offset: offset, stride: stride)
  }

  /// `out[r] = Σ_k matrix[r, k] vector[k] + (keep ? out[r] : 0)` for the rows of `matrix` in `range`; `out` holds those only.
  static func multiply(
    _ matrix: MatrixView, rows range: Range<Int>, vector: [Float], keep: Bool,
    into out: inout MutableSpan<Float>
  ) {
    if range.isEmpty { return }
    _ = singleThreaded
    precondition(range.lowerBound >= 0 && range.upperBound <= matrix.rows)
    precondition(vector.count == matrix.columns && out.count == range.count)
    // SAFETY: the view keeps the matrix inside its array; vector and result have the lengths checked above.
    unsafe out.withUnsafeMutableBufferPointer { out in
      unsafe matrix.values.withUnsafeBufferPointer { values in
        unsafe vector.withUnsafeBufferPointer { vector in
          guard let first = values.baseAddress, let x = vector.baseAddress,
            let y = out.baseAddress
          else { return }
          let start = unsafe first + matrix.offset + range.lowerBound * matrix.stride
          unsafe cblas_sgemv(
            CblasRowMajor, CblasNoTrans, blasint(range.count), blasint(matrix.columns), 1, start,
            blasint(matrix.stride), x, 1, keep ? 1 : 0, y, 1)
        }
      }
    }
  }

  private static func product(
    _ a: MatrixView, _ range: Range<Int>, _ b: MatrixView, transposed: CBLAS_TRANSPOSE,
    columns: Int, scale: Float, keep: Bool, into out: inout MutableSpan<Float>, offset: Int,
    stride: Int
  ) {
    if range.isEmpty { return }
    _ = singleThreaded
    precondition(range.lowerBound >= 0 && range.upperBound <= a.rows && stride >= columns)
    precondition(offset >= 0 && offset + (range.count - 1) * stride + columns <= out.count)
    // SAFETY: `MatrixView` keeps both matrices inside their arrays, the preconditions above keep the result inside
    // `out`, and all three are borrowed during the call.
    unsafe out.withUnsafeMutableBufferPointer { out in
      unsafe a.values.withUnsafeBufferPointer { aValues in
        unsafe b.values.withUnsafeBufferPointer { bValues in
          guard let aFirst = aValues.baseAddress, let bFirst = bValues.baseAddress,
            let outFirst = out.baseAddress
          else { return }
          let start = unsafe aFirst + a.offset + range.lowerBound * a.stride
          unsafe cblas_sgemm(
            CblasRowMajor, CblasNoTrans, transposed, blasint(range.count), blasint(columns),
            blasint(a.columns), scale, start, blasint(a.stride), bFirst + b.offset,
            blasint(b.stride), keep ? 1 : 0, outFirst + offset, blasint(stride))
        }
      }
    }
  }
}
