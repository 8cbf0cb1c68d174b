// The generator behind every tensor. One of the module's files with pointers.

import MartletBytes

/// Numbers of one stream, any range of them at a time: number `i` is a function of seed, name and `i` alone.
///
/// 64 bits come from a counter by SplitMix64's finalizer (Steele, Lea, Flood, "Fast splittable pseudorandom number
/// generators", 2014); integers make the numbers and one multiplication and addition bring them to size, so they are
/// the same on every machine.
struct RandomStream: Sendable {
  private let key: UInt64

  /// The stream of a name under a seed.
  init(seed: UInt64, name: String) {
    key = Self.mixed(XXH64.checksum(Array(name.utf8), seed: seed) ^ 0x6D61_7274_6C65_7400)
  }

  private static func mixed(_ value: UInt64) -> UInt64 {
    var bits = value
    bits = (bits ^ (bits >> 30)) &* 0xBF58_476D_1CE4_E5B9
    bits = (bits ^ (bits >> 27)) &* 0x94D0_49BB_1331_11EB
    return bits ^ (bits >> 31)
  }

  private func bits(_ index: Int) -> UInt64 {
    Self.mixed(key &+ UInt64(truncatingIfNeeded: index) &* 0x9E37_79B9_7F4A_7C15)
  }

  /// Nearly normal numbers: the sum of four even ones, cut off at 3.46 deviations.
  func normals(_ range: Range<Int>, mean: Float, deviation: Float) -> [Float] {
    // The sum of four integers in 0 … 65535 has mean 131070 and variance 4 (65536² − 1) / 12.
    let factor = deviation * (1 / 37837.226)
    return filled(range) { bits in
      let low = (bits & 0x0000_FFFF_0000_FFFF) &+ (bits >> 16 & 0x0000_FFFF_0000_FFFF)
      let sum = Int32(truncatingIfNeeded: (low >> 32) &+ low & 0xF_FFFF)
      return Float(sum &- 131070) * factor + mean
    }
  }

  /// Evenly distributed numbers.
  func uniforms(_ range: Range<Int>, low: Float, high: Float) -> [Float] {
    let factor = (high - low) * 0x1p-24
    return filled(range) { bits in Float(Int32(truncatingIfNeeded: bits >> 40)) * factor + low }
  }

  /// `[number(key, i) for i in range]`
  @inline(__always)
  private func filled(_ range: Range<Int>, _ number: (UInt64) -> Float) -> [Float] {
    unsafe [Float](unsafeUninitializedCapacity: range.count) { buffer, count in
      for index in 0..<range.count {
        // SAFETY: the capacity is the range's count.
        unsafe buffer[index] = number(bits(range.lowerBound &+ index))
      }
      count = range.count
    }
  }
}
