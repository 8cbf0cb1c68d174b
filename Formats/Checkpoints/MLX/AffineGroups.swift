import MartletBytes

/// A matrix that mlx quantized: words of codes, and for each group of inputs one scale and one offset.
///
///     value = scale · code + offset
///
/// Codes lie in the words from the lowest bits up, which makes them bytes in order (8 bits) or nibbles, low ones first (4
/// bits); rows are whole words. The product is exact in `Float`, so every decoder gives the same bits.
final class AffineGroups: TensorDecoder {
  /// One of the three tensors a matrix is stored in.
  struct Part {
    let file: MappedFile
    let range: Range<Int>
    let type: ElementType
  }

  private let words: Part
  private let scales: Part
  private let offsets: Part
  private let bits: Int
  private let group: Int

  init(words: Part, scales: Part, offsets: Part, bits: Int, group: Int) {
    self.words = words
    self.scales = scales
    self.offsets = offsets
    self.bits = bits
    self.group = group
  }

  var storedType: String { "MLX \(bits)-bit" }

  /// `value[i] = scale[i / group] · code[i] + offset[i / group]`, groups being parts of rows.
  func floats(
    of tensor: CheckpointTensor, elements: Range<Int>
  ) throws(CheckpointError) -> [Float] {
    if elements.isEmpty { return [] }
    let groups = elements.lowerBound / group..<(elements.upperBound - 1) / group + 1
    let scales = try numbers(scales, groups, of: tensor)
    let offsets = try numbers(offsets, groups, of: tensor)
    let perByte = 8 / bits
    let mask = UInt8(truncatingIfNeeded: 1 << bits - 1)
    var values: [Float] = []
    values.reserveCapacity(elements.count)
    words.file.withBytes { all in
      let codes = all.extracting(words.range)
      for element in elements {
        // SAFETY: the load checks the offset; every bit pattern is a byte.
        let byte = unsafe codes.unsafeLoad(fromByteOffset: element / perByte, as: UInt8.self)
        let code = byte &>> UInt8(bits * (element % perByte)) & mask
        let index = element / group - groups.lowerBound
        values.append(scales[index] * Float(code) + offsets[index])
      }
    }
    return values
  }

  private func numbers(
    _ part: Part, _ groups: Range<Int>, of tensor: CheckpointTensor
  ) throws(CheckpointError) -> [Float] {
    let size = part.type.byteCount
    let start = part.range.lowerBound
    return try part.file.withBytes { (all: RawSpan) throws(CheckpointError) in
      try part.type.floats(
        from: all.extracting(
          start + groups.lowerBound * size..<start + groups.upperBound * size), of: tensor.name)
    }
  }

  func bytes(
    of tensor: CheckpointTensor, elements: Range<Int>
  ) throws(CheckpointError) -> [UInt8] {
    tensor.elementType.bytes(of: try floats(of: tensor, elements: elements))
  }

  func discard(_ tensor: CheckpointTensor, elements: Range<Int>) throws(CheckpointError) {
    let start = words.range.lowerBound
    let bytes = start + elements.lowerBound * bits / 8..<start + elements.upperBound * bits / 8
    try rethrown { () throws(BytesError) in try words.file.discard(bytes) }
  }
}
