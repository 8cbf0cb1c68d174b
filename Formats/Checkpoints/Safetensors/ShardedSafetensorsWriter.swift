import MartletBytes

/// Writes the weights of a checkpoint directory: one `model.safetensors`, or, where they exceed the size
/// of a shard, `model-0000I-of-0000N.safetensors` and the index, which is written last.
///
/// Used as `SafetensorsWriter` is. Each file appears whole. A run that ends early may leave finished
/// shards without an index: whoever writes a checkpoint that must appear whole writes into a temporary
/// directory and renames that.
package final class ShardedSafetensorsWriter {
  package let directory: String
  /// Names of the files, in order.
  package let files: [String]
  private let shards: [[TensorDeclaration]]
  private var current = 0
  private var writer: SafetensorsWriter?
  /// Bytes that the current shard still needs.
  private var missing = 0

  /// - Parameters:
  ///   - directory: made when missing.
  ///   - shardBytes: tensors are put into one file until it would exceed this; a larger tensor gets its own.
  /// - Throws: `file`.
  package init(
    directory: String, tensors: [TensorDeclaration], shardBytes: Int = 5_000_000_000
  ) throws(CheckpointError) {
    let shards = Self.split(tensors, shardBytes: shardBytes)
    self.directory = directory
    self.shards = shards
    files =
      shards.count == 1
      ? ["model.safetensors"]
      : shards.indices.map { index in
        "model-\(Self.padded(index + 1))-of-\(Self.padded(shards.count)).safetensors"
      }
    try rethrown { () throws(BytesError) in try Directory.make(directory) }
    try openShard()
  }

  private static func split(
    _ tensors: [TensorDeclaration], shardBytes: Int
  ) -> [[TensorDeclaration]] {
    var shards: [[TensorDeclaration]] = [[]]
    var bytes = 0
    for tensor in tensors {
      if bytes > 0, tensor.byteCount > shardBytes - bytes {
        shards.append([])
        bytes = 0
      }
      shards[shards.count - 1].append(tensor)
      bytes += tensor.byteCount
    }
    return shards
  }

  /// Five digits, as everywhere.
  private static func padded(_ number: Int) -> String {
    let digits = "\(number)"
    return String(repeating: "0", count: max(0, 5 - digits.utf8.count)) + digits
  }

  private func openShard() throws(CheckpointError) {
    writer = try SafetensorsWriter(
      replacing: Directory.path(directory, files[current]), tensors: shards[current])
    missing = shards[current].reduce(0) { $0 + $1.byteCount }
  }

  /// The writer of the tensor whose data comes next: the one before it is committed when full.
  private func next() throws(CheckpointError) -> SafetensorsWriter {
    if missing == 0, current + 1 < shards.count {
      try writer?.commit()
      current += 1
      try openShard()
    }
    guard let writer else { preconditionFailure("a committed checkpoint is not appended to") }
    return writer
  }

  /// Appends floats to the next tensor; a piece lies within one tensor.
  package func append(_ values: [Float]) throws(CheckpointError) {
    try append(count: values.count) { (writer) throws(CheckpointError) in
      try writer.append(values)
    }
  }

  /// Appends integers to the next tensor; a piece lies within one tensor.
  package func append(_ values: [Int]) throws(CheckpointError) {
    try append(count: values.count) { (writer) throws(CheckpointError) in
      try writer.append(values)
    }
  }

  private func append(
    count: Int, _ body: (SafetensorsWriter) throws(CheckpointError) -> Void
  ) throws(CheckpointError) {
    if count == 0 { return }
    let writer = try next()
    let before = writer.byteCount
    try body(writer)
    missing -= writer.byteCount - before
  }

  /// Finishes the last file and writes the index if there are several.
  package func commit() throws(CheckpointError) {
    precondition(missing == 0 && current + 1 == shards.count, "a declared tensor lacks data")
    try writer?.commit()
    writer = nil
    if shards.count == 1 { return }
    var map = JSONObject()
    var total = 0
    for (file, shard) in zip(files, shards) {
      for tensor in shard {
        precondition(map.append(tensor.name, .string(file)), "a tensor is declared twice")
        total += tensor.byteCount
      }
    }
    let index: JSONValue = [
      "metadata": ["total_size": JSONValue(total)], "weight_map": .object(map),
    ]
    try rethrown { () throws(BytesError) in
      try AtomicFile.write(
        index.text(.indented) + "\n", to: Directory.path(directory, ShardIndex.safetensorsName))
    }
  }
}
