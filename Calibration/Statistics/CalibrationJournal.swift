import Foundation
import MartletBytes

/// Statistics on disk while pictures run, so that a run that was killed goes on where it was.
///
/// Two files: `PATH` holds all but sampled rows and is replaced as a whole; `PATH.rows` holds the samples and is written in
/// place, rows that changed since the last time. Both speak of the same picture only because a picture that is run again
/// draws the same rows into the same places: what a killed run wrote too early is written again.
///
/// Both end with the run; what is left of a killed one is taken up only by a run with the same inputs.
final class CalibrationJournal {
  /// What a run depends on: what it is, and a text that changes with it.
  struct Input: Equatable {
    var what: String
    var text: String
  }

  /// Pictures that were run, with what came of them.
  struct Position: Equatable {
    struct Picture: Equatable {
      var name: String
      /// Empty for one that could not be read.
      var digest: [UInt8]
      /// What was asked about it.
      var questions: [String]
    }
    var pictures: [Picture] = []
    var questionCount = 0
    var answerTokenCount = 0

    mutating func add(
      _ name: String, _ digest: [UInt8], _ questions: [Question], _ asked: PicturePass.Asked
    ) {
      pictures.append(Picture(name: name, digest: digest, questions: questions.map(\.text)))
      questionCount += asked.questions
      answerTokenCount += asked.answerTokens
    }
  }

  private static let magic = Array("martlet calibration journal 1\n".utf8)

  let path: String
  private let inputs: [Input]
  /// Open from the first time something is read or written: a run that is over before leaves nothing.
  private var rows: RowsFile?

  init(path: String, inputs: [Input]) {
    self.path = path
    self.inputs = inputs
  }

  /// Whether anything of this run or an earlier one is there.
  var isBegun: Bool { rows != nil }

  static func rowsPath(_ path: String) -> String { path + ".rows" }

  /// Removes what a run has left; nothing happens where there is nothing.
  static func remove(_ path: String) {
    for file in [path, rowsPath(path)] { try? FileManager.default.removeItem(atPath: file) }
  }

  // MARK: Writing

  /// Keeps everything up to here.
  /// - Returns: `false` where another process keeps a journal there; nothing is written then.
  func save(_ position: Position, _ collectors: CollectorSet) throws(BytesError) -> Bool {
    guard let rows = try opened() else { return false }
    try collectors.saveRows(to: rows)
    try rows.synchronize()
    var writer = ByteWriter()
    writer.append(Self.magic)
    writer.uint32(UInt32(inputs.count))
    for input in inputs {
      Self.put(input.what, &writer)
      Self.put(input.text, &writer)
    }
    writer.uint32(UInt32(position.pictures.count))
    for picture in position.pictures {
      Self.put(picture.name, &writer)
      writer.uint32(UInt32(picture.digest.count))
      writer.append(picture.digest)
      writer.uint32(UInt32(picture.questions.count))
      for question in picture.questions { Self.put(question, &writer) }
    }
    writer.size(position.questionCount)
    writer.size(position.answerTokenCount)
    collectors.save(to: &writer)
    writer.uint64(XXH64.checksum(writer.bytes))
    try AtomicFile.write(writer.bytes, to: path)
    return true
  }

  private func opened() throws(BytesError) -> RowsFile? {
    if rows == nil { rows = try RowsFile(path: Self.rowsPath(path)) }
    return rows
  }

  private static func put(_ text: String, _ writer: inout ByteWriter) {
    writer.uint32(UInt32(text.utf8.count))
    writer.text(text)
  }

  // MARK: Reading

  /// What is left of an earlier run.
  enum Found {
    case nothing
    /// Another process keeps a journal there.
    case inUse
    /// It belongs to other inputs, or is damaged: what it is that differs.
    case unfit(String)
    case position(Position)
  }

  /// Brings collectors to where an earlier run was; they are as they were where that is not possible.
  /// - Parameter difference: what pictures or questions there are otherwise in this run; `nil` for nothing.
  func restored(
    _ collectors: CollectorSet, difference: (Position) -> String?
  ) throws(BytesError) -> Found {
    guard case .file = try PathKind(of: path) else { return .nothing }
    guard let rows = try opened() else { return .inUse }
    let bytes = try SmallFile.bytes(of: path, limit: 1 << 30)
    let body = bytes.count - 8
    // SAFETY: bytes have no padding.
    var reader = ByteReader(unsafe bytes.span.bytes, source: path)
    guard body >= Self.magic.count, bytes.starts(with: Self.magic) else {
      return .unfit("the journal's form")
    }
    do throws(BytesError) {
      var end = ByteReader(unsafe bytes.span.bytes.extracting(body..<bytes.count), source: path)
      // SAFETY: bytes have no padding.
      if try end.uint64() != XXH64.checksum(unsafe bytes.span.bytes.extracting(0..<body)) {
        return .unfit("the journal's checksum")
      }
      try reader.skip(Self.magic.count)
      var found: [Input] = []
      for _ in 0..<(try reader.uint32()) {
        found.append(Input(what: try Self.text(&reader), text: try Self.text(&reader)))
      }
      for input in inputs where !found.contains(input) { return .unfit(input.what) }
      var position = Position()
      for _ in 0..<(try reader.uint32()) {
        let name = try Self.text(&reader)
        let count = Int(try reader.uint32())
        let digest = try reader.array(count)
        var questions: [String] = []
        for _ in 0..<(try reader.uint32()) { questions.append(try Self.text(&reader)) }
        position.pictures.append(.init(name: name, digest: digest, questions: questions))
      }
      position.questionCount = try reader.size()
      position.answerTokenCount = try reader.size()
      if let changed = difference(position) { return .unfit(changed) }
      guard try collectors.restore(from: &reader, rows: rows), reader.remaining == 8 else {
        return .unfit("the journal's samples")
      }
      return .position(position)
    } catch {
      return .unfit("the journal's form")
    }
  }

  private static func text(_ reader: inout ByteReader) throws(BytesError) -> String {
    try reader.text(Int(try reader.uint32()))
  }
}
