import MartletBytes

/// The layout of a tensor inside a block of elements: which element stands where.
///
/// Made from shapes and strides that a file states, so everything is checked here, once.
struct StridedLayout: Equatable {
  let shape: [Int]
  /// In elements, one an extent.
  let strides: [Int]
  /// One past the last element that is touched, counted from the first; 0 for an empty tensor.
  let reach: Int

  /// `nil` where a stride is negative, the numbers of strides and extents differ, or an offset overflows.
  init?(shape: [Int], strides: [Int]) {
    if shape.count != strides.count { return nil }
    var last = 0
    for (extent, stride) in zip(shape, strides) {
      if extent < 0 || stride < 0 { return nil }
      let (step, overflow) = max(0, extent - 1).multipliedReportingOverflow(by: stride)
      let (sum, overflowed) = last.addingReportingOverflow(step)
      if overflow || overflowed { return nil }
      last = sum
    }
    let (reach, overflow) = last.addingReportingOverflow(1)
    if overflow { return nil }
    self.shape = shape
    self.strides = strides
    self.reach = shape.contains(0) ? 0 : reach
  }

  /// Whether the elements lie one after the other in row-major order. Extents of 1 may have any stride.
  var isContiguous: Bool {
    if shape.contains(0) { return true }
    var expected = 1
    for (extent, stride) in zip(shape, strides).reversed() where extent != 1 {
      if stride != expected { return false }
      expected *= extent
    }
    return true
  }

  /// The strides of a row-major tensor; the shape's size must not overflow.
  static func rowMajor(_ shape: [Int]) -> [Int] {
    var strides = [Int](repeating: 1, count: shape.count)
    for index in shape.indices.dropLast().reversed() {
      strides[index] = strides[index + 1] * max(1, shape[index + 1])
    }
    return strides
  }

  /// The bytes of some elements, gathered in row-major order.
  ///
  /// Equal to asking for every index in turn; the last extent is walked in a loop of its own.
  func gathered(_ elements: Range<Int>, size: Int, from bytes: RawSpan) -> [UInt8] {
    var result: [UInt8] = []
    if elements.isEmpty { return result }
    result.reserveCapacity(elements.count * size)
    var index = [Int](repeating: 0, count: shape.count)
    var rest = elements.lowerBound
    for axis in shape.indices.reversed() {
      index[axis] = rest % shape[axis]
      rest /= shape[axis]
    }
    var left = elements.count
    while left > 0 {
      var offset = 0
      for axis in shape.indices { offset += index[axis] * strides[axis] }
      let start = index.last ?? 0
      let run = min(left, (shape.last ?? 1) - start)
      let step = strides.last ?? 1
      for element in 0..<run {
        let at = (offset + element * step) * size
        for byte in at..<at + size {
          // SAFETY: the load checks the offset; every bit pattern is a byte.
          result.append(unsafe bytes.unsafeLoad(fromByteOffset: byte, as: UInt8.self))
        }
      }
      left -= run
      // The next row: the last index returns to 0 and the one before it carries.
      var axis = shape.count - 2
      if !index.isEmpty { index[index.count - 1] = 0 }
      while axis >= 0 {
        index[axis] += 1
        if index[axis] < shape[axis] { break }
        index[axis] = 0
        axis -= 1
      }
    }
    return result
  }
}

extension CheckpointTensor {
  /// A view of a block of elements: contiguous where the strides say so.
  ///
  /// - Parameters:
  ///   - start: byte of the tensor's first element.
  static func view(
    name: String, elementType: ElementType, layout: StridedLayout, file: String, start: Int
  ) -> CheckpointTensor {
    let range = start..<start + layout.reach * elementType.byteCount
    return CheckpointTensor(
      name: name, elementType: elementType, shape: layout.shape, file: file,
      storage: layout.isContiguous
        ? .contiguous(range) : .strided(range, strides: layout.strides))
  }
}
