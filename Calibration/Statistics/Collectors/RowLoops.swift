// Pointers live here: the loops over channels that see every number of every value. Extents are checked once, before
// the loop.

enum RowLoops {
  /// `sums[c] += row[c]`
  static func add(_ row: Span<Float>, to sums: inout [Double]) {
    precondition(row.count == sums.count)
    // SAFETY: both have `count` elements, checked above.
    unsafe sums.withUnsafeMutableBufferPointer { sums in
      unsafe row.withUnsafeBufferPointer { row in
        for c in 0..<row.count { unsafe sums[c] += Double(row[c]) }
      }
    }
  }

  /// `sums[c] += row[c]²`
  static func addSquares(_ row: Span<Float>, to sums: inout [Double]) {
    precondition(row.count == sums.count)
    // SAFETY: both have `count` elements, checked above.
    unsafe sums.withUnsafeMutableBufferPointer { sums in
      unsafe row.withUnsafeBufferPointer { row in
        for c in 0..<row.count { unsafe sums[c] += Double(row[c]) * Double(row[c]) }
      }
    }
  }

  /// `maxima[c] = max(maxima[c], |row[c]|)`
  static func raise(_ maxima: inout [Float], _ row: Span<Float>) {
    precondition(row.count == maxima.count)
    // SAFETY: both have `count` elements, checked above.
    unsafe maxima.withUnsafeMutableBufferPointer { maxima in
      unsafe row.withUnsafeBufferPointer { row in
        for c in 0..<row.count {
          let size = unsafe abs(row[c])
          unsafe maxima[c] = size > maxima[c] ? size : maxima[c]
        }
      }
    }
  }

  /// Smallest and largest of some numbers, as sixteen interleaved lanes. It is a trap if there is none.
  static func range(_ numbers: Span<Float>) -> ClosedRange<Float> {
    precondition(numbers.count > 0)
    var low = SIMD16<Float>(repeating: numbers[0])
    var high = low
    // SAFETY: indices stay below `count`.
    unsafe numbers.withUnsafeBufferPointer { numbers in
      var index = 0
      while index + 16 <= numbers.count {
        var next = SIMD16<Float>()
        for lane in 0..<16 { unsafe next[lane] = numbers[index + lane] }
        low.replace(with: next, where: next .< low)
        high.replace(with: next, where: next .> high)
        index += 16
      }
      while index < numbers.count {
        let next = unsafe numbers[index]
        low[0] = next < low[0] ? next : low[0]
        high[0] = next > high[0] ? next : high[0]
        index += 1
      }
    }
    return low.min()...high.max()
  }
}
