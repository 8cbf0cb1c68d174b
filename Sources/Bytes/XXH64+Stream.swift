extension XXH64 {
  /// The checksum of bytes that come piece by piece; where the pieces end does not matter.
  package struct Stream: Sendable {
    private var lanes: (UInt64, UInt64, UInt64, UInt64)
    private var count: UInt64 = 0
    /// Under 32 bytes that do not fill a block yet.
    private var pending: [UInt8] = []
    private let seed: UInt64

    package init(seed: UInt64 = 0) {
      self.seed = seed
      lanes = (seed &+ prime1 &+ prime2, seed &+ prime2, seed, seed &- prime1)
    }

    package mutating func add(_ bytes: RawSpan) {
      count &+= UInt64(bytes.byteCount)
      // SAFETY: the buffer is only read during the call.
      unsafe bytes.withUnsafeBytes { bytes in
        var start = 0
        if !pending.isEmpty {
          start = min(32 - pending.count, bytes.count)
          unsafe pending.append(contentsOf: bytes[..<start])
          if pending.count < 32 { return }
          let block = pending
          // SAFETY: the block has 32 bytes.
          _ = unsafe block.withUnsafeBytes { unsafe addBlocks($0, from: 0) }
          pending.removeAll(keepingCapacity: true)
        }
        let rest = unsafe addBlocks(bytes, from: start)
        unsafe pending.append(contentsOf: bytes[rest...])
      }
    }

    package mutating func add(_ bytes: [UInt8]) {
      // SAFETY: bytes have no padding.
      unsafe add(bytes.span.bytes)
    }

    /// The checksum of all bytes so far.
    package var checksum: UInt64 {
      var hash = seed &+ prime5
      if count >= 32 {
        hash =
          rotated(lanes.0, 1) &+ rotated(lanes.1, 7) &+ rotated(lanes.2, 12)
          &+ rotated(lanes.3, 18)
        for lane in [lanes.0, lanes.1, lanes.2, lanes.3] {
          hash = (hash ^ round(0, lane)) &* prime1 &+ prime4
        }
      }
      hash &+= count
      // SAFETY: the buffer is only read during the call.
      return unsafe pending.withUnsafeBytes { unsafe tail(hash, $0, from: 0) }
    }

    /// Takes whole blocks; where the first that is not whole begins.
    @discardableResult
    private mutating func addBlocks(_ bytes: UnsafeRawBufferPointer, from start: Int) -> Int {
      guard let base = bytes.baseAddress else { return start }
      var (a, b, c, d) = lanes
      var offset = start
      while bytes.count - offset >= 32 {
        // SAFETY: 32 bytes remain at `offset`.
        a = unsafe round(a, word(base, offset))
        b = unsafe round(b, word(base, offset &+ 8))
        c = unsafe round(c, word(base, offset &+ 16))
        d = unsafe round(d, word(base, offset &+ 24))
        offset &+= 32
      }
      lanes = (a, b, c, d)
      return offset
    }
  }
}
