import MartletBytes

/// `model.safetensors.index.json` or `pytorch_model.bin.index.json`: which file holds which tensor.
struct ShardIndex {
  static let safetensorsName = "model.safetensors.index.json"
  static let torchName = "pytorch_model.bin.index.json"
  static let suffix = ".index.json"
  /// The largest real index has some thousand lines.
  private static let byteLimit = 64 << 20

  let path: String
  /// Tensor name to file name.
  let fileOfTensor: [String: String]
  /// Names of all files, sorted.
  let files: [String]
  /// How many tensors each file must hold.
  private let tensorCounts: [String: Int]

  /// Reads an index. `metadata` may say anything: its `total_size` is wrong in too many files to be held
  /// against them.
  init(path: String) throws(CheckpointError) {
    let value = try rethrown { () throws(BytesError) in
      try JSONValue(contentsOf: path, limit: Self.byteLimit)
    }
    guard let map = value["weight_map"]?.object else {
      throw .indexField(
        path: path, field: "weight_map", expected: "object",
        found: value["weight_map"]?.kind ?? "nothing")
    }
    if map.isEmpty {
      throw .indexField(path: path, field: "weight_map", expected: "tensors", found: "none")
    }
    var fileOfTensor: [String: String] = [:]
    var counts: [String: Int] = [:]
    for (tensor, value) in map.members {
      guard let file = value.string else {
        throw .indexField(
          path: path, field: "weight_map." + tensor, expected: "string", found: value.kind)
      }
      if file.isEmpty || file == "." || file == ".." || file.utf8.contains(UInt8(ascii: "/"))
        || file.utf8.contains(0)
      {
        throw .shardOutsideDirectory(index: path, file: file)
      }
      fileOfTensor[tensor] = file
      counts[file, default: 0] += 1
    }
    self.path = path
    self.fileOfTensor = fileOfTensor
    files = counts.keys.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
    tensorCounts = counts
  }

  /// Compares what a file holds with what the index lists for it.
  ///
  /// - Throws: `tensorNotInIndex`, `tensorNotInShard`.
  func check(_ tensors: [CheckpointTensor], in file: String) throws(CheckpointError) {
    for tensor in tensors where fileOfTensor[tensor.name] != file {
      throw .tensorNotInIndex(index: path, tensor: tensor.name, file: file)
    }
    if tensors.count == tensorCounts[file] { return }
    let present = Set(tensors.map { $0.name })
    for tensor in fileOfTensor.keys.sorted()
    where fileOfTensor[tensor] == file && !present.contains(tensor) {
      throw .tensorNotInShard(index: path, tensor: tensor, file: file)
    }
  }
}
