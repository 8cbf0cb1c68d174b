import Foundation
import MartletBytes
import MartletTestSupport
import MartletVerification
import Testing

/// Results files: shards that come together again, evaluations that go on, files that are not what they should be.
@Suite struct ResultsTests {
  private let records = Records.drawn(pictures: 23, seed: 5)

  private func subject(_ shard: Shard = .whole) -> EvaluationSubject {
    Records.subject(Records.cases(of: records), shard: shard)
  }

  /// Writes a shard's results and gives the path.
  @discardableResult
  private func write(
    _ shard: Shard = .whole, of records: [PictureRecord], to path: String
  ) throws -> String {
    let journal = try ResultsJournal(path: path, subject: subject(shard))
    for record in records where shard.holds(picture: record.picture) {
      try journal.append(record)
    }
    try journal.finish()
    return path
  }

  /// Every number, NaN included, bit for bit: the text of a value tells all of them.
  private func told(_ records: [PictureRecord]) -> String {
    "\(Verification(records, bootstrap: Bootstrap(resamples: 50, seed: 3)))"
  }

  @Test(arguments: [1, 2, 3, 7, 23, 30])
  func mergedShardsAreTheSingleRun(count: Int) throws {
    let directory = try TemporaryDirectory()
    var paths: [String] = []
    for index in 1...count {
      let shard = Shard(index: index, count: count)
      paths.append(
        try write(shard, of: records, to: directory.path("part-\(index).results")))
    }
    let merged = try MergedResults(paths.reversed())
    #expect("\(merged.records)" == "\(records)")
    #expect(told(merged.records) == told(records))
  }

