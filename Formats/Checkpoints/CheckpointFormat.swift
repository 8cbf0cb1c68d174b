import MartletBytes

/// The formats of weight files. A new one adds a case here and a folder beside this file; the switches and
/// the corruption suite then ask for the rest.
package enum CheckpointFormat: String, CaseIterable, Sendable {
  case safetensors
  case gguf
  /// What `torch.save` writes.
  case torch
  case hdf5

  /// The format of a file, by its content; its name only decides where the content is damaged.
  ///
  /// - Throws: `unsupportedFormat`, `unknownFormat`.
  static func detect(_ file: MappedFile) throws(CheckpointError) -> CheckpointFormat {
    let start = file.withBytes { bytes in
      // SAFETY: the buffer is only read during the call.
      unsafe bytes.extracting(first: 16).withUnsafeBytes { unsafe [UInt8]($0) }
    }
    if start.starts(with: GGUFHeader.magic) { return .gguf }
    if start.starts(with: zipStart) || start.starts(with: TorchFile.legacyStart) { return .torch }
    if start.starts(with: hdf5Start) { return .hdf5 }
    for (magic, name) in foreign where start.starts(with: magic) {
      throw .unsupportedFormat(path: file.path, found: name)
    }
    // Safetensors have no magic: a header length, then the header's opening brace.
    if start.count > 8 && start[8] == UInt8(ascii: "{") { return .safetensors }
    for format in allCases
    where format.suffixes.contains(where: { file.path.hasSuffix($0) }) {
      return format
    }
    throw .unknownFormat(path: file.path, firstBytes: start)
  }

  private static let hdf5Start: [UInt8] = [0x89, 0x48, 0x44, 0x46, 0x0D, 0x0A, 0x1A, 0x0A]
  private static let zipStart: [UInt8] = Array("PK\u{3}\u{4}".utf8)

  /// How names of such files end.
  var suffixes: [String] {
    switch self {
    case .safetensors: [".safetensors"]
    case .gguf: [".gguf"]
    case .torch: [".bin", ".pt", ".pth"]
    case .hdf5: [".h5", ".hdf5"]
    }
  }

  /// First bytes of files that users also have.
  private static let foreign: [(magic: [UInt8], name: String)] = [
    ([0x80, 0x02], "a pickle without torch's magic number"),
    ([0x89, 0x48, 0x44, 0x46, 0x0D, 0x0A, 0x1A, 0x0A], "HDF5"),
  ]

  /// Names of weight files in formats that are not read, for a clear error.
  static func foreignName(_ name: String) -> String? {
    if name.hasSuffix(".h5") || name.hasSuffix(".hdf5") { return "HDF5" }
    if name.hasSuffix(".npz") { return "NumPy archive" }
    return nil
  }

  /// The tensors of a file and its string metadata.
  func read(_ file: MappedFile) throws(CheckpointError) -> CheckpointContents {
    switch self {
    case .safetensors: try SafetensorsHeader(of: file).contents
    case .gguf: try GGUFHeader(of: file).contents
    case .torch: try TorchFile(of: file).contents
    case .hdf5: try HDF5Contents(of: file).contents
    }
  }
}

/// What a reader found in one file.
struct CheckpointContents: Sendable {
  /// In the file's order; every name stands once.
  var tensors: [CheckpointTensor] = []
  var metadata: [(key: String, value: String)] = []
  var remarks: [CheckpointRemark] = []
  /// The typed pairs of a GGUF file.
  var gguf: GGUFMetadata?
}
