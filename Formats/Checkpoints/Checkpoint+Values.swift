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
    if let maker {
      let values = maker.floats(tensor.name, elements: elements)
      let bytes = tensor.elementType.bytes(of: values)
      // SAFETY: bytes have no padding.
      return try unsafe body(bytes.span.bytes)
    }
    let size = tensor.elementType.byteCount
    let start = tensor.byteRange.lowerBound
    let range = start + elements.lowerBound * size..<start + elements.upperBound * size
    return try mappedFile(of: tensor).withBytes { (bytes: RawSpan) throws(CheckpointError) -> R in
      try body(bytes.extracting(range))
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
      var reader = ByteReader(bytes, source: tensor.file, base: tensor.byteRange.lowerBound)
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
    if maker != nil { return }
    let file = mappedFile(of: tensor)
    try rethrown { () throws(BytesError) in try file.discard(tensor.byteRange) }
  }

  /// Lets go of the memory of some rows' pages.
  package func discard(_ name: String, rows: Range<Int>) throws(CheckpointError) {
    let (tensor, width) = try rowWidth(name, rows)
    let size = width * tensor.elementType.byteCount
    let start = tensor.byteRange.lowerBound
    if maker != nil { return }
    let file = mappedFile(of: tensor)
    try rethrown { () throws(BytesError) in
      try file.discard(start + rows.lowerBound * size..<start + rows.upperBound * size)
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
    if let maker { return maker.floats(tensor.name, elements: elements) }
    return try withBytes(of: tensor, elements: elements) {
      (bytes: RawSpan) throws(CheckpointError) -> [Float] in
      switch tensor.elementType {
      case .float64: return FloatConversion.floats(fromFloat64: bytes)
      case .float32: return FloatConversion.floats(fromFloat32: bytes)
      case .float16: return FloatConversion.floats(fromFloat16: bytes)
      case .bfloat16: return FloatConversion.floats(fromBFloat16: bytes)
      case .int64, .int32, .int16, .int8, .uint64, .uint32, .uint16, .uint8, .bool:
        throw .elementTypeMismatch(
          tensor: tensor.name, expected: "floats", found: tensor.elementType)
      }
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
