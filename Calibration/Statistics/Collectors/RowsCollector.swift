import MartletBytes
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
  /// Places written since `takeChanged` was asked the last time.
  private var changed: Set<Int> = []

  init(channels: Int, limit: Int) {
    self.channels = channels
    self.limit = limit
  }

  /// Whether changed places are remembered.
  var keepsTrack = false

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
    if keepsTrack { changed.insert(place) }
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

  // MARK: On disk: each row its scale and its numbers, row after row

  private var rowBytes: Int { 4 + 2 * channels }
  /// Bytes of the rows there are.
  var byteCount: Int { scales.count * rowBytes }
  /// Bytes of as many rows as there can be.
  var byteLimit: Int { limit * rowBytes }

  /// Bytes that are handed over at a time: a sample of wide rows has 50 MB, which are not copied at once.
  private static let partBytes = 1 << 20

  /// Hands over the rows that changed since the last call, neighbors together.
  mutating func takeChanged<E: Error>(
    _ write: (_ bytes: [UInt8], _ offset: Int) throws(E) -> Void
  ) throws(E) {
    var writer = ByteWriter()
    var (first, next) = (0, -1)
    for place in changed.sorted() {
      if writer.count > 0, place != next || writer.count >= Self.partBytes {
        try write(writer.bytes, first * rowBytes)
        writer = ByteWriter()
      }
      if writer.count == 0 { first = place }
      writer.float(scales[place])
      for index in place * channels..<(place + 1) * channels {
        writer.uint16(numbers[index].bitPattern)
      }
      next = place + 1
    }
    if writer.count > 0 { try write(writer.bytes, first * rowBytes) }
    changed = []
  }

  func save(to writer: inout ByteWriter) {
    writer.size(seen)
    writer.uint64(generator)
    writer.size(scales.count)
  }

  /// Room for the rows; `restore(rows:)` fills it.
  mutating func restore(from reader: inout ByteReader) throws(BytesError) {
    seen = try reader.size()
    generator = try reader.uint64()
    let count = try reader.size(limit: limit)
    scales = [Float](repeating: 0, count: count)
    numbers = [Float16](repeating: 0, count: count * channels)
  }

  /// - Returns: whether the bytes are rows of a sample.
  mutating func restore(rows bytes: [UInt8]) -> Bool {
    if bytes.count != byteCount { return false }
    // SAFETY: bytes have no padding.
    var reader = ByteReader(unsafe bytes.span.bytes, source: "")
    do throws(BytesError) {
      for row in scales.indices {
        scales[row] = try reader.float()
        if !scales[row].isFinite { return false }
        for index in row * channels..<(row + 1) * channels {
          numbers[index] = Float16(bitPattern: try reader.uint16())
          if !(abs(numbers[index]) <= 1) { return false }
        }
      }
    } catch { return false }
    return true
  }

  var found: CollectedStatistic {
    .rows(RowSample(channels: channels, scales: scales, numbers: numbers))
  }
}
