/// One tensor of a checkpoint: where its numbers lie, none of them read yet.
package struct CheckpointTensor: Equatable, Sendable {
  package let name: String
  package let elementType: ElementType
  /// Row-major; `[]` is a scalar.
  package let shape: [Int]
  /// Within the file, contiguous, of exactly the shape's size.
  package let byteRange: Range<Int>
  /// Path of the file.
  package let file: String

  /// Elements; 1 for a scalar. Cannot overflow, since the bytes are present.
  package var count: Int { byteRange.count / elementType.byteCount }
}

/// One file of a checkpoint.
package struct CheckpointFile: Equatable, Sendable {
  /// Without the directory.
  package let name: String
  package let byteCount: Int
  /// String metadata that the format carries (safetensors' `__metadata__`), in the file's order.
  package let metadata: [(key: String, value: String)]

  package static func == (left: CheckpointFile, right: CheckpointFile) -> Bool {
    left.name == right.name && left.byteCount == right.byteCount
      && left.metadata.elementsEqual(right.metadata, by: ==)
  }
}
