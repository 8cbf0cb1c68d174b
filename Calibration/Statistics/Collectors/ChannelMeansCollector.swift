import MartletBytes
import MartletReference

/// `Σ x / rows` per channel, summed in double precision.
struct ChannelMeansCollector: BlockCollector {
  private var seen: ChannelSums

  init(channels: Int) {
    seen = ChannelSums(channels: channels)
  }

  static func part(of tensor: ReferenceTensor, rows: Range<Int>) -> ChannelSums {
    var sums = [Double](repeating: 0, count: tensor.channels)
    for row in rows {
      RowLoops.add(tensor.data.span.extracting(elements(tensor, row..<row + 1)), to: &sums)
    }
    return ChannelSums(sums: sums, rows: rows.count)
  }

  mutating func add(_ part: ChannelSums) { seen.add(part) }

  var found: CollectedStatistic {
    .channelMeans(seen.means)
  }

  func save(to writer: inout ByteWriter) { seen.save(to: &writer) }

  mutating func restore(from reader: inout ByteReader) throws(BytesError) {
    try seen.restore(from: &reader)
  }
}
