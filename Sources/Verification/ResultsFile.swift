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

  /// Longest line that is read: a record takes a few KB, and more with many questions about one picture.
  static let longestLine = 64 << 20

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
    while let end = Self.lineEnd(bytes, from: start) {
      do throws(ResultsProblem) {
        var reader = try ResultsReader(
          Self.value(bytes.extracting(start..<end), path: path, offset: start), key: "line")
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
    for index in 0..<min(bytes.byteCount, opening.count) {
      if bytes.byte(index) != opening[index] { return false }
    }
    return true
  }

  private static func lineEnd(_ bytes: RawSpan, from start: Int) -> Int? {
    var index = start
    while index < bytes.byteCount {
      if bytes.byte(index) == 0x0A { return index }
      index += 1
    }
    return nil
  }

  /// `{…,"sum":"0123456789abcdef"}`: the sum is XXH64 of the bytes before its comma.
  private static func value(
    _ line: RawSpan, path: String, offset: Int
  ) throws(ResultsProblem) -> JSONValue {
    if line.byteCount > longestLine { throw .tooLong(limit: longestLine) }
    let tail = line.byteCount - sumBytes
    guard tail > 0 else { throw .checksum }
    let sum = XXH64.checksum(line.extracting(0..<tail))
    let expected = Array(seal(sum).utf8)
    for index in 0..<sumBytes where line.byte(tail + index) != expected[index] {
      throw .checksum
    }
    // SAFETY: bytes have no padding; the copy is the line without its sum.
    var bytes = unsafe line.extracting(0..<tail).withUnsafeBytes { unsafe [UInt8]($0) }
    bytes.append(UInt8(ascii: "}"))
    do throws(BytesError) {
      return try JSONValue(parsing: bytes, source: path)
    } catch { throw .json(error) }
  }

  private static let sumBytes = 26

  private static func seal(_ sum: UInt64) -> String {
    ",\"sum\":\"" + EvaluationSubject.text(sum) + "\"}"
  }

  /// An object as a line of the file.
  static func line(_ object: JSONObject) -> [UInt8] {
    var bytes = JSONValue.object(object).utf8()
    bytes.removeLast()
    let sum = XXH64.checksum(bytes)
    return bytes + Array((seal(sum) + "\n").utf8)
  }
}

extension RawSpan {
  /// A byte within the count, which the caller has compared.
  fileprivate func byte(_ index: Int) -> UInt8 {
    precondition(index < byteCount)
    // SAFETY: the index was just compared.
    return unsafe unsafeLoad(fromUncheckedByteOffset: index, as: UInt8.self)
  }
}
