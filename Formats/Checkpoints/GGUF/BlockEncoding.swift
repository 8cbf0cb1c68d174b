import MartletBytes

/// Brings floats to blocks that llama.cpp reads, 32 numbers a block.
enum BlockEncoding {
  /// Whole rows as blocks of a type that is written.
  static func bytes(_ values: [Float], as blocks: GGUFTensorType.Blocks) -> [UInt8] {
    precondition(values.count % 32 == 0, "blocks are written whole")
    var bytes: [UInt8] = []
    bytes.reserveCapacity(values.count / 32 * blocks.byteCount)
    for start in stride(from: 0, to: values.count, by: 32) {
      let block = values[start..<start + 32]
      switch blocks {
      case .q80: q8(block, into: &bytes)
      case .q40: q4(block, into: &bytes)
      case .q41, .q50, .q51, .q4K, .q5K, .q6K: preconditionFailure("a type that is only read")
      }
    }
    return bytes
  }

  /// `scale = max |w| / 127`, rounded to f16 first, so that codes are chosen for the scale that is stored.
  private static func q8(_ block: ArraySlice<Float>, into bytes: inout [UInt8]) {
    var largest: Float = 0
    for value in block { largest = max(largest, abs(value)) }
    let scale = append(half: largest / 127, into: &bytes)
    for value in block {
      let code = scale == 0 ? 0 : min(127, max(-127, (value / scale).rounded(.toNearestOrEven)))
      bytes.append(UInt8(bitPattern: Int8(code)))
    }
  }

  /// `scale = w / −8` for the w of largest size, as llama.cpp has it; codes 0…15 stand for −8…7.
  private static func q4(_ block: ArraySlice<Float>, into bytes: inout [UInt8]) {
    var extreme: Float = 0
    for value in block where abs(value) > abs(extreme) { extreme = value }
    let scale = append(half: extreme / -8, into: &bytes)
    var codes: [UInt8] = []
    for value in block {
      let code =
        scale == 0 ? 8 : min(15, max(0, (value / scale).rounded(.toNearestOrEven) + 8))
      codes.append(UInt8(code))
    }
    for index in 0..<16 { bytes.append(codes[index] | codes[index + 16] << 4) }
  }

  /// - Returns: the number that was stored.
  private static func append(half value: Float, into bytes: inout [UInt8]) -> Float {
    let bits = FloatConversion.float16(value)
    bytes.append(UInt8(truncatingIfNeeded: bits))
    bytes.append(UInt8(truncatingIfNeeded: bits >> 8))
    return FloatConversion.widened(float16: bits)
  }
}
