import MartletBytes

/// Brings blocks of codes to floats, as `dequantize_row_…` of ggml-quants.c does: products and sums are rounded
/// one by one, so results equal ggml's plain C and gguf-py's NumPy in every bit.
///
/// The module's file with pointers of GGUF.
enum BlockDecoding {
  /// The floats of whole blocks.
  static func floats(_ bytes: RawSpan, of type: GGUFTensorType.Blocks) -> [Float] {
    let blocks = bytes.byteCount / type.byteCount
    let count = blocks * type.elements
    return unsafe bytes.withUnsafeBytes { source in
      unsafe [Float](unsafeUninitializedCapacity: count) { buffer, filled in
        filled = count
        guard let from = source.baseAddress, let to = buffer.baseAddress else { return }
        for block in 0..<blocks {
          // SAFETY: `blocks` whole blocks of this type lie in the source, and the buffer has room for their elements;
          // every decoder reads and writes one block.
          unsafe decode(
            type, from + block * type.byteCount, into: to + block * type.elements)
        }
      }
    }
  }

  @inline(__always)
  private static func decode(
    _ type: GGUFTensorType.Blocks, _ x: UnsafeRawPointer, into y: UnsafeMutablePointer<Float>
  ) {
    switch type {
    // SAFETY: see the caller.
    case .q40: unsafe nibbles(x + 2, scale: half(x), offset: -0.0, middle: 8, into: y)
    case .q41: unsafe nibbles(x + 4, scale: half(x), offset: half(x + 2), middle: 0, into: y)
    case .q50: unsafe fives(x + 2, scale: half(x), offset: -0.0, middle: 16, into: y)
    case .q51: unsafe fives(x + 4, scale: half(x), offset: half(x + 2), middle: 0, into: y)
    case .q80:
      let scale = unsafe half(x)
      for j in 0..<32 {
        unsafe y[j] = Float(x.load(fromByteOffset: 2 &+ j, as: Int8.self)) * scale
      }
    case .q4K: unsafe fourK(x, into: y)
    case .q5K: unsafe fiveK(x, into: y)
    case .q6K: unsafe sixK(x, into: y)
    }
  }

  @inline(__always)
  private static func half(_ x: UnsafeRawPointer) -> Float {
    // SAFETY: two bytes of the block.
    FloatConversion.widened(
      float16: UInt16(littleEndian: unsafe x.loadUnaligned(as: UInt16.self)))
  }

  @inline(__always)
  private static func byte(_ x: UnsafeRawPointer, _ index: Int) -> Int32 {
    // SAFETY: a byte of the block.
    Int32(unsafe x.load(fromByteOffset: index, as: UInt8.self))
  }

  /// 16 bytes: low nibbles are elements 0…15, high nibbles 16…31. `y = (q − middle) · scale + offset`; an offset of −0
  /// changes no number, not even −0.
  @inline(__always)
  private static func nibbles(
    _ q: UnsafeRawPointer, scale: Float, offset: Float, middle: Int32,
    into y: UnsafeMutablePointer<Float>
  ) {
    for j in 0..<16 {
      // SAFETY: 16 bytes and 32 floats.
      let code = unsafe byte(q, j)
      unsafe y[j] = Float(code & 15 &- middle) * scale + offset
      unsafe y[j &+ 16] = Float(code >> 4 &- middle) * scale + offset
    }
  }

  /// 32 high bits, then 16 bytes as in `nibbles`.
  @inline(__always)
  private static func fives(
    _ q: UnsafeRawPointer, scale: Float, offset: Float, middle: Int32,
    into y: UnsafeMutablePointer<Float>
  ) {
    // SAFETY: 4 + 16 bytes and 32 floats.
    let high = UInt32(littleEndian: unsafe q.loadUnaligned(as: UInt32.self))
    for j in 0..<16 {
      let code = unsafe byte(q, 4 &+ j)
      let (first, second) = (
        Int32(high >> UInt32(j) & 1) << 4, Int32(high >> UInt32(j &+ 16) & 1) << 4
      )
      unsafe y[j] = Float((code & 15 | first) &- middle) * scale + offset
      unsafe y[j &+ 16] = Float((code >> 4 | second) &- middle) * scale + offset
    }
  }

