import MartletModel

/// 8-bit weights, symmetric, one scale an output: `w ≈ scale · code`, `scale = max |w| / 127`, or a larger one for short sums.
package enum Int8Weights {
  /// A row's codes in −127…127 and its scale. A row of zeros has scale 1.
  package static func quantized(
    _ row: ArraySlice<Float>, isShort: Bool = false
  ) -> (scale: Float, codes: [Int8]) {
    guard let scale = scale(row, isShort: isShort) else {
      return (1, [Int8](repeating: 0, count: row.count))
    }
    var codes = codes(row, scale: scale)
    if isShort { ShortSums.shorten(&codes, of: row, scale: scale) }
    return (scale, codes)
  }

  /// `nil` for a row of zeros.
  static func scale(_ row: ArraySlice<Float>, isShort: Bool) -> Float? {
    var largest: Float = 0
    for value in row { largest = max(largest, abs(value)) }
    // Below this the reciprocal overflows; such a row is zero for every purpose.
    guard largest / 127 > 1e-37 else { return nil }
    return isShort ? ShortSums.scale(row, largest: largest) : largest / 127
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
