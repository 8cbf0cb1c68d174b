import MartletBytes

/// Fails at once where a file cannot be written in the end: before minutes of work, not after them.
func checkOutput(_ path: String) throws {
  try AtomicFile(replacing: path).abandon()
}
