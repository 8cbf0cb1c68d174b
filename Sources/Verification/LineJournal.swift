import Foundation
import MartletBytes

/// A file that grows by whole lines, so that a killed process loses the line it was at, and no other.
///
/// One process at a time: the file is locked while it is open.
final class LineJournal {
  let path: String
  private let handle: FileHandle

  /// Opens a file or begins one; nothing is written.
  /// - Throws: `busy`, `bytes`.
  init(path: String) throws(VerificationError) {
    self.path = path
    // SAFETY: the path is only read during the call.
    let descriptor = unsafe open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o644)
    if descriptor < 0 {
      throw .bytes(.system(operation: .create, path: path, code: errno))
    }
    handle = FileHandle(fileDescriptor: descriptor, closeOnDealloc: true)
    if flock(descriptor, LOCK_EX | LOCK_NB) != 0 { throw .busy(path: path) }
  }

  /// Cuts off what stands behind the whole lines, and goes on there.
  func keep(_ wholeBytes: Int) throws(VerificationError) {
    do {
      try handle.truncate(atOffset: UInt64(wholeBytes))
      try handle.seekToEnd()
    } catch { throw .bytes(.system(operation: .write, path: path, code: Self.code(error))) }
  }

  /// Adds a line; when this returns, the death of the process no longer loses it.
  func append(_ object: JSONObject) throws(VerificationError) {
    do { try handle.write(contentsOf: Data(SealedLine.bytes(object))) } catch {
      throw .bytes(.system(operation: .write, path: path, code: Self.code(error)))
    }
  }

  /// Brings everything to the disk.
  func finish() throws(VerificationError) {
    do { try handle.synchronize() } catch {
      throw .bytes(.system(operation: .commit, path: path, code: Self.code(error)))
    }
  }

  /// The errno value behind an error of Foundation.
  private static func code(_ error: any Error) -> Int32 {
    let error = error as NSError
    let inner = error.userInfo[NSUnderlyingErrorKey] as? NSError ?? error
    return inner.domain == NSPOSIXErrorDomain ? Int32(clamping: inner.code) : EIO
  }
}
