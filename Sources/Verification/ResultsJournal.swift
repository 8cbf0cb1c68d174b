import Foundation
import MartletBytes

/// A results file that grows by a line a picture, so that a killed process loses the picture it was at, and no other.
///
/// One process at a time: the file is locked while it is open.
package final class ResultsJournal {
  package let path: String
  /// What was there already.
  package let records: [PictureRecord]
  /// Bytes of an unfinished line that were cut off.
  package let droppedBytes: Int
  private let handle: FileHandle

  /// Starts a file, or goes on with one of the same evaluation.
  ///
  /// - Throws: `otherEvaluation` for a file that is about something else, `busy`, `results`, `bytes`.
  package init(path: String, subject: EvaluationSubject) throws(VerificationError) {
    self.path = path
    // SAFETY: the path is only read during the call.
    let descriptor = unsafe open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o644)
    if descriptor < 0 {
      throw .bytes(.system(operation: .create, path: path, code: errno))
    }
    handle = FileHandle(fileDescriptor: descriptor, closeOnDealloc: true)
    if flock(descriptor, LOCK_EX | LOCK_NB) != 0 { throw .busy(path: path) }
    let found = try ResultsFile.read(path)
    if let found {
      if let difference = subject.difference(from: found.subject) {
        throw .otherEvaluation(
          path: path, what: difference.what, expected: difference.expected,
          found: difference.found)
      }
      if found.subject.shard != subject.shard {
        throw .otherEvaluation(
          path: path, what: "shard", expected: "\(subject.shard.index)",
          found: "\(found.subject.shard.index)")
      }
    }
    records = found?.records ?? []
    droppedBytes = found?.unfinishedBytes ?? 0
    do {
      try handle.truncate(atOffset: UInt64(found?.wholeBytes ?? 0))
      try handle.seekToEnd()
      if found == nil { try handle.write(contentsOf: Data(ResultsFile.line(subject.json))) }
    } catch { throw .bytes(.system(operation: .write, path: path, code: Self.code(error))) }
  }

  /// Adds a record; when this returns, the death of the process no longer loses it.
  package func append(_ record: PictureRecord) throws(VerificationError) {
    do { try handle.write(contentsOf: Data(ResultsFile.line(record.json))) } catch {
      throw .bytes(.system(operation: .write, path: path, code: Self.code(error)))
    }
  }

  /// Brings everything to the disk.
  package func finish() throws(VerificationError) {
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
