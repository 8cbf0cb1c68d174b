/// Members in the order they were written, found by key in constant time.
///
/// Keys are equal when their bytes are: `é` in one scalar and in two are different keys, as everywhere
/// outside Swift.
package struct JSONObject: Equatable, Sendable {
  package private(set) var members: [(key: String, value: JSONValue)] = []

  /// Open addressing over a power of two of slots, at most half of them used: the upper half of a key's
  /// hash, which says where the slot belongs, and its position plus one; or 0. Empty while comparing the few members one by one is faster.
  private var slots: [UInt64] = []
  /// Differs from run to run, so that no file can be made of colliding keys.
  private var seed: UInt64 = 0
  private static let linearLimit = 8

  package init() {}

  package var count: Int { members.count }
  package var isEmpty: Bool { members.isEmpty }

  package subscript(key: String) -> JSONValue? {
    if slots.isEmpty {
      for member in members where Self.haveEqualBytes(member.key, key) { return member.value }
      return nil
    }
    guard case .taken(let position) = find(key, hash(key)) else { return nil }
    return members[position].value
  }

  /// Appends a member; `false`, and nothing done, when the key stands here already.
  package mutating func append(_ key: String, _ value: JSONValue) -> Bool {
    if slots.isEmpty {
      for member in members where Self.haveEqualBytes(member.key, key) { return false }
    }
    if members.count >= Self.linearLimit {
      if 2 * (members.count + 1) > slots.count { grow() }
      let hash = hash(key)
      guard case .free(let slot) = find(key, hash) else { return false }
      slots[slot] = Self.entry(hash, members.count)
    }
    members.append((key, value))
    return true
  }

  /// Equal when the members are, in order.
  package static func == (left: JSONObject, right: JSONObject) -> Bool {
    left.members.elementsEqual(right.members) { $0.key == $1.key && $0.value == $1.value }
  }

  // MARK: The table

  private enum Place {
    /// The key is at this position in `members`.
    case taken(position: Int)
    /// The key is nowhere; this slot would be its own.
    case free(slot: Int)
  }

  private func find(_ key: String, _ hash: UInt64) -> Place {
    let mask = slots.count - 1
    var slot = Int(truncatingIfNeeded: hash >> 32) & mask
    while slots[slot] != 0 {
      if slots[slot] >> 32 == hash >> 32 {
        let position = Int(slots[slot] & 0xFFFF_FFFF) - 1
        if Self.haveEqualBytes(members[position].key, key) { return .taken(position: position) }
      }
      slot = (slot + 1) & mask
    }
    return .free(slot: slot)
  }

  private static func entry(_ hash: UInt64, _ position: Int) -> UInt64 {
    (hash & 0xFFFF_FFFF_0000_0000) | UInt64(UInt32(position + 1))
  }

  /// Makes room; a slot tells by itself where it belongs.
  private mutating func grow() {
    let isFirst = slots.isEmpty
    var entries = slots
    if isFirst {
      seed = UInt64(MonotonicClock.nanoseconds)
      for (position, member) in members.enumerated() {
        entries.append(Self.entry(hash(member.key), position))
      }
    }
    slots = [UInt64](repeating: 0, count: isFirst ? 32 : 4 * slots.count)
    let mask = slots.count - 1
    for entry in entries where entry != 0 {
      var slot = Int(truncatingIfNeeded: entry >> 32) & mask
      while slots[slot] != 0 { slot = (slot + 1) & mask }
      slots[slot] = entry
    }
  }

  private func hash(_ key: String) -> UInt64 {
    let seed = seed
    // SAFETY: the bytes are only read during the call.
    let hash = unsafe key.utf8.withContiguousStorageIfAvailable { bytes in
      unsafe XXH64.checksum(UnsafeRawBufferPointer(bytes), seed: seed)
    }
    return hash ?? XXH64.checksum(Array(key.utf8), seed: seed)
  }

  private static func haveEqualBytes(_ left: String, _ right: String) -> Bool {
    if left.utf8.count != right.utf8.count { return false }
    // SAFETY: the bytes are only read during the calls.
    let equal: Bool?? = unsafe left.utf8.withContiguousStorageIfAvailable { left in
      unsafe right.utf8.withContiguousStorageIfAvailable { right in
        for index in 0..<left.count where unsafe left[index] != right[index] { return false }
        return true
      }
    }
    if case .some(.some(let equal)) = equal { return equal }
    return left.utf8.elementsEqual(right.utf8)
  }
}
