import MartletBytes

/// What a collector holds, for a run that goes on later.
extension ChannelSums {
  func save(to writer: inout ByteWriter) {
    writer.size(rows)
    for sum in sums { writer.double(sum) }
  }

  mutating func restore(from reader: inout ByteReader) throws(BytesError) {
    rows = try reader.size()
    for channel in sums.indices { sums[channel] = try reader.double() }
  }
}

extension CollectorSet {
  /// All but the numbers of sampled rows.
  func save(to writer: inout ByteWriter) {
    for request in order {
      collector(of: request)?.save(to: &writer)
    }
  }

  /// The rows that changed since the last time.
  func saveRows(to file: RowsFile) throws(BytesError) {
    var offset = 0
    for request in order {
      guard var sample = collector(of: request) as? RowsCollector else { continue }
      try sample.takeChanged { (bytes, place) throws(BytesError) in
        try file.write(bytes, at: offset + place)
      }
      offset += sample.byteLimit
      put(sample, for: request)
    }
  }

  /// - Returns: whether everything was there; if not, collectors are as they were.
  func restore(
    from reader: inout ByteReader, rows file: RowsFile
  ) throws(BytesError) -> Bool {
    var restored: [(StatisticRequest, any Collector)] = []
    var offset = 0
    for request in order {
      guard var collector = collector(of: request) else { return false }
      try collector.restore(from: &reader)
      if var sample = collector as? RowsCollector {
        let bytes = try file.read(sample.byteCount, at: offset)
        if !sample.restore(rows: bytes) { return false }
        offset += sample.byteLimit
        collector = sample
      }
      restored.append((request, collector))
    }
    for (request, collector) in restored { put(collector, for: request) }
    return true
  }
}
