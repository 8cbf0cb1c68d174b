import MartletBytes

/// The results of an evaluation or of a shard of it, as they stand in a file (Formats/verification-results.md).
package struct ResultsFile: Sendable {
  package let path: String
  package let subject: EvaluationSubject
  package let records: [PictureRecord]
  /// Bytes behind the last whole line: what a killed process left of the next.
  package let unfinishedBytes: Int
  /// Bytes of whole lines.
  let wholeBytes: Int

  /// Reads a file, every byte of which is checked.
  ///
  /// - Returns: `nil` where the file is empty or holds not even one whole line: nothing was begun.
  /// - Throws: `results` for the first line that cannot be used, `bytes`.
  package static func read(_ path: String) throws(VerificationError) -> ResultsFile? {
    try MappedFile.reading(path) { bytes throws(VerificationError) in
      try ResultsFile(bytes, path: path)
    }
  }

  /// The same for bytes in memory.
  package init?(_ bytes: RawSpan, path: String) throws(VerificationError) {
    var seen = Seen()
    let lines = try SealedLines(
      bytes, path: path, opening: "{\"martlet_verification\":",
      subject: { reader throws(ResultsProblem) in try EvaluationSubject(&reader) },
      record: { reader, subject throws(ResultsProblem) in
        let record = try PictureRecord(&reader)
        try seen.add(record, subject)
        return record
      })
    guard let lines else { return nil }
    self.path = path
    subject = lines.subject
    records = lines.records
    wholeBytes = lines.wholeBytes
    unfinishedBytes = lines.unfinishedBytes
  }

  /// What was seen of a file, to refuse what comes twice.
  private struct Seen {
    private var pictures: Set<Int> = []
    private var questions: Set<Int> = []

    mutating func add(
      _ record: PictureRecord, _ subject: EvaluationSubject
    ) throws(ResultsProblem) {
      guard record.picture < subject.pictures, subject.shard.holds(picture: record.picture) else {
        throw .foreignPicture(record.picture)
      }
      if !pictures.insert(record.picture).inserted { throw .repeatedPicture(record.picture) }
      for question in record.questions {
        guard question.question < subject.questions else {
          throw .range(
            key: "question", found: question.question, least: 0, most: subject.questions - 1)
        }
        if !questions.insert(question.question).inserted {
          throw .repeatedQuestion(question.question)
        }
      }
    }
  }
}
