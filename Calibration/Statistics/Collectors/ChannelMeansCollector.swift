import MartletReference

/// `Σ x / rows` per channel, summed in double precision.
struct ChannelMeansCollector: BlockCollector {
  private var sums: [Double]
  private var rows = 0

  init(channels: Int) { sums = [Double](repeating: 0, count: channels) }

  static func part(of tensor: ReferenceTensor, rows: Range<Int>) -> ChannelSums {
    var sums = [Double](repeating: 0, count: tensor.channels)
    for row in rows {
      RowLoops.add(tensor.data.span.extracting(elements(tensor, row..<row + 1)), to: &sums)
    }
    return ChannelSums(sums: sums, rows: rows.count)
  }

  mutating func add(_ part: ChannelSums) {
    for c in sums.indices { sums[c] += part.sums[c] }
    rows += part.rows
  }

  var found: CollectedStatistic { .channelMeans(sums.map { Float($0 / Double(rows)) }) }
}

/// Sums over some rows.
struct ChannelSums: Sendable {
  var sums: [Double]
  var rows: Int
}
