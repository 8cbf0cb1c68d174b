import MartletBytes

extension Pack {
  /// Whether a file begins as a pack does; everything else about it is unknown.
  package static func isPack(path: String) throws(BytesError) -> Bool {
    let magic = PackHeader.magic
    let file = try MappedFile(path: path)
    return file.withBytes { bytes in
      guard bytes.byteCount >= magic.count else { return false }
      for (offset, byte) in magic.enumerated() {
        // SAFETY: every bit pattern is a byte, and the load checks the offset.
        if unsafe bytes.unsafeLoad(fromByteOffset: offset, as: UInt8.self) != byte { return false }
      }
      return true
    }
  }
}
