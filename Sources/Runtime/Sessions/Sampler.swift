/// Chooses the next token from logits.
///
/// Temperature 0 takes the largest logit, the lowest id among equals. Above 0 it samples from
/// `softmax(logits / temperature)` with its own generator, so that a seed gives the same text everywhere.
package struct Sampler: Sendable {
  package var temperature: Float
  private var state: UInt64

  package init(temperature: Float, seed: UInt64) {
    self.temperature = temperature
    state = seed
  }

  /// The chosen id. Logits that are not finite never win; with none finite the answer is 0.
  package mutating func next(_ logits: Span<Float>) -> Int {
    let best = Self.largest(logits)
    if temperature <= 0 { return best }
    let highest = logits[best]
    var total = 0.0
    for index in logits.indices { total += weight(logits[index], highest) }
    var remaining = unitInterval() * total
    for index in logits.indices {
      remaining -= weight(logits[index], highest)
      if remaining < 0 { return index }
    }
    return best
  }

  private static func largest(_ logits: Span<Float>) -> Int {
    var best = 0
    var value = -Float.infinity
    for index in logits.indices where logits[index] > value {
      best = index
      value = logits[index]
    }
    return best
  }

  private func weight(_ logit: Float, _ highest: Float) -> Double {
    let difference = Double(logit - highest) / Double(temperature)
    // Below e^-50 a token is never drawn; NaN fails the comparison and weighs nothing.
    return difference > -50 ? martletExponential(difference) : 0
  }

  /// Uniform in [0, 1): SplitMix64 (Steele, Lea, Flood, "Fast splittable pseudorandom number generators", 2014).
  private mutating func unitInterval() -> Double {
    state &+= 0x9E37_79B9_7F4A_7C15
    var bits = state
    bits = (bits ^ (bits >> 30)) &* 0xBF58_476D_1CE4_E5B9
    bits = (bits ^ (bits >> 27)) &* 0x94D0_49BB_1331_11EB
    bits ^= bits >> 31
    return Double(bits >> 11) * 0x1p-53
  }
}

/// e^x for x in −50…0 by argument reduction and a Taylor series, to about 1e-15 relative: the same on every
/// machine, and no libm needed in Embedded Swift.
private func martletExponential(_ x: Double) -> Double {
  let n = (x * 1.4426950408889634).rounded()
  let r = x - n * 0.6931471805599453
  var term = 1.0
  var sum = 1.0
  for k in 1...14 {
    term *= r / Double(k)
    sum += term
  }
  return sum * Double(sign: .plus, exponent: Int(n), significand: 1)
}
