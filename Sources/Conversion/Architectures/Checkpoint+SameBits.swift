import MartletCheckpoints

extension Checkpoint {
  /// Numbers compared at a time: matrices that differ mostly do so at once.
  private static let comparedNumbers = 1 << 22

  /// Whether two tensors have the same shape, type and bytes.
  func holdSameBits(
    _ a: CheckpointTensor, _ b: CheckpointTensor
  ) throws(ConversionError) -> Bool {
    if a.shape != b.shape || a.elementType != b.elementType { return false }
    let rows = a.shape.first ?? 1
    let step = max(1, Self.comparedNumbers / max(1, a.count / max(1, rows)))
    do throws(CheckpointError) {
      for start in stride(from: 0, to: rows, by: step) {
        let part = start..<min(rows, start + step)
        let isEqual = try withBytes(a.name, rows: part) {
          (first: RawSpan) throws(CheckpointError) in
          try withBytes(b.name, rows: part) { (second: RawSpan) throws(CheckpointError) in
            first.holdsSameBytes(as: second)
          }
        }
        try discard(a.name, rows: part)
        try discard(b.name, rows: part)
        if !isEqual { return false }
      }
      return true
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
