/// The two inner loops of a resize: the only pointers between the codecs and the prepared pixels.
///
/// Sums stay within 32 bits: weights add up to 2²², their magnitudes to less than 2²³, and a pixel has 8 bits.
enum ResamplerLoops {
  /// Half of one in fixed point, so that the shift at the end rounds.
  private static let half: Int32 = 1 << (BicubicWeights.fractionBits - 1)

  /// Some outputs of one row through the filter across, RGB by RGB. The plain loop it equals:
  ///
  ///     for x in outputs { for c in 0..<3 {
  ///       output[3x + c] = byte((half + Σ_t input[3(first_x + t) + c] · K_x[t]) >> 22) } }
  static func narrow(
    _ input: Span<UInt8>, from inputStart: Int, _ filter: BicubicWeights, outputs: Range<Int>,
    into output: inout [UInt8], from outputStart: Int
  ) {
    guard let last = filter.taps.last else { return }
    precondition(outputs.lowerBound >= 0 && outputs.upperBound <= filter.taps.count)
    // Spans of inputs only move right, so the last output reaches farthest.
    precondition(inputStart >= 0 && inputStart + (last.first + last.count) * 3 <= input.count)
    precondition(outputStart >= 0 && outputStart + filter.taps.count * 3 <= output.count)
    // SAFETY: the preconditions bound every access; weights are [outputs, stride] by BicubicWeights' initializer.
    unsafe input.withUnsafeBufferPointer { input in
      unsafe output.withUnsafeMutableBufferPointer { output in
        unsafe filter.weights.withUnsafeBufferPointer { weights in
          guard let source = input.baseAddress, let target = output.baseAddress,
            let weights = weights.baseAddress
          else { return }
          var out = unsafe target + outputStart + outputs.lowerBound * 3
          for x in outputs {
            let taps = filter.taps[x]
            let row = unsafe source + inputStart + taps.first * 3
            let k = unsafe weights + x * filter.stride
            var red = half
            var green = half
            var blue = half
            for t in 0..<taps.count {
              let weight = unsafe k[t]
              red &+= unsafe Int32(row[3 &* t]) &* weight
              green &+= unsafe Int32(row[3 &* t &+ 1]) &* weight
              blue &+= unsafe Int32(row[3 &* t &+ 2]) &* weight
            }
            unsafe out[0] = byte(red)
            unsafe out[1] = byte(green)
            unsafe out[2] = byte(blue)
            unsafe out += 3
          }
        }
      }
    }
  }

  /// Rows of the ring through one output's filter down. The plain loop it equals:
  ///
  ///     for x in 0..<byteCount {
  ///       output[x] = byte((half + Σ_t ring[starts[t] + x] · K[t]) >> 22) }
  static func blend(
    _ ring: Span<UInt8>, from starts: [Int], count: Int, _ filter: BicubicWeights, at index: Int,
    into output: inout [UInt8], from outputStart: Int, byteCount: Int
  ) {
    precondition(count <= starts.count && count <= filter.stride)
    precondition(index >= 0 && (index + 1) * filter.stride <= filter.weights.count)
    for t in 0..<count {
      precondition(starts[t] >= 0 && starts[t] + byteCount <= ring.count)
    }
    precondition(outputStart >= 0 && outputStart + byteCount <= output.count)
    let lanes = 16
    // SAFETY: the preconditions bound every access; blocks of `lanes` bytes end at byteCount, the rest goes one by one.
    unsafe ring.withUnsafeBytes { ring in
      unsafe output.withUnsafeMutableBytes { output in
        var x = 0
        while x + lanes <= byteCount {
          var sum = SIMD16<Int32>(repeating: half)
          for t in 0..<count {
            let pixels = unsafe ring.loadUnaligned(
              fromByteOffset: starts[t] &+ x, as: SIMD16<UInt8>.self)
            let weight = filter.weights[index &* filter.stride &+ t]
            sum &+= SIMD16<Int32>(truncatingIfNeeded: pixels) &* weight
          }
          let shifted = (sum &>> BicubicWeights.fractionBits).clamped(
            lowerBound: SIMD16(repeating: 0), upperBound: SIMD16(repeating: 255))
          unsafe output.storeBytes(
            of: SIMD16<UInt8>(truncatingIfNeeded: shifted), toByteOffset: outputStart &+ x,
            as: SIMD16<UInt8>.self)
          x &+= lanes
        }
        while x < byteCount {
          var sum = half
          for t in 0..<count {
            sum &+=
              unsafe Int32(ring[starts[t] &+ x])
              &* filter.weights[index &* filter.stride &+ t]
          }
          unsafe output[outputStart &+ x] = byte(sum)
          x &+= 1
        }
      }
    }
  }

  /// A fixed-point sum as a byte, clamped.
  @inline(__always)
  private static func byte(_ sum: Int32) -> UInt8 {
    UInt8(truncatingIfNeeded: min(max(sum &>> BicubicWeights.fractionBits, 0), 255))
  }
}
