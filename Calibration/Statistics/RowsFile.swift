// Pointers live here: bytes written to a file and read from it in place.

import Glibc
import MartletBytes

/// A file that is written and read at offsets; for one process at a time.
final class RowsFile {
  let path: String
  private let descriptor: Int32

  /// Opens the file, or makes it.
  /// - Returns: `nil` where another process works with it.
  init?(path: String) throws(BytesError) {
    let descriptor = unsafe open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o644)
    if descriptor < 0 { throw .system(operation: .create, path: path, code: errno) }
    self.path = path
    self.descriptor = descriptor
    if flock(descriptor, LOCK_EX | LOCK_NB) != 0 { return nil }
  }

  deinit { _ = close(descriptor) }

  func write(_ bytes: [UInt8], at offset: Int) throws(BytesError) {
    var done = 0
    while done < bytes.count {
      // SAFETY: the buffer is only read during the call, from `done` to its end.
      let count = unsafe bytes.withUnsafeBytes { buffer in
        unsafe pwrite(
          descriptor, buffer.baseAddress.map { unsafe $0 + done }, buffer.count - done,
          off_t(offset + done))
      }
      if count < 0 {
        if errno == EINTR { continue }
        throw failure(.write)
      }
      done += count
    }
  }

  /// - Returns: fewer bytes where the file ends before.
  func read(_ count: Int, at offset: Int) throws(BytesError) -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: count)
    var done = 0
    while done < count {
      // SAFETY: the buffer has `count` bytes, of which those from `done` on are written.
      let found = unsafe bytes.withUnsafeMutableBytes { buffer in
        unsafe pread(
          descriptor, buffer.baseAddress.map { unsafe $0 + done }, buffer.count - done,
          off_t(offset + done))
      }
      if found < 0 {
        if errno == EINTR { continue }
        throw failure(.open)
      }
      if found == 0 { break }
      done += found
    }
    if done < count { bytes.removeLast(count - done) }
    return bytes
  }

  /// What was written is on the disk when this returns.
  func synchronize() throws(BytesError) {
    if fdatasync(descriptor) != 0 { throw failure(.write) }
  }

  private func failure(_ operation: FileOperation) -> BytesError {
    .system(operation: operation, path: path, code: errno)
  }
}
