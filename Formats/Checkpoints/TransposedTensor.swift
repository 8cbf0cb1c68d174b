import MartletBytes

/// A matrix that another program stores turned around. Read whole each time: it is meant for small ones.
private final class TransposedTensor: TensorDecoder {
  private let checkpoint: Checkpoint
  private let stored: CheckpointTensor

  init(_ checkpoint: Checkpoint, _ stored: CheckpointTensor) {
    self.checkpoint = checkpoint
    self.stored = stored
  }

  var storedType: String { stored.storedType }

  func floats(
    of tensor: CheckpointTensor, elements: Range<Int>
  ) throws(CheckpointError) -> [Float] {
    let values = try checkpoint.floats(stored.name)
    let (rows, columns) = (stored.shape[0], stored.shape[1])
    return elements.map { values[$0 % rows * columns + $0 / rows] }
  }

  func bytes(
    of tensor: CheckpointTensor, elements: Range<Int>
  ) throws(CheckpointError) -> [UInt8] {
    tensor.elementType.bytes(of: try floats(of: tensor, elements: elements))
  }
}

extension Checkpoint {
  /// A matrix of floats of this checkpoint with rows and columns exchanged.
  package func transposed(_ tensor: CheckpointTensor) -> CheckpointTensor {
    precondition(tensor.shape.count == 2, "a matrix has two extents")
    return CheckpointTensor(
      name: tensor.name, elementType: .float32, shape: tensor.shape.reversed(), file: tensor.file,
      storage: .decoded(TransposedTensor(self, tensor)))
  }
}
