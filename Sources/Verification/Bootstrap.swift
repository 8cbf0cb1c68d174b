/// Where a number lies with 95 % confidence.
package struct Interval: Equatable, Sendable {
  package var low: Double
  package var high: Double

  package init(low: Double, high: Double) {
    self.low = low
    self.high = high
  }
}

/// Intervals of both scores and of what lies between them.
package struct ScoreIntervals: Equatable, Sendable {
  package var reference: Interval
  package var packed: Interval
  package var drop: Interval
}

/// Confidence intervals by drawing the pictures again, with replacement (Efron 1979; percentile intervals).
///
/// Drawn are pictures, each with all its questions, since questions about one picture are not independent; and both
/// models' answers together, so that the drop is a paired difference. A draw takes as many pictures as there are, from
/// SplitMix64 with the given seed: picture `⌊x n / 2⁶⁴⌋` for each 64-bit number x. The bounds are the values of the
/// nearest ranks of 2.5 % and 97.5 % of all draws. The same pictures and seed give the same bounds on every machine.
package struct Bootstrap: Equatable, Sendable {
  /// Bounds of 95 % confidence.
  package static let shares = (low: 0.025, high: 0.975)

  package var resamples: Int
  package var seed: UInt64

  package init(resamples: Int = 2000, seed: UInt64 = 0) {
    self.resamples = resamples
    self.seed = seed
  }

  /// - Parameter pictures: the score of each picture that has one, in order.
  package func measured(_ pictures: [TaskScore]) -> MeasuredScore {
    var whole = TaskScore()
    for picture in pictures { whole.add(picture) }
    var reference: [Double] = []
    var packed: [Double] = []
    var drop: [Double] = []
    var generator = SplitMix64(state: seed)
    for _ in 0..<(pictures.isEmpty ? 0 : resamples) {
      var (count, right, packedRight) = (0, 0, 0)
      for _ in pictures.indices {
        let place = generator.next().multipliedFullWidth(by: UInt64(pictures.count)).high
        let picture = pictures[Int(place)]
        count += picture.count
        right += picture.referenceRight
        packedRight += picture.packedRight
      }
      let all = Double(max(1, count))
      reference.append(Double(right) / all)
      packed.append(Double(packedRight) / all)
      drop.append(Double(right - packedRight) / all)
    }
    return MeasuredScore(
      score: whole,
      intervals: ScoreIntervals(
        reference: Self.interval(reference), packed: Self.interval(packed),
        drop: Self.interval(drop)))
  }

  private static func interval(_ values: [Double]) -> Interval {
    let distribution = Distribution(values)
    return Interval(
      low: distribution.percentile(shares.low), high: distribution.percentile(shares.high))
  }
}

/// Steele, Lea, Flood, "Fast splittable pseudorandom number generators" (2014).
private struct SplitMix64 {
  var state: UInt64

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var value = state
    value = (value ^ value >> 30) &* 0xBF58_476D_1CE4_E5B9
    value = (value ^ value >> 27) &* 0x94D0_49BB_1331_11EB
    return value ^ value >> 31
  }
}
