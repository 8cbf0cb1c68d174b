// Byte planes: all first bytes of the elements of a frame, then all second bytes, and so on. Floats of similar size
// share sign and exponent, so those planes pack well. One of the module's files with pointers.

enum BytePlanes {
  /// Splits elements of `width` (2 or 4) bytes into planes:
  ///
  ///     for i in 0..<count { for j in 0..<width { planes[j · count + i] = elements[i · width + j] } }
  ///
  /// - Precondition: both buffers have the same size, a multiple of `width`.
  @unsafe static func split(
    _ elements: UnsafeRawBufferPointer, width: Int, into planes: UnsafeMutableRawBufferPointer
  ) {
    precondition(elements.count == planes.count && elements.count % width == 0)
    guard let source = elements.baseAddress, let target = planes.baseAddress else { return }
    let count = elements.count / width
    // SAFETY: every index is below width · count, the size of both buffers.
    let bytes = unsafe target.assumingMemoryBound(to: UInt8.self)
    if width == 4 {
      for index in 0..<count {
        let element = unsafe source.loadUnaligned(fromByteOffset: 4 * index, as: UInt32.self)
        unsafe bytes[index] = UInt8(truncatingIfNeeded: element)
        unsafe bytes[count + index] = UInt8(truncatingIfNeeded: element >> 8)
        unsafe bytes[2 * count + index] = UInt8(truncatingIfNeeded: element >> 16)
        unsafe bytes[3 * count + index] = UInt8(truncatingIfNeeded: element >> 24)
      }
    } else {
      for index in 0..<count {
        let element = unsafe source.loadUnaligned(fromByteOffset: 2 * index, as: UInt16.self)
        unsafe bytes[index] = UInt8(truncatingIfNeeded: element)
        unsafe bytes[count + index] = UInt8(truncatingIfNeeded: element >> 8)
      }
    }
  }

  /// The inverse of `split`.
  @unsafe static func join(
    _ planes: UnsafeRawBufferPointer, width: Int, into elements: UnsafeMutableRawBufferPointer
  ) {
    precondition(elements.count == planes.count && elements.count % width == 0)
    guard let source = planes.baseAddress, let target = elements.baseAddress else { return }
    let count = elements.count / width
    // SAFETY: every index is below width · count, the size of both buffers.
    let bytes = unsafe source.assumingMemoryBound(to: UInt8.self)
    if width == 4 {
      for index in 0..<count {
        let low = unsafe UInt32(bytes[index]) | UInt32(bytes[count + index]) << 8
        let high = unsafe UInt32(bytes[2 * count + index]) | UInt32(bytes[3 * count + index]) << 8
        unsafe target.storeBytes(
          of: low | high << 16, toByteOffset: 4 * index, as: UInt32.self)
      }
    } else {
      for index in 0..<count {
        let element = unsafe UInt16(bytes[index]) | UInt16(bytes[count + index]) << 8
        unsafe target.storeBytes(of: element, toByteOffset: 2 * index, as: UInt16.self)
      }
    }
  }
}
