import MartletBytes

/// An opened checkpoint: every tensor found and checked, none decoded.
///
/// Opening reads the headers only. The files stay mapped while the object lives; values are converted at
/// every call, and `discard` gives the memory of what was read back.
package final class Checkpoint: Sendable {
  /// As it was given.
  package let path: String
  package let format: CheckpointFormat
  /// Where the weights and the files beside them lie.
  package let directory: String
  /// The files of weights, sorted by name.
  package let files: [CheckpointFile]
  /// Files of weights in the directory that its index does not name; they are not read. Worth a line in a
  /// report.
  package let unusedFiles: [String]
  /// What the readers did that a person should know of, in the order of the files.
  package let remarks: [CheckpointRemark]
  /// All tensor names, sorted by their bytes.
  package let names: [String]
  /// The model's `config.json`, always an object; `nil` when there is none.
  package let config: JSONValue?
  /// The typed pairs of a GGUF file; `nil` for other formats.
  package let gguf: GGUFMetadata?

  private let tensors: [String: CheckpointTensor]
  /// By path.
  private let mapped: [String: MappedFile]

  /// Opens a directory or a file of weights.
  ///
  /// In a directory, `model.safetensors.index.json` is followed where it exists; otherwise every
  /// `*.safetensors` is read.
  package static func open(_ path: String) throws(CheckpointError) -> Checkpoint {
    try Checkpoint(CheckpointFiles(at: path), path: path)
  }

  private init(_ source: CheckpointFiles, path: String) throws(CheckpointError) {
    var format = CheckpointFormat.safetensors
    var files: [CheckpointFile] = []
    var tensors: [String: CheckpointTensor] = [:]
    var mapped: [String: MappedFile] = [:]
    var remarks: [CheckpointRemark] = []
    var gguf: GGUFMetadata?
    for (index, name) in source.weights.enumerated() {
      let file = try rethrown { () throws(BytesError) in
        try MappedFile(path: Directory.path(source.directory, name))
      }
      format = try CheckpointFormat.detect(file)
      let contents = try format.read(file)
      remarks += contents.remarks
      if let metadata = contents.gguf {
        try GGUFSplit.check(metadata, index: index, of: source.weights.count)
      }
      gguf = gguf ?? contents.gguf
      for tensor in contents.tensors {
        if let other = tensors.updateValue(tensor, forKey: tensor.name) {
          throw .duplicateTensor(name: tensor.name, first: other.file, second: tensor.file)
        }
      }
      try source.index?.check(contents.tensors, in: name)
      files.append(
        CheckpointFile(
          name: name, path: file.path, byteCount: file.count, metadata: contents.metadata))
      mapped[file.path] = file
    }
    if let gguf { try GGUFSplit.check(gguf, tensors: tensors.count) }
    self.path = path
    self.format = format
    directory = source.directory
    self.files = files
    unusedFiles = source.unused
    let config = try Self.config(in: source.directory)
    let path = Directory.path(source.directory, "config.json")
    if let quantization = try MLXQuantization(config, path: path) {
      let joined = try quantization.joined(tensors, mapped)
      tensors = joined.tensors
      self.remarks = remarks + joined.remarks
    } else {
      self.remarks = remarks
    }
    names = tensors.keys.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
    self.config = config
    self.tensors = tensors
    self.mapped = mapped
    self.gguf = gguf
  }

  /// This checkpoint with tensors of another in place of some of its own.
  ///
  /// Directory, configuration and the files beside the weights stay this one's; `files` lists those of both.
  /// - Parameters:
  ///   - isLeftOut: whether a tensor of this checkpoint is left out.
  ///   - tensors: tensors of the other, under the names that they get here.
  /// - Throws: `duplicateTensor` where both have a name.
  package func joined(
    with other: Checkpoint, leavingOut isLeftOut: (String) -> Bool,
    tensors additions: [CheckpointTensor]
  ) throws(CheckpointError) -> Checkpoint {
    var joined = tensors.filter { !isLeftOut($0.key) }
    for tensor in additions {
      if let old = joined.updateValue(tensor, forKey: tensor.name) {
        throw .duplicateTensor(name: tensor.name, first: old.file, second: tensor.file)
      }
    }
    // Tensors of this very checkpoint under other names bring no file.
    if other === self {
      return Checkpoint(self, files: [], mapped: [:], remarks: [], tensors: joined)
    }
    let remark = CheckpointRemark.joined(
      file: other.path, tensors: additions.count, leftOut: names.count { isLeftOut($0) })
    return Checkpoint(
      self, files: other.files, mapped: other.mapped, remarks: other.remarks + [remark],
      tensors: joined)
  }

  /// This checkpoint with other views of some of its tensors.
  package func replacing(_ views: [CheckpointTensor]) -> Checkpoint {
    var replaced = tensors
    for view in views {
      let old = replaced.updateValue(view, forKey: view.name)
      precondition(old != nil, "only tensors that are there are seen otherwise")
    }
    return Checkpoint(self, files: [], mapped: [:], remarks: [], tensors: replaced)
  }

  private init(
    _ base: Checkpoint, files: [CheckpointFile], mapped: [String: MappedFile],
    remarks: [CheckpointRemark], tensors: [String: CheckpointTensor]
  ) {
    path = base.path
    format = base.format
    directory = base.directory
    self.files = base.files + files
    unusedFiles = base.unusedFiles
    self.remarks = base.remarks + remarks
    names = tensors.keys.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
    config = base.config
    gguf = base.gguf
    self.tensors = tensors
    self.mapped = base.mapped.merging(mapped) { first, _ in first }
  }

  /// A checkpoint without files of weights, its numbers made whenever they are read.
  ///
  /// - Parameters:
  ///   - declarations: tensors of floats.
  ///   - directory: where `config.json` and the other files beside the weights lie.
  package static func made(
    _ declarations: [TensorDeclaration], by maker: any TensorMaker, beside directory: String
  ) throws(CheckpointError) -> Checkpoint {
    try Checkpoint(declarations, by: maker, beside: directory)
  }

  private init(
    _ declarations: [TensorDeclaration], by maker: any TensorMaker, beside directory: String
  ) throws(CheckpointError) {
    let decoder = MadeTensors(maker)
    var tensors: [String: CheckpointTensor] = [:]
    for tensor in declarations {
      precondition(tensor.elementType.isFloat, "only floats are made")
      let isNew = tensors.updateValue(
        CheckpointTensor(
          name: tensor.name, elementType: tensor.elementType, shape: tensor.shape, file: "",
          storage: .decoded(decoder)), forKey: tensor.name)
      precondition(isNew == nil, "a tensor is declared twice")
    }
    path = directory
    format = .safetensors
    self.directory = directory
    files = []
    unusedFiles = []
    remarks = []
    names = tensors.keys.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
    config = try Self.config(in: directory)
    self.tensors = tensors
    mapped = [:]
    gguf = nil
  }

  private static func config(in directory: String) throws(CheckpointError) -> JSONValue? {
    let path = Directory.path(directory, "config.json")
    let value = try rethrown { () throws(BytesError) -> JSONValue? in
      try PathKind(of: path) == .missing ? nil : try JSONValue(contentsOf: path, limit: 16 << 20)
    }
    if let value, value.object == nil {
      throw .indexField(path: path, field: "", expected: "object", found: value.kind)
    }
    return value
  }

  /// The tensor of this name.
  package subscript(name: String) -> CheckpointTensor? { tensors[name] }

  /// The tensor of this name.
  ///
  /// - Throws: `noSuchTensor`.
  package func tensor(_ name: String) throws(CheckpointError) -> CheckpointTensor {
    guard let tensor = tensors[name] else { throw .noSuchTensor(name: name) }
    return tensor
  }

  /// A file beside the weights, such as `tokenizer.json`; `nil` when there is none.
  ///
  /// - Parameter name: a plain name without any slash.
  package func file(named name: String) throws(CheckpointError) -> MappedFile? {
    precondition(
      !name.utf8.contains(UInt8(ascii: "/")), "files beside the weights have plain names")
    let path = Directory.path(directory, name)
    return try rethrown { () throws(BytesError) -> MappedFile? in
      try PathKind(of: path) == .missing ? nil : try MappedFile(path: path)
    }
  }

  /// The mapped file of a tensor of this checkpoint.
  func mappedFile(of tensor: CheckpointTensor) -> MappedFile {
    guard let file = mapped[tensor.file] else {
      preconditionFailure("a tensor lies in a file of its own checkpoint")
    }
    return file
  }

  func mappedFile(_ file: CheckpointFile) -> MappedFile? { mapped[file.path] }
}
