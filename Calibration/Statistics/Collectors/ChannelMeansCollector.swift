import MartletBytes
import MartletReference

/// `Σ x / rows` per channel, summed in double precision.
struct ChannelMeansCollector: BlockCollector {
  private var seen: ChannelSums

  init(channels: Int) {
    seen = ChannelSums(sums: [Double](repeating: 0, count: channels), rows: 0)
  }

  static func part(of tensor: ReferenceTensor, rows: Range<Int>) -> ChannelSums {
    var sums = [Double](repeating: 0, count: tensor.channels)
    for row in rows {
      RowLoops.add(tensor.data.span.extracting(elements(tensor, row..<row + 1)), to: &sums)
    }
    return ChannelSums(sums: sums, rows: rows.count)
  }

  mutating func add(_ part: ChannelSums) {
    for c in seen.sums.indices { seen.sums[c] += part.sums[c] }
    seen.rows += part.rows
  }

  var found: CollectedStatistic {
    .channelMeans(seen.sums.map { Float($0 / Double(seen.rows)) })
  }

  func save(to writer: inout ByteWriter) { seen.save(to: &writer) }

  mutating func restore(from reader: inout ByteReader) throws(BytesError) {
    try seen.restore(from: &reader)
  }
}

/// Sums over some rows.
struct ChannelSums: Sendable {
  var sums: [Double]
  var rows: Int
}
