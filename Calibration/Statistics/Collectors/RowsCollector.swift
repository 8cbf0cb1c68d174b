import MartletReference

/// A sample of rows by Vitter's algorithm R (ACM TOMS 11, 1985): the first rows fill it, row `t` then replaces a random
/// one with probability `limit / t`. The generator is the collector's own, so the same rows give the same sample.
struct RowsCollector: Collector {
  private let channels: Int
  private let limit: Int
  private var seen = 0
  private var generator: UInt64 = 0x9E37_79B9_7F4A_7C15
  private var scales: [Float] = []
  private var numbers: [Float16] = []

  init(channels: Int, limit: Int) {
    self.channels = channels
    self.limit = limit
  }

  mutating func add(_ tensor: ReferenceTensor, _ parallel: Parallel) {
    for row in 0..<tensor.rows {
      seen += 1
      if scales.count < limit {
        scales.append(0)
        numbers.append(contentsOf: repeatElement(0, count: channels))
        put(tensor.row(row), at: scales.count - 1)
      } else {
        let place = Int(truncatingIfNeeded: random(below: UInt64(seen)))
        if place < limit { put(tensor.row(row), at: place) }
      }
    }
  }

  private mutating func put(_ row: ArraySlice<Float>, at place: Int) {
    var largest: Float = 0
    for number in row { largest = max(largest, abs(number)) }
    scales[place] = largest
    // A subnormal divisor has no reciprocal worth keeping.
    let divisor = largest.isNormal ? largest : 1
    for (channel, number) in row.enumerated() {
      numbers[place * channels + channel] = Float16(number / divisor)
    }
  }

  /// xorshift64* (Vigna, arXiv 1402.6246), its high bits scaled to the range.
  private mutating func random(below bound: UInt64) -> UInt64 {
    generator ^= generator >> 12
    generator ^= generator << 25
    generator ^= generator >> 27
    return (generator &* 0x2545_F491_4F6C_DD1D).multipliedFullWidth(by: bound).high
  }

  var found: CollectedStatistic {
    .rows(RowSample(channels: channels, scales: scales, numbers: numbers))
  }
}
