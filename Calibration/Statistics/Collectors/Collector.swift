import MartletBytes
import MartletReference
import Synchronization

/// Gathers one statistic of one value over any number of tensors, in constant memory.
protocol Collector: Sendable {
  /// Adds all rows of a tensor.
  mutating func add(_ tensor: ReferenceTensor, _ parallel: Parallel)
  /// What was found; at least one row has been seen.
  var found: CollectedStatistic { get }
  /// All it holds, for a run that goes on later; sampled rows keep their numbers elsewhere.
  func save(to writer: inout ByteWriter)
  /// What `save` wrote of a collector of as many channels.
  mutating func restore(from reader: inout ByteReader) throws(BytesError)
}

/// A collector whose blocks of rows can be looked at side by side.
protocol BlockCollector: Collector {
  /// What a block of rows contributes.
  associatedtype Part: Sendable

  /// Nothing seen yet, for a value of this many channels.
  init(channels: Int)
  /// The contribution of some rows; a pure function, called from several threads at once.
  static func part(of tensor: ReferenceTensor, rows: Range<Int>) -> Part
  /// Adds a contribution; blocks are added in order, so that sums are the same in every run.
  mutating func add(_ part: Part)
}

extension BlockCollector {
  /// Numbers in a block. Fixed: a block per thread would make sums depend on the number of threads.
  private static var blockSize: Int { 1 << 18 }

  mutating func add(_ tensor: ReferenceTensor, _ parallel: Parallel) {
    let blockRows = max(1, Self.blockSize / tensor.channels)
    let blocks = (tensor.rows + blockRows - 1) / blockRows
    let parts = Mutex([Part?](repeating: nil, count: blocks))
    parallel.ranges(rows: blocks) { range in
      for block in range {
        let rows = block * blockRows..<min((block + 1) * blockRows, tensor.rows)
        let part = Self.part(of: tensor, rows: rows)
        parts.withLock { $0[block] = part }
      }
    }
    for part in parts.withLock({ $0 }) {
      if let part { add(part) }
    }
  }
}

extension Statistic {
  /// The collector of this statistic.
  /// - Parameter rowLimit: most rows of a sample.
  func collector(channels: Int, rowLimit: Int) -> any Collector {
    switch self {
    case .range: RangeCollector(channels: channels)
    case .channelMeans: ChannelMeansCollector(channels: channels)
    case .secondMoments: SecondMomentsCollector(channels: channels)
    case .channelMaxima: ChannelMaximaCollector(channels: channels)
    case .histogram: HistogramCollector(channels: channels)
    case .rows: RowsCollector(channels: channels, limit: rowLimit)
    }
  }
}
