import MartletModel

/// 8-bit weights, symmetric, one scale an output: `w ≈ scale · code`, `scale = max |w| / 127`.
package enum Int8Weights {
  /// A row's codes in −127…127 and its scale. A row of zeros has scale 1.
  package static func quantized(_ row: ArraySlice<Float>) -> (scale: Float, codes: [Int8]) {
    var largest: Float = 0
    for value in row { largest = max(largest, abs(value)) }
    let scale = largest / 127
    // Below this the reciprocal overflows; such a row is zero for every purpose.
    guard scale > 1e-37 else { return (1, [Int8](repeating: 0, count: row.count)) }
    return (scale, codes(row, scale: scale))
  }

  static func codes(_ row: ArraySlice<Float>, scale: Float) -> [Int8] {
    unsafe [Int8](unsafeUninitializedCapacity: row.count) { buffer, count in
      var index = 0
      for value in row {
        let code = (value / scale).rounded(.toNearestOrEven)
        // SAFETY: `index` runs over the row's count, which is the capacity.
        unsafe buffer[index] = Int8(min(127, max(-127, code)))
        index += 1
      }
      count = row.count
    }
  }
}
