/// Sums over some rows, one a channel.
struct ChannelSums: Sendable {
  var sums: [Double]
  var rows: Int

  init(sums: [Double], rows: Int) {
    self.sums = sums
    self.rows = rows
  }

  init(channels: Int) { self.init(sums: [Double](repeating: 0, count: channels), rows: 0) }

  mutating func add(_ part: ChannelSums) {
    for c in sums.indices { sums[c] += part.sums[c] }
    rows += part.rows
  }

  var means: [Float] { sums.map { Float($0 / Double(rows)) } }
}
