import CMartletPlatform

/// Brings buffers of stored floats to `Float` and back, at the speed of memory.
///
/// The loops are plain integer arithmetic that the compiler turns into vectors on every machine; the
/// processor's own half-precision instructions would be no faster than memory. Sources need no
/// alignment. All results are exact where the value fits, and rounded to nearest even where not.
package enum FloatConversion {
  /// bfloat16, 2 bytes each: the upper half of a float.
  package static func floats(fromBFloat16 bytes: RawSpan) -> [Float] {
    convert(bytes, UInt16.self) { Float(bitPattern: UInt32($0) << 16) }
  }

  /// IEEE half precision, 2 bytes each.
  package static func floats(fromFloat16 bytes: RawSpan) -> [Float] {
    convert(bytes, UInt16.self) { widened(float16: $0) }
  }

  /// IEEE single precision, 4 bytes each.
  package static func floats(fromFloat32 bytes: RawSpan) -> [Float] {
    convert(bytes, UInt32.self) { Float(bitPattern: $0) }
  }

  /// IEEE double precision, 8 bytes each, rounded; beyond a float's range they become infinite.
  package static func floats(fromFloat64 bytes: RawSpan) -> [Float] {
    convert(bytes, UInt64.self) { Float(Double(bitPattern: $0)) }
  }

  /// A half as a float: exact, NaN payloads kept.
  ///
  /// The exponent and fraction move up by 13 bits and the exponent's bias grows by 112. Infinities and NaN
  /// need another 112; numbers below the smallest normal half, which have no leading bit, are made by
  /// setting one and subtracting it.
  @inline(__always)
  package static func widened(float16 half: UInt16) -> Float {
    let magnitude = UInt32(half & 0x7FFF) << 13
    let sign = UInt32(half & 0x8000) << 16
    let bias: UInt32 = 112 << 23
    let leading: UInt32 = 113 << 23
    let normal = magnitude &+ bias &+ (magnitude >= 0x1F << 23 ? bias : 0)
    let tiny = Float(bitPattern: magnitude &+ leading) - Float(bitPattern: leading)
    return Float(bitPattern: (magnitude < 1 << 23 ? tiny.bitPattern : normal) | sign)
  }

  /// A float as the nearest bfloat16, ties to even; NaN stays NaN.
  @inline(__always)
  package static func bfloat16(_ value: Float) -> UInt16 {
    let bits = value.bitPattern
    let rounded = bits &+ 0x7FFF &+ (bits >> 16 & 1)
    let quietNaN = bits | 0x40_0000
    return UInt16(truncatingIfNeeded: (value.isNaN ? quietNaN : rounded) >> 16)
  }

  /// A float as the nearest half, ties to even; NaN stays NaN.
  ///
  /// Halves below the smallest normal are rounded by adding a float whose last bit has their last bit's
  /// worth.
  @inline(__always)
  package static func float16(_ value: Float) -> UInt16 {
    let magnitude = value.bitPattern & 0x7FFF_FFFF
    let sign = UInt16(truncatingIfNeeded: value.bitPattern >> 16 & 0x8000)
    let rounder = Float(bitPattern: 126 << 23)
    let tiny = (Float(bitPattern: magnitude) + rounder).bitPattern &- rounder.bitPattern
    let normal = (magnitude &- 112 << 23 &+ 0xFFF &+ (magnitude >> 13 & 1)) >> 13
    var half = magnitude < 113 << 23 ? tiny : normal
    // 65520 and above rounds to infinity.
    half = magnitude >= 0x477F_F000 ? 0x7C00 : half
    half = magnitude > 0x7F80_0000 ? 0x7E00 : half
    return sign | UInt16(truncatingIfNeeded: half)
  }

  /// Floats as bfloat16, 2 bytes each.
  package static func bfloat16Bytes(_ values: [Float]) -> [UInt8] {
    stored(values, UInt16.self) { bfloat16($0) }
  }

  /// Floats as halves, 2 bytes each.
  package static func float16Bytes(_ values: [Float]) -> [UInt8] {
    stored(values, UInt16.self) { float16($0) }
  }

  /// Floats as they are, 4 bytes each.
  package static func float32Bytes(_ values: [Float]) -> [UInt8] {
    stored(values, UInt32.self) { $0.bitPattern }
  }

  /// Floats that fill several large pages.
  private static let largeCount = 2 << 20

  /// Writes into fresh memory: bytes left over at the end of the source are not read.
  @inline(__always)
  private static func convert<Stored: FixedWidthInteger & BitwiseCopyable>(
    _ bytes: RawSpan, _ type: Stored.Type, _ value: (Stored) -> Float
  ) -> [Float] {
    let count = bytes.byteCount / MemoryLayout<Stored>.size
    return unsafe bytes.withUnsafeBytes { source in
      unsafe [Float](unsafeUninitializedCapacity: count) { buffer, filled in
        guard count > 0, let from = source.baseAddress, let to = buffer.baseAddress else { return }
        // Touching fresh pages costs more than converting; large ones cost a tenth.
        if count >= largeCount { unsafe martlet_prefer_large_pages(to, count &* 4) }
        for index in 0..<count {
          // SAFETY: index is below count, which both buffers hold.
          let stored = unsafe from.loadUnaligned(
            fromByteOffset: index &* MemoryLayout<Stored>.size, as: Stored.self)
          unsafe to[index] = value(Stored(littleEndian: stored))
        }
        filled = count
      }
    }
  }

  @inline(__always)
  private static func stored<Stored: FixedWidthInteger & BitwiseCopyable>(
    _ values: [Float], _ type: Stored.Type, _ pattern: (Float) -> Stored
  ) -> [UInt8] {
    let size = MemoryLayout<Stored>.size
    let byteCount = values.count * size
    return unsafe [UInt8](unsafeUninitializedCapacity: byteCount) { buffer, filled in
      guard let to = UnsafeMutableRawPointer(buffer.baseAddress) else { return }
      for index in values.indices {
        // SAFETY: index is below the count for which the buffer was made.
        unsafe to.storeBytes(
          of: pattern(values[index]).littleEndian, toByteOffset: index &* size, as: Stored.self)
      }
      filled = byteCount
    }
  }
}
