/// The 64-bit xxHash: a fast checksum against damage, not against intent.
///
/// Defined by xxHash's specification (Cyan4973/xxHash, doc/xxhash_spec.md, section "XXH64").
package enum XXH64 {
  static let prime1: UInt64 = 0x9E37_79B1_85EB_CA87
  static let prime2: UInt64 = 0xC2B2_AE3D_27D4_EB4F
  static let prime3: UInt64 = 0x1656_67B1_9E37_79F9
  static let prime4: UInt64 = 0x85EB_CA77_C2B2_AE63
  static let prime5: UInt64 = 0x27D4_EB2F_1656_67C5

  /// The checksum of bytes.
  package static func checksum(_ bytes: RawSpan, seed: UInt64 = 0) -> UInt64 {
    // SAFETY: the buffer is only read during the call.
    unsafe bytes.withUnsafeBytes { unsafe checksum($0, seed: seed) }
  }

  /// The checksum of bytes.
  package static func checksum(_ bytes: [UInt8], seed: UInt64 = 0) -> UInt64 {
    // SAFETY: the buffer is only read during the call.
    unsafe bytes.withUnsafeBytes { unsafe checksum($0, seed: seed) }
  }

  static func checksum(_ bytes: UnsafeRawBufferPointer, seed: UInt64) -> UInt64 {
    let count = bytes.count
    guard let base = bytes.baseAddress else { return finished(seed &+ prime5) }
    var offset = 0
    var hash = seed &+ prime5
    if count >= 32 {
      var a = seed &+ prime1 &+ prime2
      var b = seed &+ prime2
      var c = seed
      var d = seed &- prime1
      while count - offset >= 32 {
        // SAFETY: 32 bytes remain at `offset`.
        a = unsafe round(a, word(base, offset))
        b = unsafe round(b, word(base, offset &+ 8))
        c = unsafe round(c, word(base, offset &+ 16))
        d = unsafe round(d, word(base, offset &+ 24))
        offset &+= 32
      }
      hash = rotated(a, 1) &+ rotated(b, 7) &+ rotated(c, 12) &+ rotated(d, 18)
      for lane in [a, b, c, d] { hash = (hash ^ round(0, lane)) &* prime1 &+ prime4 }
    }
    hash &+= UInt64(count)
    return unsafe tail(hash, bytes, from: offset)
  }

  /// What follows the last whole block of 32 bytes.
  static func tail(_ start: UInt64, _ bytes: UnsafeRawBufferPointer, from first: Int) -> UInt64 {
    guard let base = bytes.baseAddress else { return finished(start) }
    var (hash, offset) = (start, first)
    let count = bytes.count
    while count - offset >= 8 {
      // SAFETY: 8 bytes remain at `offset`.
      hash = unsafe rotated(hash ^ round(0, word(base, offset)), 27) &* prime1 &+ prime4
      offset &+= 8
    }
    if count - offset >= 4 {
      // SAFETY: 4 bytes remain at `offset`.
      let half = unsafe base.loadUnaligned(fromByteOffset: offset, as: UInt32.self)
      hash = rotated(hash ^ UInt64(UInt32(littleEndian: half)) &* prime1, 23) &* prime2 &+ prime3
      offset &+= 4
    }
    while offset < count {
      // SAFETY: `offset` is below the count.
      let byte = unsafe bytes[offset]
      hash = rotated(hash ^ UInt64(byte) &* prime5, 11) &* prime1
      offset &+= 1
    }
    return finished(hash)
  }

  @inline(__always)
  static func word(_ base: UnsafeRawPointer, _ offset: Int) -> UInt64 {
    // SAFETY: the caller has checked that 8 bytes lie at the offset.
    unsafe UInt64(littleEndian: base.loadUnaligned(fromByteOffset: offset, as: UInt64.self))
  }

  @inline(__always)
  static func rotated(_ value: UInt64, _ bits: UInt64) -> UInt64 {
    value &<< bits | value &>> (64 &- bits)
  }

  @inline(__always)
  static func round(_ lane: UInt64, _ word: UInt64) -> UInt64 {
    rotated(lane &+ word &* prime2, 31) &* prime1
  }

  private static func finished(_ hash: UInt64) -> UInt64 {
    var hash = hash
    hash = (hash ^ hash &>> 33) &* prime2
    hash = (hash ^ hash &>> 29) &* prime3
    return hash ^ hash &>> 32
  }
}
