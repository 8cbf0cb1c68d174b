/// Byte-pair encoding of one word: the neighbors of lowest rank merge first, the leftmost of equals, until no two
/// neighbors merge.
///
/// Owns its scratch space, so that the words of a text share it.
struct PairMerger {
  /// Up to this many bytes, searching all ranks again after each merge beats keeping a heap.
  private static let shortWord = 48

  private let byteIDs: [Int32]
  private let merges: MergeTable
  /// The token that starts at each position; meaningless where a merge has swallowed the position.
  private var symbols: [Int32] = []
  /// The rank at which the symbol of a position merges with the one after it.
  private var ranks: [Int32] = []
  private var next: [Int] = []
  private var previous: [Int] = []
  private var heap = CandidateHeap()

  init(byteIDs: [Int32], merges: MergeTable) {
    self.byteIDs = byteIDs
    self.merges = merges
  }

  /// Appends the ids of the word `bytes[word]`.
  mutating func append(_ bytes: [UInt8], _ word: Range<Int>, to ids: inout [Int]) {
    symbols.removeAll(keepingCapacity: true)
    for position in word { symbols.append(byteIDs[Int(bytes[position])]) }
    merge(to: &ids)
  }

  /// Appends the ids of a word given as symbols.
  mutating func append(_ word: [Int32], to ids: inout [Int]) {
    symbols = word
    merge(to: &ids)
  }

  private mutating func merge(to ids: inout [Int]) {
    ranks.removeAll(keepingCapacity: true)
    for position in symbols.indices.dropLast() {
      ranks.append(merges.rank(symbols[position], symbols[position + 1]))
    }
    if symbols.count <= Self.shortWord {
      mergeShort()
      for symbol in symbols { ids.append(Int(symbol)) }
    } else {
      mergeLong()
      var position = 0
      while position < symbols.count {
        ids.append(Int(symbols[position]))
        position = next[position]
      }
    }
  }

  private mutating func mergeShort() {
    while true {
      var best = MergeTable.none
      var position = 0
      for index in ranks.indices where ranks[index] < best {
        best = ranks[index]
        position = index
      }
      if best == MergeTable.none { return }
      symbols[position] = merges.result(best)
      symbols.remove(at: position + 1)
      ranks.remove(at: position)
      if position < ranks.count {
        ranks[position] = merges.rank(symbols[position], symbols[position + 1])
      }
      if position > 0 {
        ranks[position - 1] = merges.rank(symbols[position - 1], symbols[position])
      }
    }
  }

  /// The same by a linked list of positions and a heap of candidates. A candidate is stale, and passed over, once
  /// its position's rank has changed.
  private mutating func mergeLong() {
    let count = symbols.count
    ranks.append(MergeTable.none)
    next.removeAll(keepingCapacity: true)
    previous.removeAll(keepingCapacity: true)
    heap.removeAll()
    for position in 0..<count {
      next.append(position + 1)
      previous.append(position - 1)
      if ranks[position] != MergeTable.none {
        heap.insert(.init(rank: ranks[position], position: position))
      }
    }
    while let candidate = heap.removeFirst() {
      let position = candidate.position
      if ranks[position] != candidate.rank { continue }
      let swallowed = next[position]
      symbols[position] = merges.result(candidate.rank)
      ranks[swallowed] = MergeTable.none
      next[position] = next[swallowed]
      if next[position] < count { previous[next[position]] = position }
      rank(position)
      if previous[position] >= 0 { rank(previous[position]) }
    }
  }

  /// Looks up a position's merge anew and makes it a candidate.
  private mutating func rank(_ position: Int) {
    let following = next[position]
    ranks[position] =
      following < symbols.count
      ? merges.rank(symbols[position], symbols[following]) : MergeTable.none
    if ranks[position] != MergeTable.none {
      heap.insert(.init(rank: ranks[position], position: position))
    }
  }
}

/// A binary heap of possible merges, lowest rank and then leftmost position first.
private struct CandidateHeap {
  struct Candidate {
    var rank: Int32
    var position: Int

    func precedes(_ other: Candidate) -> Bool {
      rank < other.rank || (rank == other.rank && position < other.position)
    }
  }

  private var items: [Candidate] = []

  mutating func removeAll() { items.removeAll(keepingCapacity: true) }

  mutating func insert(_ candidate: Candidate) {
    items.append(candidate)
    var child = items.count - 1
    while child > 0 {
      let parent = (child - 1) / 2
      if !items[child].precedes(items[parent]) { return }
      items.swapAt(child, parent)
      child = parent
    }
  }

  mutating func removeFirst() -> Candidate? {
    guard let first = items.first, let last = items.popLast() else { return nil }
    if items.isEmpty { return first }
    items[0] = last
    var parent = 0
    while true {
      var child = 2 * parent + 1
      if child >= items.count { return first }
      if child + 1 < items.count, items[child + 1].precedes(items[child]) { child += 1 }
      if !items[child].precedes(items[parent]) { return first }
      items.swapAt(child, parent)
      parent = child
    }
  }
}
