import Foundation
import MartletBytes
import MartletCheckpoints

/// How far a random checkpoint has come.
package struct SynthesisProgress: Sendable {
  package var tensor: String
  package var bytes: Int
  package var total: Int
}

extension SyntheticCheckpoint {
  /// Numbers made at a time: few enough for the cache of large machines and the memory of small ones.
  private static let piece = 1 << 20

  /// Writes the checkpoint into a directory, which appears whole or not at all.
  ///
  /// Works in a hidden directory beside it, `.NAME.partial`; what a killed run left there is removed first. Memory
  /// holds a piece of a tensor, or a whole one where it is computed from others (19 MB at most).
  /// - Returns: bytes of weights.
  /// - Throws: `occupied` if there is anything but an empty directory; `checkpoint`, `file`.
  @discardableResult
  package func write(
    to directory: String, shardBytes: Int = 5_000_000_000,
    progress: (SynthesisProgress) -> Void = { _ in }
  ) throws(SynthesisError) -> Int {
    let partial = try Self.prepared(directory)
    defer { try? FileManager.default.removeItem(atPath: partial) }
    let bytes: Int
    do throws(CheckpointError) {
      bytes = try writeWeights(to: partial, shardBytes: shardBytes, progress: progress)
    } catch { throw .checkpoint(error) }
    try writeFiles(to: partial)
    // SAFETY: both paths are valid during the call.
    if unsafe rename(partial, directory) != 0 {
      throw .file(.system(operation: .commit, path: directory, code: errno))
    }
    return bytes
  }

  /// Makes the hidden directory, the target being free.
  private static func prepared(_ directory: String) throws(SynthesisError) -> String {
    let partial = Directory.path(
      Directory.parent(of: directory), ".\(Directory.name(of: directory)).partial")
    var isFree = false
    do throws(BytesError) {
      switch try PathKind(of: directory) {
      case .missing: isFree = true
      case .directory: isFree = try Directory.names(in: directory).isEmpty
      case .file, .other: isFree = false
      }
      if isFree {
        if try PathKind(of: partial) != .missing {
          try? FileManager.default.removeItem(atPath: partial)
        }
        try Directory.make(partial)
      }
    } catch { throw .file(error) }
    if !isFree { throw .occupied(path: directory) }
    return partial
  }

  private func writeWeights(
    to directory: String, shardBytes: Int, progress: (SynthesisProgress) -> Void
  ) throws(CheckpointError) -> Int {
    let declarations = try declarations()
    let writer = try ShardedSafetensorsWriter(
      directory: directory, tensors: declarations, shardBytes: shardBytes)
    var state = SynthesisProgress(
      tensor: "", bytes: 0, total: declarations.reduce(0) { $0 + $1.byteCount })
    for tensor in tensors {
      state.tensor = tensor.name
      switch tensor.content {
      case .counter(let value):
        try writer.append([value])
        state.bytes += 8
      case .floats(let numbers):
        for start in stride(from: 0, to: numbers.count, by: numbers.piece(Self.piece)) {
          let end = min(numbers.count, start + numbers.piece(Self.piece))
          try writer.append(numbers.values(start..<end))
          state.bytes += (end - start) * type.byteCount
          progress(state)
        }
      }
    }
    try writer.commit()
    return state.total
  }

  /// Writes configuration and tokenizer into a directory that exists.
  package func writeFiles(to directory: String) throws(SynthesisError) {
    do throws(BytesError) {
      for file in files {
        try AtomicFile.write(file.text, to: Directory.path(directory, file.name))
      }
    } catch { throw .file(error) }
  }
}
