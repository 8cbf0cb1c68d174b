// Pointers live here: the few loops over channels that must run at memory speed. Extents are checked once, before
// the loop.

extension MutableSpan where Element == Float {
  /// The elements of a range, to be written on their own.
  @_lifetime(&self)
  mutating func part(_ range: Range<Int>) -> MutableSpan<Float> { _mutatingExtracting(range) }

  /// `self[i] += a[i] · b[i]` for all `i`.
  mutating func addProduct(_ a: Span<Float>, _ b: Span<Float>) {
    precondition(a.count == count && b.count == count)
    // SAFETY: all three have `count` elements, checked above, and are borrowed for the loop.
    unsafe withUnsafeMutableBufferPointer { sum in
      unsafe a.withUnsafeBufferPointer { a in
        unsafe b.withUnsafeBufferPointer { b in
          for i in 0..<sum.count { unsafe sum[i] += a[i] * b[i] }
        }
      }
    }
  }

  /// `self[i] = function(self[i])` for all `i`.
  @inline(__always)
  mutating func transform(_ function: (Float) -> Float) {
    // SAFETY: indices stay below the buffer's count.
    unsafe withUnsafeMutableBufferPointer { buffer in
      for i in 0..<buffer.count { unsafe buffer[i] = function(buffer[i]) }
    }
  }

  /// `self[i] += a[i]` for all `i`.
  mutating func add(_ a: Span<Float>) {
    precondition(a.count == count)
    // SAFETY: both have `count` elements, checked above.
    unsafe withUnsafeMutableBufferPointer { sum in
      unsafe a.withUnsafeBufferPointer { a in
        for i in 0..<sum.count { unsafe sum[i] += a[i] }
      }
    }
  }

  /// Copies all of `source` to the elements from `offset` on.
  mutating func replace(at offset: Int, with source: Span<Float>) {
    precondition(offset >= 0 && offset + source.count <= count)
    // SAFETY: the target range lies inside the span, checked above.
    unsafe withUnsafeMutableBufferPointer { target in
      unsafe source.withUnsafeBufferPointer { source in
        for i in 0..<source.count { unsafe target[offset + i] = source[i] }
      }
    }
  }

  /// `self[i] = exp(self[i] − shift)` for the first `count` elements, the others 0; the sum of all.
  mutating func exponentiate(_ visible: Int, shift: Float) -> Double {
    precondition(visible <= count)
    // SAFETY: indices stay below the buffer's count.
    unsafe withUnsafeMutableBufferPointer { buffer in
      for i in 0..<visible { unsafe buffer[i] = exponential(buffer[i] - shift) }
      for i in visible..<buffer.count { unsafe buffer[i] = 0 }
    }
    return sum(visible)
  }

  /// The sum of the first `count` elements in double precision, as eight interleaved sums.
  private func sum(_ count: Int) -> Double {
    var sums = SIMD8<Double>(repeating: 0)
    // SAFETY: `count` was checked by the caller.
    unsafe withUnsafeBufferPointer { buffer in
      var i = 0
      while i + 8 <= count {
        for lane in 0..<8 { unsafe sums[lane] += Double(buffer[i + lane]) }
        i += 8
      }
      while i < count {
        unsafe sums[0] += Double(buffer[i])
        i += 1
      }
    }
    return sums.sum()
  }

  /// The largest of the first `visible` elements, as eight interleaved maxima.
  func largest(_ visible: Int) -> Float {
    precondition(visible > 0 && visible <= count)
    var lanes = SIMD8<Float>(repeating: -.infinity)
    // SAFETY: indices stay below `visible`, checked above.
    unsafe withUnsafeBufferPointer { buffer in
      var i = 0
      while i + 8 <= visible {
        for lane in 0..<8 {
          unsafe lanes[lane] = buffer[i + lane] > lanes[lane] ? buffer[i + lane] : lanes[lane]
        }
        i += 8
      }
      while i < visible {
        unsafe lanes[0] = buffer[i] > lanes[0] ? buffer[i] : lanes[0]
        i += 1
      }
    }
    return lanes.max()
  }
}
