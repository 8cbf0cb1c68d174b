import MartletBytes

/// The type of a stored tensor's elements. All are little-endian.
package enum ElementType: String, CaseIterable, Hashable, Sendable {
  case float64 = "F64"
  case float32 = "F32"
  case float16 = "F16"
  case bfloat16 = "BF16"
  case int64 = "I64"
  case int32 = "I32"
  case int16 = "I16"
  case int8 = "I8"
  case uint64 = "U64"
  case uint32 = "U32"
  case uint16 = "U16"
  case uint8 = "U8"
  case bool = "BOOL"

  /// Bytes of one element.
  package var byteCount: Int {
    switch self {
    case .float64, .int64, .uint64: 8
    case .float32, .int32, .uint32: 4
    case .float16, .bfloat16, .int16, .uint16: 2
    case .int8, .uint8, .bool: 1
    }
  }

  package var isFloat: Bool {
    switch self {
    case .float64, .float32, .float16, .bfloat16: true
    case .int64, .int32, .int16, .int8, .uint64, .uint32, .uint16, .uint8, .bool: false
    }
  }

  /// The bytes of a tensor of this shape (`[]` is one element), or `nil` when no size can hold them.
  package func byteCount(shape: [Int]) -> Int? {
    var bytes = byteCount
    // A zero anywhere makes the tensor empty, but the other extents must still multiply.
    for extent in shape {
      if extent < 0 { return nil }
      let (product, overflow) = bytes.multipliedReportingOverflow(by: max(extent, 1))
      if overflow { return nil }
      bytes = product
    }
    return shape.contains(0) ? 0 : bytes
  }

  /// The stored floats as `Float`; doubles are rounded.
  ///
  /// - Throws: `elementTypeMismatch` for integers; `tensor` is their name.
  func floats(from bytes: RawSpan, of tensor: String) throws(CheckpointError) -> [Float] {
    switch self {
    case .float64: return FloatConversion.floats(fromFloat64: bytes)
    case .float32: return FloatConversion.floats(fromFloat32: bytes)
    case .float16: return FloatConversion.floats(fromFloat16: bytes)
    case .bfloat16: return FloatConversion.floats(fromBFloat16: bytes)
    case .int64, .int32, .int16, .int8, .uint64, .uint32, .uint16, .uint8, .bool:
      throw .elementTypeMismatch(tensor: tensor, expected: "floats", found: self)
    }
  }

  /// The stored bytes of floats (F32, F16 or BF16); a trap for every other type.
  func bytes(of values: [Float]) -> [UInt8] {
    switch self {
    case .float32: FloatConversion.float32Bytes(values)
    case .float16: FloatConversion.float16Bytes(values)
    case .bfloat16: FloatConversion.bfloat16Bytes(values)
    case .float64, .int64, .int32, .int16, .int8, .uint64, .uint32, .uint16, .uint8, .bool:
      preconditionFailure("floats are given to a tensor of another type")
    }
  }
}
