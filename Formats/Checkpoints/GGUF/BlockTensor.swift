import MartletBytes

/// One tensor of blocks in a GGUF file.
final class BlockTensor: TensorDecoder {
  private let file: MappedFile
  private let start: Int
  private let blocks: GGUFTensorType.Blocks

  /// - Parameter start: of the first block in the file; the blocks of the tensor's shape lie within it.
  init(_ file: MappedFile, start: Int, blocks: GGUFTensorType.Blocks) {
    self.file = file
    self.start = start
    self.blocks = blocks
  }

  var storedType: String { blocks.rawValue }

  func floats(
    of tensor: CheckpointTensor, elements: Range<Int>
  ) throws(CheckpointError) -> [Float] {
    let whole = wholeBlocks(elements)
    let floats = try rethrown { () throws(BytesError) in
      try file.bytes(in: bytes(of: whole)) { (bytes: RawSpan) throws(BytesError) in
        BlockDecoding.floats(bytes, of: blocks)
      }
    }
    let first = elements.lowerBound - whole.lowerBound * blocks.elements
    if first == 0, floats.count == elements.count { return floats }
    return Array(floats[first..<first + elements.count])
  }

  func bytes(
    of tensor: CheckpointTensor, elements: Range<Int>
  ) throws(CheckpointError) -> [UInt8] {
    tensor.elementType.bytes(of: try floats(of: tensor, elements: elements))
  }

  func discard(_ tensor: CheckpointTensor, elements: Range<Int>) throws(CheckpointError) {
    try rethrown { () throws(BytesError) in
      try file.discard(bytes(of: wholeBlocks(elements)))
    }
  }

  private func wholeBlocks(_ elements: Range<Int>) -> Range<Int> {
    elements.lowerBound / blocks.elements..<(elements.upperBound + blocks.elements - 1)
      / blocks.elements
  }

  private func bytes(of indices: Range<Int>) -> Range<Int> {
    start + indices.lowerBound * blocks.byteCount..<start + indices.upperBound * blocks.byteCount
  }
}
