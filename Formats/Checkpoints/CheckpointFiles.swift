import MartletBytes

/// Which files a checkpoint is made of.
struct CheckpointFiles {
  /// Where the files of weights and those beside them lie.
  var directory: String
  /// Names of the files of weights, sorted.
  var weights: [String]
  /// The index that was followed, if there is one.
  var index: SafetensorsIndex?
  /// Files of weights that the index does not name.
  var unused: [String] = []

  /// - Throws: `missing`, `noWeights`, `unsupportedFormat`, and those of the index.
  init(at path: String) throws(CheckpointError) {
    switch try rethrown({ () throws(BytesError) in try PathKind(of: path) }) {
    case .missing: throw .missing(path: path)
    case .other: throw .file(.notAFile(path: path))
    case .file:
      directory = Directory.parent(of: path)
      weights = [Directory.name(of: path)]
      if path.hasSuffix(SafetensorsIndex.suffix) { try follow(path) }
    case .directory:
      directory = path
      let names = try rethrown { () throws(BytesError) in try Directory.names(in: path) }
      weights = names.filter { $0.hasSuffix(CheckpointFormat.safetensorsSuffix) && $0.first != "." }
      if names.contains(SafetensorsIndex.name) {
        try follow(Directory.path(path, SafetensorsIndex.name))
      } else if weights.isEmpty {
        weights = names.filter { $0.hasSuffix(CheckpointFormat.ggufSuffix) && $0.first != "." }
        if weights.count == 1 { return }
        if weights.count > 1 {
          throw .severalModels(directory: path, files: weights)
        }
        for name in names {
          if let found = CheckpointFormat.foreignName(name) {
            throw .unsupportedFormat(path: Directory.path(path, name), found: found)
          }
        }
        throw .noWeights(directory: path)
      }
    }
  }

  /// Takes the files that an index names instead of those that were found.
  private mutating func follow(_ path: String) throws(CheckpointError) {
    let index = try SafetensorsIndex(path: path)
    for file in index.files {
      let shard = Directory.path(directory, file)
      if try rethrown({ () throws(BytesError) in try PathKind(of: shard) }) == .missing {
        throw .missingShard(index: path, file: file)
      }
    }
    let named = Set(index.files)
    unused = weights.filter { !named.contains($0) && $0 != Directory.name(of: path) }
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
