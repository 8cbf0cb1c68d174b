import CMartletPlatform

/// SHA-256 (FIPS 180-4): names a file by its content, for provenance.
///
/// Bytes may come in pieces. The result equals that of `sha256sum`.
package struct SHA256: Sendable {
  private var state: [UInt32] = [
    0x6a09_e667, 0xbb67_ae85, 0x3c6e_f372, 0xa54f_f53a,
    0x510e_527f, 0x9b05_688c, 0x1f83_d9ab, 0x5be0_cd19,
  ]
  /// The bytes of an unfinished block.
  private var pending: [UInt8] = []
  private var byteCount: UInt64 = 0
  private let way: Way

  /// How blocks are taken in; the results are the same.
  package enum Way: Sendable {
    /// By the processor's own instructions where it has them.
    case fastest
    /// By plain arithmetic.
    case portable
  }

  package init(_ way: Way = .fastest) { self.way = way }

  package mutating func update(_ bytes: RawSpan) {
    // SAFETY: the buffer is only read during the call.
    unsafe bytes.withUnsafeBytes { unsafe update($0) }
  }

  package mutating func update(_ bytes: [UInt8]) {
    // SAFETY: the buffer is only read during the call.
    unsafe bytes.withUnsafeBytes { unsafe update($0) }
  }

  private mutating func update(_ bytes: UnsafeRawBufferPointer) {
    byteCount &+= UInt64(bytes.count)
    var start = 0
    if !pending.isEmpty {
      start = min(64 - pending.count, bytes.count)
      unsafe pending.append(contentsOf: bytes[..<start])
      if pending.count < 64 { return }
      let block = pending
      pending.removeAll(keepingCapacity: true)
      // SAFETY: the buffer is only read during the call.
      unsafe block.withUnsafeBytes { unsafe compress($0, blocks: 1) }
    }
    let blocks = (bytes.count - start) / 64
    unsafe compress(UnsafeRawBufferPointer(rebasing: bytes[start...]), blocks: blocks)
    unsafe pending.append(contentsOf: bytes[(start + blocks * 64)...])
  }

  /// The 32 bytes of the hash.
  package consuming func digest() -> [UInt8] {
    let bits = byteCount &* 8
    var end: [UInt8] = [0x80]
    while (pending.count + end.count) % 64 != 56 { end.append(0) }
    for shift in stride(from: 56, through: 0, by: -8) {
      end.append(UInt8(truncatingIfNeeded: bits >> UInt64(shift)))
    }
    update(end)
    var digest: [UInt8] = []
    for word in state {
      for shift in stride(from: 24, through: 0, by: -8) {
        digest.append(UInt8(truncatingIfNeeded: word >> UInt32(shift)))
      }
    }
    return digest
  }

  /// The hash of bytes in memory.
  package static func digest(_ bytes: [UInt8]) -> [UInt8] {
    var hash = SHA256()
    hash.update(bytes)
    return hash.digest()
  }

  /// The hash of a file, which is let go of piece by piece while it is read.
  package static func digest(of file: MappedFile) throws(BytesError) -> [UInt8] {
    var hash = SHA256()
    var start = 0
    while start < file.count {
      let range = start..<min(start + 16 << 20, file.count)
      try file.bytes(in: range) { (bytes: RawSpan) throws(BytesError) in hash.update(bytes) }
      try file.discard(range)
      start = range.upperBound
    }
    return hash.digest()
  }

  /// Lowercase hexadecimal digits, two a byte.
  package static func hexadecimal(_ digest: [UInt8]) -> String {
    let digits = Array("0123456789abcdef".utf8)
    var text: [UInt8] = []
    for byte in digest {
      text.append(digits[Int(byte >> 4)])
      text.append(digits[Int(byte & 15)])
    }
    return String(decoding: text, as: UTF8.self)
  }

  private static let constants: [UInt32] = [
    0x428a_2f98, 0x7137_4491, 0xb5c0_fbcf, 0xe9b5_dba5, 0x3956_c25b, 0x59f1_11f1, 0x923f_82a4,
    0xab1c_5ed5, 0xd807_aa98, 0x1283_5b01, 0x2431_85be, 0x550c_7dc3, 0x72be_5d74, 0x80de_b1fe,
    0x9bdc_06a7, 0xc19b_f174, 0xe49b_69c1, 0xefbe_4786, 0x0fc1_9dc6, 0x240c_a1cc, 0x2de9_2c6f,
    0x4a74_84aa, 0x5cb0_a9dc, 0x76f9_88da, 0x983e_5152, 0xa831_c66d, 0xb003_27c8, 0xbf59_7fc7,
    0xc6e0_0bf3, 0xd5a7_9147, 0x06ca_6351, 0x1429_2967, 0x27b7_0a85, 0x2e1b_2138, 0x4d2c_6dfc,
    0x5338_0d13, 0x650a_7354, 0x766a_0abb, 0x81c2_c92e, 0x9272_2c85, 0xa2bf_e8a1, 0xa81a_664b,
    0xc24b_8b70, 0xc76c_51a3, 0xd192_e819, 0xd699_0624, 0xf40e_3585, 0x106a_a070, 0x19a4_c116,
    0x1e37_6c08, 0x2748_774c, 0x34b0_bcb5, 0x391c_0cb3, 0x4ed8_aa4a, 0x5b9c_ca4f, 0x682e_6ff3,
    0x748f_82ee, 0x78a5_636f, 0x84c8_7814, 0x8cc7_0208, 0x90be_fffa, 0xa450_6ceb, 0xbef9_a3f7,
    0xc671_78f2,
  ]

  @inline(__always)
  private static func rotated(_ value: UInt32, _ bits: UInt32) -> UInt32 {
    value &>> bits | value &<< (32 &- bits)
  }

  /// FIPS 180-4, section 6.2.2, once a block.
  private mutating func compress(_ bytes: UnsafeRawBufferPointer, blocks: Int) {
    guard blocks > 0, let base = bytes.baseAddress else { return }
    if way == .fastest {
      // SAFETY: `blocks` whole blocks lie in `bytes`, and the state has 8 words.
      let isDone = unsafe state.withUnsafeMutableBufferPointer { state in
        guard let words = state.baseAddress else { return false }
        return unsafe martlet_sha256_blocks(
          words, base.assumingMemoryBound(to: UInt8.self), blocks)
      }
      if isDone { return }
    }
    unsafe withUnsafeTemporaryAllocation(of: UInt32.self, capacity: 64) { schedule in
      unsafe Self.constants.withUnsafeBufferPointer { constants in
        unsafe state.withUnsafeMutableBufferPointer { state in
          for block in 0..<blocks {
            // SAFETY: `blocks` whole blocks lie in `bytes`; the three buffers have 64, 64 and 8 elements.
            unsafe Self.compress(base + block * 64, schedule, constants, state)
          }
        }
      }
    }
  }

  @inline(__always)
  private static func compress(
    _ block: UnsafeRawPointer, _ w: UnsafeMutableBufferPointer<UInt32>,
    _ constants: UnsafeBufferPointer<UInt32>, _ state: UnsafeMutableBufferPointer<UInt32>
  ) {
    for t in 0..<16 {
      // SAFETY: the block has 64 bytes.
      unsafe w[t] = UInt32(
        bigEndian: block.loadUnaligned(fromByteOffset: 4 &* t, as: UInt32.self))
    }
    for t in 16..<64 {
      // SAFETY: all indices are below 64.
      let x = unsafe w[t &- 15]
      let y = unsafe w[t &- 2]
      let sigma0 = rotated(x, 7) ^ rotated(x, 18) ^ x &>> 3
      let sigma1 = rotated(y, 17) ^ rotated(y, 19) ^ y &>> 10
      unsafe w[t] = w[t &- 16] &+ sigma0 &+ w[t &- 7] &+ sigma1
    }
    // SAFETY: the state has 8 words.
    var (a, b, c, d) = unsafe (state[0], state[1], state[2], state[3])
    var (e, f, g, h) = unsafe (state[4], state[5], state[6], state[7])
    for t in 0..<64 {
      let sum1 = rotated(e, 6) ^ rotated(e, 11) ^ rotated(e, 25)
      let choice = e & f ^ ~e & g
      // SAFETY: t is below 64.
      let first = unsafe h &+ sum1 &+ choice &+ constants[t] &+ w[t]
      let sum0 = rotated(a, 2) ^ rotated(a, 13) ^ rotated(a, 22)
      let majority = a & b ^ a & c ^ b & c
      h = g
      g = f
      f = e
      e = d &+ first
      d = c
      c = b
      b = a
      a = first &+ sum0 &+ majority
    }
    for (index, word) in [a, b, c, d, e, f, g, h].enumerated() {
      // SAFETY: the state has 8 words.
      unsafe state[index] &+= word
    }
  }
}
