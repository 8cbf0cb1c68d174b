import MartletCheckpoints

extension Checkpoint {
  /// Whether two tensors have the same shape, type and bytes.
  func holdSameBits(
    _ a: CheckpointTensor, _ b: CheckpointTensor
  ) throws(ConversionError) -> Bool {
    if a.shape != b.shape || a.elementType != b.elementType { return false }
    do throws(CheckpointError) {
      let isEqual = try withBytes(a.name) { (first: RawSpan) throws(CheckpointError) in
        try withBytes(b.name) { (second: RawSpan) throws(CheckpointError) in
          first.holdsSameBytes(as: second)
        }
      }
      try discard(a.name)
      try discard(b.name)
      return isEqual
    } catch { throw .checkpoint(error) }
  }
}

extension RawSpan {
  /// Equal to comparing byte by byte, eight at a time: embeddings are hundreds of megabytes.
  fileprivate func holdsSameBytes(as other: RawSpan) -> Bool {
    if byteCount != other.byteCount { return false }
    let words = byteCount / 8
    for word in 0..<words {
      // SAFETY: the eight bytes lie inside both spans, and every bit pattern is an integer.
      let first = unsafe unsafeLoadUnaligned(fromUncheckedByteOffset: 8 * word, as: UInt64.self)
      let second = unsafe other.unsafeLoadUnaligned(
        fromUncheckedByteOffset: 8 * word, as: UInt64.self)
      if first != second { return false }
    }
    for offset in 8 * words..<byteCount {
      // SAFETY: the loads check the offset; every bit pattern is an integer.
      let first = unsafe unsafeLoadUnaligned(fromByteOffset: offset, as: UInt8.self)
      let second = unsafe other.unsafeLoadUnaligned(fromByteOffset: offset, as: UInt8.self)
      if first != second { return false }
    }
    return true
  }
}
