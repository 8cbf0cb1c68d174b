import CFuzzGuard
import MartletBytes
import MartletCheckpoints
import MartletText

/// Checkpoints of every format: opened, listed, and every number read.
enum Checkpoints {
  private static let file = InputFile()

  /// Numbers that are asked for at once: converting takes parts of a matrix.
  private static let piece = 1 << 14

  static func read(_ input: [UInt8]) {
    file.fill(input)
    if let checkpoint = open(file.path) { readAll(checkpoint) }
  }

  // MARK: Several files

  private static let shards = "Tests/Fixtures/safetensors/sharded/model-0000"
  private static let sharded = folder([
    ("model.safetensors.index.json", file.path),
    ("model-00001-of-00002.safetensors", "\(shards)1-of-00002.safetensors"),
    ("model-00002-of-00002.safetensors", "\(shards)2-of-00002.safetensors"),
  ])

  static func readIndex(_ input: [UInt8]) {
    file.fill(input)
    if let checkpoint = open(sharded.path) { readAll(checkpoint) }
  }

  private static let configuration = InputFile()
  private static let quantized = folder([
    ("config.json", configuration.path), ("model.safetensors", file.path),
  ])

  static func readQuantized(_ input: [UInt8]) {
    let parts = input.parts(2)
    configuration.fill(parts[0])
    file.fill(parts.count > 1 ? parts[1] : [])
    if let checkpoint = open(quantized.path) { readAll(checkpoint) }
  }

  /// Targets that are no files in memory are taken from the repository's root.
  static func folder(_ links: [(String, String)]) -> InputFolder {
    InputFolder(
      links.map { name, target in
        (name, target.hasPrefix("/") ? target : Directory.path(workingDirectory, target))
      })
  }

  // MARK: GGUF

  static func readGGUF(_ input: [UInt8]) {
    file.fill(input)
    guard let checkpoint = open(file.path) else { return }
    readAll(checkpoint)
    guard let metadata = checkpoint.gguf else { return }
    for key in metadata.keys {
      _ = try? metadata.integer(key)
      _ = try? metadata.number(key)
      _ = try? metadata.bool(key)
      _ = try? metadata.string(key)
      _ = try? metadata.integers(key)
      _ = try? metadata.strings(key)
    }
    Configurations.read(language: checkpoint)
  }

  // MARK: Any checkpoint

  static func open(_ path: String) -> Checkpoint? {
    do throws(CheckpointError) {
      return try Checkpoint.open(path)
    } catch {
      // libhdf5 ends the copy that tries a file by other signals; these two are this program's own traps.
      if case .hdf5(_, _, _, let found) = error,
        found.hasSuffix("signal 4") || found.hasSuffix("signal 5")
      {
        martlet_fuzz_fail("a trap while an HDF5 file was tried")
      }
      return nil
    }
  }

  static func readAll(_ checkpoint: Checkpoint) {
    for name in checkpoint.names {
      guard let tensor = checkpoint[name] else { martlet_fuzz_fail("a name without a tensor") }
      keep(tensor.storedType)
      // A row of HDF5 is read whole; all other numbers can be asked for one by one.
      if checkpoint.format != .hdf5, tensor.elementType.isFloat {
        for start in stride(from: 0, to: tensor.count, by: piece) {
          let elements = start..<min(tensor.count, start + piece)
          if let floats = try? checkpoint.floats(name, elements: elements) {
            if floats.count != elements.count { martlet_fuzz_fail("not all numbers were read") }
            keep(floats[floats.count - 1])
          }
          try? checkpoint.discard(name, elements: elements)
        }
      } else {
        readRows(of: tensor, in: checkpoint)
      }
    }
  }

  private static func readRows(of tensor: CheckpointTensor, in checkpoint: Checkpoint) {
    let rows = tensor.shape.first ?? 1
    if tensor.count == 0 { return }
    let step = max(1, piece / max(1, tensor.count / rows))
    for start in stride(from: 0, to: rows, by: step) {
      let part = start..<min(rows, start + step)
      try? checkpoint.withBytes(tensor.name, rows: part) { bytes in
        // SAFETY: the load checks the offset; every bit pattern is a byte.
        if bytes.byteCount > 0 {
          keep(bytes.unsafeLoad(fromByteOffset: bytes.byteCount - 1, as: UInt8.self))
        }
      }
      if tensor.elementType.isFloat { _ = try? checkpoint.floats(tensor.name, rows: part) }
    }
    if !tensor.elementType.isFloat, tensor.count <= piece {
      _ = try? checkpoint.integers(tensor.name)
    }
  }
}
