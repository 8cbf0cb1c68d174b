import MartletBytes

/// What stands in a file of sealed lines: the first line says what the file is about, each further one is a record.
struct SealedLines<Subject, Record> {
  let subject: Subject
  private(set) var records: [Record] = []
  /// Bytes of whole lines.
  let wholeBytes: Int
  /// Bytes behind the last whole line: what a killed process left of the next.
  let unfinishedBytes: Int

  /// Reads and checks every line.
  ///
  /// - Parameters:
  ///   - opening: how the first line of such a file begins.
  ///   - record: reads a line's record and refuses one that does not fit what came before.
  /// - Returns: `nil` where the bytes hold not even one whole line, but could be the beginning of one: nothing was begun.
  /// - Throws: `results` for the first line that cannot be used.
  init?(
    _ bytes: RawSpan, path: String, opening: String,
    subject readSubject: (inout ResultsReader) throws(ResultsProblem) -> Subject,
    record readRecord: (inout ResultsReader, Subject) throws(ResultsProblem) -> Record
  ) throws(VerificationError) {
    var subject: Subject?
    var (start, line) = (0, 1)
    while let end = SealedLine.end(bytes, from: start) {
      do throws(ResultsProblem) {
        var reader = try ResultsReader(
          SealedLine.value(bytes.extracting(start..<end), path: path, offset: start), key: "line")
        if let subject {
          records.append(try readRecord(&reader, subject))
        } else {
          subject = try readSubject(&reader)
        }
        try reader.finish()
      } catch {
        throw .results(path: path, line: line, problem: error)
      }
      start = end + 1
      line += 1
    }
    guard let subject else {
      // Half a header is nothing; anything else that has no line is another file.
      if SealedLine.begins(bytes, as: Array(opening.utf8)) { return nil }
      throw .results(path: path, line: 1, problem: .noHeader)
    }
    self.subject = subject
    wholeBytes = start
    unfinishedBytes = bytes.byteCount - start
  }
}

extension MappedFile {
  /// What `body` makes of a file's bytes.
  /// - Throws: `bytes`, and what `body` throws.
  static func reading<Result>(
    _ path: String, _ body: (RawSpan) throws(VerificationError) -> Result
  ) throws(VerificationError) -> Result {
    let file: MappedFile
    do { file = try MappedFile(path: path) } catch { throw .bytes(error) }
    return try file.withBytes(body)
  }
}
