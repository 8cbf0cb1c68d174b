import MartletBytes

/// A results file that grows by a line a picture.
package final class ResultsJournal {
  /// What was there already.
  package let records: [PictureRecord]
  /// Bytes of an unfinished line that were cut off.
  package let droppedBytes: Int
  private let journal: LineJournal
  package var path: String { journal.path }

  /// Starts a file, or goes on with one of the same evaluation.
  ///
  /// - Throws: `otherEvaluation` for a file that is about something else, `busy`, `results`, `bytes`.
  package init(path: String, subject: EvaluationSubject) throws(VerificationError) {
    journal = try LineJournal(path: path)
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
    try journal.keep(found?.wholeBytes ?? 0)
    if found == nil { try journal.append(subject.json) }
  }

  /// Adds a record; when this returns, the death of the process no longer loses it.
  package func append(_ record: PictureRecord) throws(VerificationError) {
    try journal.append(record.json)
  }

  /// Brings everything to the disk.
  package func finish() throws(VerificationError) { try journal.finish() }
}
