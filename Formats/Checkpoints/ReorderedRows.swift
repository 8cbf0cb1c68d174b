import MartletBytes

/// A tensor whose rows another program stores in another order.
private final class ReorderedRows: TensorDecoder {
  private let checkpoint: Checkpoint
  private let stored: CheckpointTensor
  /// The stored place of a row.
  private let place: @Sendable (Int) -> Int

  init(
    _ checkpoint: Checkpoint, _ stored: CheckpointTensor, place: @escaping @Sendable (Int) -> Int
  ) {
    self.checkpoint = checkpoint
    self.stored = stored
    self.place = place
  }

  var storedType: String { stored.storedType }

  func floats(
    of tensor: CheckpointTensor, elements: Range<Int>
  ) throws(CheckpointError) -> [Float] {
    let width = stored.count / max(1, stored.shape.first ?? 1)
    var floats: [Float] = []
    if elements.isEmpty || width == 0 { return floats }
    floats.reserveCapacity(elements.count)
    for row in elements.lowerBound / width...(elements.upperBound - 1) / width {
      let from = place(row)
      let values = try checkpoint.floats(stored.name, rows: from..<from + 1)
      let part = elements.clamped(to: row * width..<(row + 1) * width)
      floats += values[(part.lowerBound - row * width)..<(part.upperBound - row * width)]
    }
    return floats
  }

  func bytes(
    of tensor: CheckpointTensor, elements: Range<Int>
  ) throws(CheckpointError) -> [UInt8] {
    tensor.elementType.bytes(of: try floats(of: tensor, elements: elements))
  }

  func discard(_ tensor: CheckpointTensor, elements: Range<Int>) throws(CheckpointError) {
    // Rows lie scattered: only a whole tensor is let go of.
    if elements.count == stored.count { try checkpoint.discard(stored.name) }
  }
}

extension Checkpoint {
  /// A tensor of this checkpoint, of floats, with its rows in another order.
  ///
  /// - Parameter place: the stored row that becomes each row; a permutation, or reading traps.
  package func reordered(
    _ tensor: CheckpointTensor, place: @escaping @Sendable (Int) -> Int
  ) -> CheckpointTensor {
    CheckpointTensor(
      name: tensor.name, elementType: .float32, shape: tensor.shape, file: tensor.file,
      storage: .decoded(ReorderedRows(self, tensor, place: place)))
  }
}
