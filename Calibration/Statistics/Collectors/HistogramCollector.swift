import MartletBytes
import MartletReference

/// Counts in bins that grow with the range seen.
struct HistogramCollector: BlockCollector {
  private var bins: BinCounts?

  init(channels: Int) {}

  static func part(of tensor: ReferenceTensor, rows: Range<Int>) -> BinCounts {
    let numbers = tensor.data.span.extracting(elements(tensor, rows))
    var bins = BinCounts(covering: RowLoops.range(numbers))
    bins.count(numbers)
    return bins
  }

  mutating func add(_ part: BinCounts) {
    if bins == nil { bins = part } else { bins?.merge(part) }
  }

  var found: CollectedStatistic {
    guard let bins else { preconditionFailure("a row has been seen") }
    return .histogram(
      Histogram(
        exponent: bins.exponent, first: bins.first, counts: bins.counts,
        minimum: bins.range.lowerBound, maximum: bins.range.upperBound))
  }

  /// Nothing seen is written as a range that is none.
  func save(to writer: inout ByteWriter) {
    writer.float(bins?.range.lowerBound ?? 1)
    writer.float(bins?.range.upperBound ?? 0)
    for count in bins?.counts ?? [] { writer.uint64(count) }
  }

  mutating func restore(from reader: inout ByteReader) throws(BytesError) {
    let (low, high) = (try reader.float(), try reader.float())
    guard low <= high, low.isFinite, high.isFinite else {
      bins = nil
      return
    }
    var bins = BinCounts(covering: low...high)
    try bins.restore(from: &reader)
    self.bins = bins
  }
}

/// Bins of width `2^exponent` from the one of the smallest number to the one of the largest: the finest width with at
/// most `Histogram.binLimit` bins. Which width that is depends on the range alone, not on the way to it.
struct BinCounts: Sendable {
  private(set) var range: ClosedRange<Float>
  private(set) var exponent: Int
  private(set) var first: Int
  private(set) var counts: [UInt64]

  /// Empty bins for numbers of this range.
  init(covering range: ClosedRange<Float>) {
    self.range = range
    exponent = Self.exponent(for: range)
    first = Self.position(range.lowerBound, exponent)
    let last = Self.position(range.upperBound, exponent)
    counts = [UInt64](repeating: 0, count: last - first + 1)
  }

  mutating func restore(from reader: inout ByteReader) throws(BytesError) {
    for bin in counts.indices { counts[bin] = try reader.uint64() }
  }

  /// Counts numbers, all within the range.
  mutating func count(_ numbers: Span<Float>) {
    let perWidth = Self.width(-exponent)
    for index in 0..<numbers.count {
      counts[Self.floor(Double(numbers[index]) * perWidth) - first] += 1
    }
  }

  /// Adds the counts of others; both sides are widened to the common bins first.
  mutating func merge(_ other: BinCounts) {
    var union = BinCounts(
      covering: min(
        range.lowerBound, other.range.lowerBound)...max(
          range.upperBound, other.range.upperBound))
    union.take(self)
    union.take(other)
    self = union
  }

  /// Bin `p` of width w lies inside bin `p >> n` of width `2ⁿ w`.
  private mutating func take(_ other: BinCounts) {
    let steps = exponent - other.exponent
    for (index, count) in other.counts.enumerated() {
      counts[((other.first + index) >> steps) - first] += count
    }
  }

  private static func exponent(for range: ClosedRange<Float>) -> Int {
    let (low, high) = (Double(range.lowerBound), Double(range.upperBound))
    // Positions stay far inside Int, also where the range is narrow and far from zero.
    let magnitude = max(abs(low), abs(high))
    var exponent = max(magnitude == 0 ? -149 : Int(magnitude.exponent) - 40, -149)
    if high > low { exponent = max(exponent, Int((high - low).exponent) - 12) }
    while position(range.upperBound, exponent) - position(range.lowerBound, exponent)
      >= Histogram.binLimit
    {
      exponent += 1
    }
    return exponent
  }

  private static func position(_ number: Float, _ exponent: Int) -> Int {
    floor(Double(number) * width(-exponent))
  }

  private static func width(_ exponent: Int) -> Double {
    Double(sign: .plus, exponent: exponent, significand: 1)
  }

  /// Rounded down; `Double.rounded` is a call into libm on plain x86-64.
  private static func floor(_ number: Double) -> Int {
    let towardZero = Int(number)
    return Double(towardZero) > number ? towardZero - 1 : towardZero
  }
}
