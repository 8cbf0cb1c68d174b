import MartletModel

/// Finds the merge of two neighbors.
///
/// Open addressing over ranks, so that the whole table is the merges themselves plus four bytes a slot.
struct MergeTable: Sendable {
  /// Stands for "these two do not merge"; larger than every rank.
  static let none = Int32.max

  private let merges: [TokenizerSpecification.Merge]
  /// Ranks, `none` in free slots; a power of two, at most two thirds full.
  private var slots: [Int32]
  /// Odd and different in each process where the platform has randomness, so that no file can be written to
  /// make every pair collide.
  private let seed = UInt64(truncatingIfNeeded: Hasher().finalize()) | 1

  init(
    _ merges: [TokenizerSpecification.Merge], tokens: [[UInt8]]
  ) throws(TextError) {
    self.merges = merges
    var slotCount = 16
    while slotCount / 3 * 2 < merges.count { slotCount *= 2 }
    slots = [Int32](repeating: Self.none, count: slotCount)
    for rank in merges.indices {
      try Self.check(merges[rank], rank: rank, tokens: tokens)
      try insert(rank)
    }
  }

  /// The token that the merge of this rank yields.
  func result(_ rank: Int32) -> Int32 { merges[Int(rank)].result }

  /// The rank at which these two merge, or `none`.
  func rank(_ left: Int32, _ right: Int32) -> Int32 {
    var slot = firstSlot(left, right)
    while true {
      let rank = slots[slot]
      if rank == Self.none { return rank }
      let merge = merges[Int(rank)]
      if merge.left == left, merge.right == right { return rank }
      slot = (slot + 1) & (slots.count - 1)
    }
  }

  private mutating func insert(_ rank: Int) throws(TextError) {
    let merge = merges[rank]
    var slot = firstSlot(merge.left, merge.right)
    while slots[slot] != Self.none {
      let other = merges[Int(slots[slot])]
      if other.left == merge.left, other.right == merge.right {
        throw .duplicateMerge(firstRank: Int(slots[slot]), secondRank: rank)
      }
      slot = (slot + 1) & (slots.count - 1)
    }
    slots[slot] = Int32(rank)
  }

  private func firstSlot(_ left: Int32, _ right: Int32) -> Int {
    var hash = UInt64(UInt32(bitPattern: left)) << 32 | UInt64(UInt32(bitPattern: right))
    hash ^= hash >> 29
    hash = hash &* seed
    hash ^= hash >> 32
    hash = hash &* 0x9E37_79B9_7F4A_7C15
    return Int(truncatingIfNeeded: hash >> 33) & (slots.count - 1)
  }

  /// A merge joins two tokens into the token of their bytes; this also bounds the number of merges by the
  /// vocabulary, and makes longer tokens come from shorter ones only.
  private static func check(
    _ merge: TokenizerSpecification.Merge, rank: Int, tokens: [[UInt8]]
  ) throws(TextError) {
    for id in [merge.left, merge.right, merge.result] {
      if id < 0 || Int(id) >= tokens.count || tokens[Int(id)].isEmpty {
        throw .mergeUnknownID(rank: rank, id: Int(id))
      }
    }
    let left = tokens[Int(merge.left)]
    let right = tokens[Int(merge.right)]
    let result = tokens[Int(merge.result)]
    guard result.count == left.count + right.count, result.starts(with: left),
      result[left.count...].elementsEqual(right)
    else {
      throw .mergeMismatch(
        rank: rank, left: Int(merge.left), right: Int(merge.right), result: Int(merge.result))
    }
  }
}
