import MartletModel

/// Places values, and what regions work in, in one block of memory by their lifetimes, in regions.
///
/// Largest first, each at the lowest offset where no value alive at the same time lies. Not optimal, close to
/// it for networks that are chains, and cheap: a network has a few hundred values.
package struct ArenaLayout: Equatable, Sendable {
  package static let alignment = 64

  /// Offset in bytes of every value; −1 for values that are never written to memory.
  package private(set) var offsets: [Int]
  package private(set) var byteCount: Int

  struct Lifetime {
    /// Index of the value; working memory is counted on from the last value.
    var value: Int
    var byteCount: Int
    /// First and last region, both included.
    var first: Int
    var last: Int
  }

  init(lifetimes: [Lifetime], valueCount: Int) {
    offsets = [Int](repeating: -1, count: valueCount)
    byteCount = 0
    var placed: [Lifetime] = []
    let bySize = lifetimes.sorted {
      $0.byteCount != $1.byteCount ? $0.byteCount > $1.byteCount : $0.value < $1.value
    }
    for lifetime in bySize {
      var offset = 0
      let neighbors = placed.filter { $0.first <= lifetime.last && lifetime.first <= $0.last }
        .sorted { offsets[$0.value] < offsets[$1.value] }
      for other in neighbors {
        let start = offsets[other.value]
        if offset + lifetime.byteCount <= start { break }
        offset = max(offset, start + Self.aligned(other.byteCount))
      }
      offsets[lifetime.value] = offset
      placed.append(lifetime)
      byteCount = max(byteCount, offset + Self.aligned(lifetime.byteCount))
    }
  }

  /// The size rounded up to whole cache lines.
  package static func aligned(_ bytes: Int) -> Int {
    (bytes + alignment - 1) / alignment * alignment
  }
}
