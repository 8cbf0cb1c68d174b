import Foundation
import MartletBytes

/// The results of an evaluation or of a shard of it, as they stand in a file (Formats/verification-results.md).
package struct ResultsFile: Sendable {
  package let path: String
  package let subject: EvaluationSubject
  package private(set) var records: [PictureRecord]
  /// Bytes behind the last whole line: what a killed process left of the next.
  package let unfinishedBytes: Int
  /// Bytes of whole lines.
  let wholeBytes: Int

  /// Reads a file, every byte of which is checked.
  ///
  /// - Returns: `nil` where the file is empty or holds not even one whole line: nothing was begun.
  /// - Throws: `results` for the first line that cannot be used, `bytes`.
  package static func read(_ path: String) throws(VerificationError) -> ResultsFile? {
    let file: MappedFile
    do { file = try MappedFile(path: path) } catch { throw .bytes(error) }
    return try file.withBytes { bytes throws(VerificationError) in
      try ResultsFile(bytes, path: path)
    }
  }

  /// The same for bytes in memory.
  package init?(_ bytes: RawSpan, path: String) throws(VerificationError) {
    self.path = path
    var subject: EvaluationSubject?
    var records: [PictureRecord] = []
    var seen = Seen()
    var (start, line) = (0, 1)
    while let end = SealedLine.end(bytes, from: start) {
      do throws(ResultsProblem) {
        var reader = try ResultsReader(
          SealedLine.value(bytes.extracting(start..<end), path: path, offset: start), key: "line")
        if let subject {
          let record = try PictureRecord(&reader)
          try seen.add(record, subject)
          records.append(record)
        } else {
          subject = try EvaluationSubject(&reader)
        }
        try reader.finish()
      } catch {
        throw .results(path: path, line: line, problem: error)
      }
      start = end + 1
      line += 1
    }
    guard let subject else {
      // Half a header is nothing; anything else that has no line is no results file.
      if Self.couldBeHeader(bytes) { return nil }
      throw .results(path: path, line: 1, problem: .noHeader)
    }
    self.subject = subject
    self.records = records
    wholeBytes = start
    unfinishedBytes = bytes.byteCount - start
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

  // MARK: Lines

  private static let opening = Array("{\"martlet_verification\":".utf8)

  private static func couldBeHeader(_ bytes: RawSpan) -> Bool {
    SealedLine.begins(bytes, as: opening)
  }
}
