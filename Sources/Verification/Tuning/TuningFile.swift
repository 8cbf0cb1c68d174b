import MartletBytes

/// The records of a tuning as they stand in a file (Formats/verification-results.md).
package struct TuningFile: Sendable {
  package let subject: TuningSubject
  package let records: [TuningRecord]
  /// Bytes behind the last whole line: what a killed process left of the next.
  package let unfinishedBytes: Int
  let wholeBytes: Int

  /// - Returns: `nil` where the file holds not even one whole line: nothing was begun.
  /// - Throws: `results` for the first line that cannot be used, `bytes`.
  package static func read(_ path: String) throws(VerificationError) -> TuningFile? {
    try MappedFile.reading(path) { bytes throws(VerificationError) in
      try TuningFile(bytes, path: path)
    }
  }

  /// The same for bytes in memory.
  package init?(_ bytes: RawSpan, path: String) throws(VerificationError) {
    var seen: Set<Place> = []
    let lines = try SealedLines(
      bytes, path: path, opening: "{\"martlet_tuning\":",
      subject: { reader throws(ResultsProblem) in try TuningSubject(&reader) },
      record: { reader, subject throws(ResultsProblem) in
        let record = try TuningRecord(&reader)
        if record.picture >= subject.pictures { throw .foreignPicture(record.picture) }
        if !seen.insert(Place(point: record.point, picture: record.picture)).inserted {
          throw .repeatedPicture(record.picture)
        }
        return record
      })
    guard let lines else { return nil }
    subject = lines.subject
    records = lines.records
    wholeBytes = lines.wholeBytes
    unfinishedBytes = lines.unfinishedBytes
  }

  private struct Place: Hashable {
    var point: TuningPoint
    var picture: Int
  }
}

/// A tuning's file that grows by a line a picture and point.
package final class TuningJournal {
  /// What was there already.
  package let records: [TuningRecord]
  package let droppedBytes: Int
  private let journal: LineJournal

  /// Starts a file, or goes on with one of the same tuning.
  /// - Throws: `otherEvaluation` for a file that is about something else, `busy`, `results`, `bytes`.
  package init(path: String, subject: TuningSubject) throws(VerificationError) {
    journal = try LineJournal(path: path)
    let found = try TuningFile.read(path)
    if let found, let difference = subject.difference(from: found.subject) {
      throw .otherEvaluation(
        path: path, what: difference.what, expected: difference.expected, found: difference.found)
    }
    records = found?.records ?? []
    droppedBytes = found?.unfinishedBytes ?? 0
    try journal.keep(found?.wholeBytes ?? 0)
    if found == nil { try journal.append(subject.json) }
  }

  package func append(_ record: TuningRecord) throws(VerificationError) {
    try journal.append(record.json)
  }

  package func finish() throws(VerificationError) { try journal.finish() }
}
