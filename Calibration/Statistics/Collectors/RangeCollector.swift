import MartletBytes
import MartletReference

/// Smallest and largest number.
struct RangeCollector: BlockCollector {
  private var range: ClosedRange<Float>?

  init(channels: Int) {}

  static func part(of tensor: ReferenceTensor, rows: Range<Int>) -> ClosedRange<Float> {
    RowLoops.range(tensor.data.span.extracting(elements(tensor, rows)))
  }

  mutating func add(_ part: ClosedRange<Float>) {
    guard let seen = range else {
      range = part
      return
    }
    range = min(seen.lowerBound, part.lowerBound)...max(seen.upperBound, part.upperBound)
  }

  var found: CollectedStatistic {
    let range = range ?? 0...0
    return .range(minimum: range.lowerBound, maximum: range.upperBound)
  }

  /// Nothing seen is written as a range that is none.
  func save(to writer: inout ByteWriter) {
    writer.float(range?.lowerBound ?? 1)
    writer.float(range?.upperBound ?? 0)
  }

  mutating func restore(from reader: inout ByteReader) throws(BytesError) {
    let (low, high) = (try reader.float(), try reader.float())
    range = low <= high ? low...high : nil
  }
}

/// The elements of some rows.
func elements(_ tensor: ReferenceTensor, _ rows: Range<Int>) -> Range<Int> {
  rows.lowerBound * tensor.channels..<rows.upperBound * tensor.channels
}
