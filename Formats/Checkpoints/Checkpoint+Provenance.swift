import MartletBytes

/// What a file contained, in 32 bytes.
package struct ContentHash: Equatable, Sendable {
  /// Without the directory.
  package let name: String
  package let byteCount: Int
  /// SHA-256, as `sha256sum` gives it.
  package let sha256: [UInt8]
}

extension Checkpoint {
  /// The hashes of the files of weights and of `config.json`, sorted by name, weights first.
  ///
  /// Reads everything once and keeps none of it in memory.
  package func contentHashes() throws(CheckpointError) -> [ContentHash] {
    var hashes: [ContentHash] = []
    for file in files {
      guard let mapped = mappedFile(file) else { continue }
      hashes.append(try Self.contentHash(of: mapped, name: file.name))
    }
    if let config = try file(named: "config.json") {
      hashes.append(try Self.contentHash(of: config, name: "config.json"))
    }
    return hashes
  }

  private static func contentHash(
    of file: MappedFile, name: String
  ) throws(CheckpointError) -> ContentHash {
    let digest = try rethrown { () throws(BytesError) in try SHA256.digest(of: file) }
    return ContentHash(name: name, byteCount: file.count, sha256: digest)
  }

  /// One hash for the whole checkpoint: SHA-256 over each file's name, size and hash.
  package func contentHash() throws(CheckpointError) -> [UInt8] {
    var writer = ByteWriter()
    for hash in try contentHashes() {
      writer.size(hash.name.utf8.count)
      writer.text(hash.name)
      writer.size(hash.byteCount)
      writer.append(hash.sha256)
    }
    return SHA256.digest(writer.bytes)
  }
}