  /// Scale and offset of part `j`, 6 bits each, out of 12 bytes.
  @inline(__always)
  private static func part(_ j: Int, _ s: UnsafeRawPointer) -> (scale: Float, offset: Float) {
    // SAFETY: 12 bytes, j below 8.
    if j < 4 { return unsafe (Float(byte(s, j) & 63), Float(byte(s, j &+ 4) & 63)) }
    let scale = unsafe byte(s, j &+ 4) & 15 | (byte(s, j &- 4) >> 6) << 4
    let offset = unsafe byte(s, j &+ 4) >> 4 | (byte(s, j) >> 6) << 4
    return (Float(scale), Float(offset))
  }

  /// Half scale, half offset scale, 12 bytes of parts, 128 bytes of nibbles.
  @inline(__always)
  private static func fourK(_ x: UnsafeRawPointer, into y: UnsafeMutablePointer<Float>) {
    // SAFETY: a block of 144 bytes, 256 floats.
    let (scale, lowest) = unsafe (half(x), half(x + 2))
    for pair in 0..<4 {
      let (low, high) = unsafe (part(2 &* pair, x + 4), part(2 &* pair &+ 1, x + 4))
      let (d1, m1) = (scale * low.scale, lowest * low.offset)
      let (d2, m2) = (scale * high.scale, lowest * high.offset)
      for l in 0..<32 {
        let code = unsafe byte(x, 16 &+ 32 &* pair &+ l)
        unsafe y[64 &* pair &+ l] = d1 * Float(code & 15) - m1
        unsafe y[64 &* pair &+ 32 &+ l] = d2 * Float(code >> 4) - m2
      }
    }
  }

  /// As `fourK`, with 32 bytes of fifth bits before the nibbles.
  @inline(__always)
  private static func fiveK(_ x: UnsafeRawPointer, into y: UnsafeMutablePointer<Float>) {
    // SAFETY: a block of 176 bytes, 256 floats.
    let (scale, lowest) = unsafe (half(x), half(x + 2))
    for pair in 0..<4 {
      let (low, high) = unsafe (part(2 &* pair, x + 4), part(2 &* pair &+ 1, x + 4))
      let (d1, m1) = (scale * low.scale, lowest * low.offset)
      let (d2, m2) = (scale * high.scale, lowest * high.offset)
      for l in 0..<32 {
        let code = unsafe byte(x, 48 &+ 32 &* pair &+ l)
        let bits = unsafe byte(x, 16 &+ l) >> Int32(2 &* pair)
        unsafe y[64 &* pair &+ l] = d1 * Float(code & 15 | (bits & 1) << 4) - m1
        unsafe y[64 &* pair &+ 32 &+ l] = d2 * Float(code >> 4 | (bits >> 1 & 1) << 4) - m2
      }
    }
  }

  /// 128 bytes of low nibbles, 64 of high bit pairs, 16 signed scales, a half.
  @inline(__always)
  private static func sixK(_ x: UnsafeRawPointer, into y: UnsafeMutablePointer<Float>) {
    // SAFETY: a block of 210 bytes, 256 floats.
    let scale = unsafe half(x + 208)
    for n in 0..<2 {
      for l in 0..<32 {
        let (first, second) = unsafe (byte(x, 64 &* n &+ l), byte(x, 64 &* n &+ 32 &+ l))
        let high = unsafe byte(x, 128 &+ 32 &* n &+ l)
        let codes = (
          first & 15 | (high & 3) << 4, second & 15 | (high >> 2 & 3) << 4,
          first >> 4 | (high >> 4 & 3) << 4, second >> 4 | (high >> 6 & 3) << 4
        )
        let place = 192 &+ 8 &* n &+ l / 16
        let out = unsafe y + (128 &* n &+ l)
        unsafe out[0] = factor(x, place, scale) * Float(codes.0 &- 32)
        unsafe out[32] = factor(x, place &+ 2, scale) * Float(codes.1 &- 32)
        unsafe out[64] = factor(x, place &+ 4, scale) * Float(codes.2 &- 32)
        unsafe out[96] = factor(x, place &+ 6, scale) * Float(codes.3 &- 32)
      }
    }
  }

  @inline(__always)
  private static func factor(_ x: UnsafeRawPointer, _ place: Int, _ scale: Float) -> Float {
    // SAFETY: a byte of the block.
    scale * Float(unsafe x.load(fromByteOffset: place, as: Int8.self))
  }
}
