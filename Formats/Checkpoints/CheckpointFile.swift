/// One file of a checkpoint.
package struct CheckpointFile: Equatable, Sendable {
  /// Without the directory.
  package let name: String
  let path: String
  package let byteCount: Int
  /// String metadata that the format carries (safetensors' `__metadata__`), in the file's order.
  package let metadata: [(key: String, value: String)]

  package static func == (left: CheckpointFile, right: CheckpointFile) -> Bool {
    left.name == right.name && left.byteCount == right.byteCount
      && left.metadata.elementsEqual(right.metadata, by: ==)
  }
}

/// What a reader did that a person should know of; worth a line in a report.
package enum CheckpointRemark: Equatable, Sendable {
  /// The tensors were taken from this entry of the file, e.g. `state_dict`.
  case unwrapped(file: String, entry: String)
  /// Entries beside the tensors that hold none or were not asked for. `names` are the first of them.
  case entriesNotRead(file: String, count: Int, names: [String])
  /// This prefix stood before every name and was left out.
  case prefixRemoved(file: String, prefix: String)
  /// Matrices that were quantized before and are read as the floats they stand for.
  case decoded(kind: String, count: Int)
  /// Tensors of another file that stand in place of some of this checkpoint's, or beside them.
  case joined(file: String, tensors: Int, leftOut: Int)
}