  @Test func aKilledEvaluationGoesOn() throws {
    let directory = try TemporaryDirectory()
    let path = try write(of: Array(records.prefix(9)), to: directory.path("r"))
    let whole = try SmallFile.bytes(of: path)
    // Killed within the last line.
    try directory.write(Array(whole.dropLast(17)), to: "r")
    do {
      let journal = try ResultsJournal(path: path, subject: subject())
      #expect(journal.records.map(\.picture) == Array(0..<8))
      #expect(journal.droppedBytes > 0)
      #expect(throws: VerificationError.busy(path: path)) {
        _ = try ResultsJournal(path: path, subject: subject())
      }
      for record in records.dropFirst(8) { try journal.append(record) }
      try journal.finish()
    }
    #expect(told(try MergedResults([path]).records) == told(records))
    // Killed within the header: as if it had never begun.
    try directory.write(Array(whole.prefix(30)), to: "r")
    #expect(try ResultsJournal(path: path, subject: subject()).records.isEmpty)
  }

  @Test func shardsOfOtherEvaluationsAreRefused() throws {
    let directory = try TemporaryDirectory()
    let halves = [Shard(index: 1, count: 2), Shard(index: 2, count: 2)]
    let first = try write(halves[0], of: records, to: directory.path("1"))
    let changes: [(String, (inout EvaluationSubject) -> Void)] = [
      ("pack", { $0.pack.identity += 1 }),
      ("reference", { $0.referenceDigest[3] ^= 1 }),
      ("questions", { $0.casesDigest[3] ^= 1 }),
      ("--max-tokens", { $0.longestAnswer += 1 }),
      ("--layer-pictures", { $0.layerPictures += 1 }),
      ("version of martlet", { $0.tool += "!" }),
      ("number of shards", { $0.shard.count = 3 }),
    ]
    for (what, change) in changes {
      var other = subject(halves[1])
      change(&other)
      let path = directory.path("other-\(what)")
      try ResultsJournal(path: path, subject: other).finish()
      let merging = #expect(throws: VerificationError.self) { try MergedResults([first, path]) }
      guard case .otherEvaluation(path, what, _, _) = merging else {
        Issue.record("\(what): \(merging.map { "\($0)" } ?? "none")")
        continue
      }
      let resuming = #expect(throws: VerificationError.self) {
        try ResultsJournal(path: path, subject: subject(halves[1]))
      }
      guard case .otherEvaluation(path, what, _, _) = resuming else {
        Issue.record("\(what): \(resuming.map { "\($0)" } ?? "none")")
        continue
      }
    }
  }

  @Test func overlapsAndGapsAreRefused() throws {
    let directory = try TemporaryDirectory()
    let paths = try (1...3).map { index in
      try write(Shard(index: index, count: 3), of: records, to: directory.path("\(index)"))
    }
    let doubled = #expect(throws: VerificationError.self) {
      try MergedResults(paths + [paths[1]])
    }
    guard case .overlap(_, paths[1], paths[1]) = doubled else {
      Issue.record("\(doubled.map { "\($0)" } ?? "none")")
      return
    }
    #expect(
      throws: VerificationError.missing(pictures: 8, of: 23, shards: [2], shardCount: 3)
    ) { try MergedResults([paths[0], paths[2]]) }
    // A shard that has not come to its end.
    try FileManager.default.removeItem(atPath: paths[2])
    try write(Shard(index: 3, count: 3), of: Array(records.prefix(9)), to: paths[2])
    #expect(
      throws: VerificationError.missing(pictures: 4, of: 23, shards: [3], shardCount: 3)
    ) { try MergedResults(paths) }
  }

  @Test func picturesOfOtherShardsAreRefused() throws {
    let directory = try TemporaryDirectory()
    let path = directory.path("r")
    let journal = try ResultsJournal(path: path, subject: subject(Shard(index: 1, count: 2)))
    try journal.append(records[1])
    try journal.finish()
    #expect(
      throws: VerificationError.results(path: path, line: 2, problem: .foreignPicture(1))
    ) { try ResultsFile.read(path) }
  }

  /// Whatever is done to a file: it is refused, or cut where a line ends.
  @Test func damagedFilesAreRefusedOrCutShort() throws {
    let directory = try TemporaryDirectory()
    let path = try write(of: Array(records.prefix(3)), to: directory.path("r"))
    let bytes = try SmallFile.bytes(of: path)
    let lineEnds = Set(bytes.indices.filter { bytes[$0] == 0x0A }.map { $0 + 1 })
    for cut in Corruption.cuts(of: bytes, step: 7) {
      let found = try ResultsFile(cut.bytes.span.bytes, path: path)
      let whole = lineEnds.count { $0 <= cut.bytes.count }
      #expect(found?.records.count == (whole == 0 ? nil : whole - 1), "\(cut.what)")
    }
    for damage in Array(Corruption.flips(of: bytes, count: 300, seed: 1))
      + Array(Corruption.lies(of: bytes, count: 300, seed: 2)) where damage.bytes != bytes
    {
      do {
        let found = try ResultsFile(damage.bytes.span.bytes, path: path)
        // Only a lost end of the last line can go unseen: the line then counts as not written.
        #expect(found.map { $0.records.count < 3 } ?? true, "\(damage.what)")
      } catch { continue }
    }
    #expect(
      throws: VerificationError.results(path: path, line: 1, problem: .noHeader)
    ) { try ResultsFile(Array("something else".utf8).span.bytes, path: path) }
  }

  @Test func casesAreGroupedByPictureAndKnownByTheirContent() {
    var cases = VerificationCases()
    cases.add(path: "/x/a", name: "a", question: "1", answer: nil)
    cases.add(path: "/x/b", name: "b", question: "2", answer: "two")
    cases.add(path: "/x/a", name: "a", question: "3", answer: nil)
    #expect(cases.pictures.map { $0.questions.map(\.place) } == [[0, 2], [1]])
    var moved = VerificationCases()
    moved.add(path: "/y/a", name: "a", question: "1", answer: nil)
    moved.add(path: "/y/b", name: "b", question: "2", answer: "two")
    moved.add(path: "/y/a", name: "a", question: "3", answer: nil)
    #expect(moved.digest == cases.digest)
    var other = moved
    other.add(path: "/y/a", name: "a", question: "4", answer: nil)
    #expect(other.digest != cases.digest)
    for count in 1...9 {
      let sizes = (1...count).map { Shard(index: $0, count: count).pictures(of: 7) }
      #expect(sizes.reduce(0, +) == 7)
      #expect((sizes.max() ?? 0) - (sizes.min() ?? 0) <= 1)
    }
  }
}
