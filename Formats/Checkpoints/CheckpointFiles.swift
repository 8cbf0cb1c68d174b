import MartletBytes

/// Which files a checkpoint is made of.
struct CheckpointFiles {
  /// Where the files of weights and those beside them lie.
  var directory: String
  /// Names of the files of weights, sorted.
  var weights: [String]
  /// The index that was followed, if there is one.
  var index: ShardIndex?
  /// Files of weights that are not read, because others are.
  var unused: [String] = []

  /// Files that trainers leave beside the weights. They are no models; some can be merged onto one.
  private static let trainerFiles = [
    "training_args.bin", "optimizer.pt", "optimizer.bin", "scheduler.pt", "scheduler.bin",
    "mm_projector.bin", "non_lora_trainables.bin", "adapter_model.bin",
  ]

  /// - Throws: `missing`, `noWeights`, `severalModels`, `unsupportedFormat`, and those of the index.
  init(at path: String) throws(CheckpointError) {
    switch try rethrown({ () throws(BytesError) in try PathKind(of: path) }) {
    case .missing: throw .missing(path: path)
    case .other: throw .file(.notAFile(path: path))
    case .file:
      directory = Directory.parent(of: path)
      weights = [Directory.name(of: path)]
      if path.hasSuffix(ShardIndex.suffix) { try follow(path) }
      if let split = GGUFSplit(name: weights[0]) {
        weights = try split.files(beside: weights[0], in: directory)
      }
    case .directory:
      directory = path
      weights = []
      let names = try rethrown { () throws(BytesError) in try Directory.names(in: path) }
      try choose(among: names.filter { $0.first != "." })
    }
  }

  /// Takes the first kind of weights that the directory has; the others are `unused`.
  private mutating func choose(among names: [String]) throws(CheckpointError) {
    let safetensors = Self.files(of: .safetensors, among: names)
    let torch = Self.files(of: .torch, among: names)
    if names.contains(ShardIndex.safetensorsName) {
      try follow(Directory.path(directory, ShardIndex.safetensorsName))
    } else if !safetensors.isEmpty {
      weights = safetensors
    } else if names.contains(ShardIndex.torchName) {
      try follow(Directory.path(directory, ShardIndex.torchName))
    } else if torch.contains("pytorch_model.bin") {
      weights = ["pytorch_model.bin"]
    } else {
      for format in [CheckpointFormat.torch, .hdf5, .gguf] where weights.isEmpty {
        weights = Self.files(of: format, among: names)
      }
      if weights.isEmpty { throw nothingFound(among: names) }
      if let split = GGUFSplit(name: weights[0]),
        weights.allSatisfy({ GGUFSplit(name: $0) == split })
      {
        weights = try split.files(beside: weights[0], in: directory)
      } else if weights.count > 1 {
        throw .severalModels(directory: directory, files: weights)
      }
    }
    let read = Set(weights)
    unused = CheckpointFormat.allCases.flatMap { Self.files(of: $0, among: names) }.filter {
      !read.contains($0)
    }
  }

  private static func files(of format: CheckpointFormat, among names: [String]) -> [String] {
    names.filter { name in
      format.suffixes.contains { name.hasSuffix($0) } && !trainerFiles.contains(name)
        && !name.hasPrefix("rng_state")
    }
  }

  private func nothingFound(among names: [String]) -> CheckpointError {
    for name in names {
      if let found = CheckpointFormat.foreignName(name) {
        return .unsupportedFormat(path: Directory.path(directory, name), found: found)
      }
    }
    return .noWeights(directory: directory)
  }

  /// Takes the files that an index names.
  private mutating func follow(_ path: String) throws(CheckpointError) {
    let index = try ShardIndex(path: path)
    for file in index.files {
      let shard = Directory.path(directory, file)
      if try rethrown({ () throws(BytesError) in try PathKind(of: shard) }) == .missing {
        throw .missingShard(index: path, file: file)
      }
    }
    weights = index.files
    self.index = index
  }
}

/// Passes on an error of Bytes as one of this module.
func rethrown<R>(_ body: () throws(BytesError) -> R) throws(CheckpointError) -> R {
  do throws(BytesError) {
    return try body()
  } catch {
    throw .file(error)
  }
}
