import MartletBytes

extension Checkpoint {
  /// Lends the stored bytes of a tensor.
  package func withBytes<R>(
    _ name: String, _ body: (RawSpan) throws(CheckpointError) -> R
  ) throws(CheckpointError) -> R {
    let tensor = try tensor(name)
    return try withBytes(of: tensor, elements: 0..<tensor.count, body)
  }

  /// Lends the stored bytes of some rows.
  package func withBytes<R>(
    _ name: String, rows: Range<Int>, _ body: (RawSpan) throws(CheckpointError) -> R
  ) throws(CheckpointError) -> R {
    let (tensor, width) = try rowWidth(name, rows)
    return try withBytes(
      of: tensor, elements: rows.lowerBound * width..<rows.upperBound * width, body)
  }

  private func withBytes<R>(
    of tensor: CheckpointTensor, elements: Range<Int>,
    _ body: (RawSpan) throws(CheckpointError) -> R
  ) throws(CheckpointError) -> R {
    let size = tensor.elementType.byteCount
    switch tensor.storage {
    case .contiguous(let bytes):
      let start = bytes.lowerBound
      let range = start + elements.lowerBound * size..<start + elements.upperBound * size
      return try mappedFile(of: tensor).withBytes { (all: RawSpan) throws(CheckpointError) -> R in
        try body(all.extracting(range))
      }
    case .strided(let bytes, let strides):
      guard let layout = StridedLayout(shape: tensor.shape, strides: strides) else {
        preconditionFailure("strides were checked when the file was opened")
      }
      let gathered = mappedFile(of: tensor).withBytes { all in
        layout.gathered(elements, size: size, from: all.extracting(bytes))
      }
      // SAFETY: bytes have no padding.
      return try unsafe body(gathered.span.bytes)
    case .decoded(let decoder):
      let decoded = try decoder.bytes(of: tensor, elements: elements)
      // SAFETY: bytes have no padding.
      return try unsafe body(decoded.span.bytes)
    }
  }

  /// The numbers of a float tensor, row-major, brought to `Float`.
  ///
  /// Allocates the result and nothing else. Doubles are rounded.
  /// - Throws: `noSuchTensor`; `elementTypeMismatch` for integers.
  package func floats(_ name: String) throws(CheckpointError) -> [Float] {
    let tensor = try tensor(name)
    return try floats(of: tensor, elements: 0..<tensor.count)
  }

  /// The numbers of some rows, a row being all elements with one first index.
  ///
  /// A trap when the tensor has no such rows.
  /// - Throws: as `floats(_:)`.
  package func floats(_ name: String, rows: Range<Int>) throws(CheckpointError) -> [Float] {
    let (tensor, width) = try rowWidth(name, rows)
    return try floats(of: tensor, elements: rows.lowerBound * width..<rows.upperBound * width)
  }

  /// The numbers of some elements in row-major order; a trap when the tensor has no such elements.
  ///
  /// - Throws: as `floats(_:)`.
  package func floats(_ name: String, elements: Range<Int>) throws(CheckpointError) -> [Float] {
    let tensor = try tensor(name)
    precondition(
      elements.lowerBound >= 0 && elements.upperBound <= tensor.count,
      "the tensor has no such elements")
    return try floats(of: tensor, elements: elements)
  }

  /// Lets go of the memory of some elements' pages.
  package func discard(_ name: String, elements: Range<Int>) throws(CheckpointError) {
    try discard(try tensor(name), elements: elements)
  }

  /// The numbers of an integer or boolean tensor.
  ///
  /// - Throws: `noSuchTensor`; `elementTypeMismatch` for floats, and for a U64 that no `Int` holds.
  package func integers(_ name: String) throws(CheckpointError) -> [Int] {
    let tensor = try tensor(name)
    if tensor.elementType.isFloat {
      throw .elementTypeMismatch(
        tensor: name, expected: "integers", found: tensor.elementType)
    }
    return try withBytes(name) { (bytes: RawSpan) throws(CheckpointError) -> [Int] in
      var reader = ByteReader(
        bytes, source: tensor.file, base: tensor.storage.byteRange?.lowerBound ?? 0)
      var values: [Int] = []
      values.reserveCapacity(tensor.count)
      do throws(BytesError) {
        for _ in 0..<tensor.count { values.append(try reader.integer(tensor.elementType)) }
      } catch {
        throw .file(error)
      }
      return values
    }
  }

  /// Lets go of the memory of a tensor's pages; later reads fetch them from the file again.
  ///
  /// - Throws: `noSuchTensor`; `file` when the system refuses.
  package func discard(_ name: String) throws(CheckpointError) {
    let tensor = try tensor(name)
    try discard(tensor, elements: 0..<tensor.count)
  }

  /// Lets go of the memory of some rows' pages.
  package func discard(_ name: String, rows: Range<Int>) throws(CheckpointError) {
    let (tensor, width) = try rowWidth(name, rows)
    try discard(tensor, elements: rows.lowerBound * width..<rows.upperBound * width)
  }

  private func discard(
    _ tensor: CheckpointTensor, elements: Range<Int>
  ) throws(CheckpointError) {
    switch tensor.storage {
    case .contiguous(let bytes):
      let size = tensor.elementType.byteCount
      let start = bytes.lowerBound
      let file = mappedFile(of: tensor)
      try rethrown { () throws(BytesError) in
        try file.discard(start + elements.lowerBound * size..<start + elements.upperBound * size)
      }
    case .strided(let bytes, strides: _):
      let file = mappedFile(of: tensor)
      try rethrown { () throws(BytesError) in try file.discard(bytes) }
    case .decoded(let decoder):
      try decoder.discard(tensor, elements: elements)
    }
  }

  /// A tensor and the elements of one of its rows.
  private func rowWidth(
    _ name: String, _ rows: Range<Int>
  ) throws(CheckpointError) -> (CheckpointTensor, Int) {
    let tensor = try tensor(name)
    let count = tensor.shape.first ?? 1
    precondition(rows.lowerBound >= 0 && rows.upperBound <= count, "the tensor has no such rows")
    return (tensor, count == 0 ? 0 : tensor.count / count)
  }

  private func floats(
    of tensor: CheckpointTensor, elements: Range<Int>
  ) throws(CheckpointError) -> [Float] {
    if case .decoded(let decoder) = tensor.storage, tensor.elementType.isFloat {
      return try decoder.floats(of: tensor, elements: elements)
    }
    return try withBytes(of: tensor, elements: elements) {
      (bytes: RawSpan) throws(CheckpointError) -> [Float] in
      try tensor.elementType.floats(from: bytes, of: tensor.name)
    }
  }
}

extension ByteReader {
  /// The next integer of a type; a trap for floats.
  fileprivate mutating func integer(_ type: ElementType) throws(BytesError) -> Int {
    switch type {
    case .int64: Int(try int64())
    case .int32: Int(try int32())
    case .int16: Int(Int16(bitPattern: try uint16()))
    case .int8: Int(Int8(bitPattern: try uint8()))
    case .uint64: try size()
    case .uint32: Int(try uint32())
    case .uint16: Int(try uint16())
    case .uint8, .bool: Int(try uint8())
    case .float64, .float32, .float16, .bfloat16: preconditionFailure("floats are no integers")
    }
  }
}
