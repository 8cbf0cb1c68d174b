/// Random numbers that are the same in every run and on every machine (SplitMix64).
package struct SeededGenerator: RandomNumberGenerator, Sendable {
  private var state: UInt64

  package init(seed: UInt64) { state = seed }

  package mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var value = state
    value = (value ^ value >> 30) &* 0xBF58_476D_1CE4_E5B9
    value = (value ^ value >> 27) &* 0x94D0_49BB_1331_11EB
    return value ^ value >> 31
  }

  /// An integer in the range.
  package mutating func int(in range: ClosedRange<Int>) -> Int {
    // Of 64 bits on every machine, so that all draw the same.
    Int(Int64.random(in: Int64(range.lowerBound)...Int64(range.upperBound), using: &self))
  }

  /// Evenly distributed.
  package mutating func float(in range: ClosedRange<Float> = -1...1) -> Float {
    let unit = Float(next() >> 40) / Float(1 << 24)
    return range.lowerBound + unit * (range.upperBound - range.lowerBound)
  }

  package mutating func floats(_ count: Int, in range: ClosedRange<Float> = -1...1) -> [Float] {
    var values: [Float] = []
    values.reserveCapacity(count)
    for _ in 0..<count { values.append(float(in: range)) }
    return values
  }

  /// Nearly normal with mean 0 and variance 1: the sum of 12 even numbers, without any table or logarithm.
  package mutating func normal() -> Float {
    var sum: Float = -6
    for _ in 0..<12 { sum += Float(next() >> 40) / Float(1 << 24) }
    return sum
  }

  package mutating func normals(_ count: Int, deviation: Float = 1) -> [Float] {
    var values: [Float] = []
    values.reserveCapacity(count)
    for _ in 0..<count { values.append(normal() * deviation) }
    return values
  }

  package mutating func bytes(_ count: Int) -> [UInt8] {
    var values: [UInt8] = []
    values.reserveCapacity(count)
    for _ in 0..<count { values.append(UInt8(truncatingIfNeeded: next())) }
    return values
  }
}
