import Foundation
import MartletBytes
import MartletTestSupport
import MartletVerification
import Testing

/// Which point a tuning recommends, what it warns of, and the file it goes on with.
@Suite struct TuningTests {
  /// 40 pictures, a question each.
  private static let cases: VerificationCases = {
    var cases = VerificationCases()
    for index in 0..<40 {
      cases.add(path: "/p\(index)", name: "p\(index)", question: "q", answer: "Yes")
    }
    return cases
  }()

  /// The first so many are answered rightly.
  private static func records(
    _ side: Int, _ scheme: String, right: Int, time: Double, count: Int = 40
  ) -> [TuningRecord] {
    (0..<count).map { picture in
      TuningRecord(
        point: TuningPoint(resolution: side, scheme: scheme), packBytes: side * 10,
        picture: picture, answers: [picture < right ? " yes " : "no"], encode: time / 2,
        firstTokens: [time + Double(picture % 3)])
    }
  }

  private static func tuning(_ records: [TuningRecord]) -> Tuning {
    Tuning(records, cases: cases, bootstrap: Bootstrap(resamples: 300, seed: 1))
  }

  private static let typical =
    records(512, "int8", right: 36, time: 80) + records(256, "int8", right: 36, time: 20)
    + records(128, "int8", right: 20, time: 8) + records(128, "int4", right: 20, time: 9)
    + records(256, "int4", right: 30, time: 18)

  @Test func theCurveHoldsWhatNothingElseBeats() {
    let tuning = Self.tuning(Self.typical)
    #expect(tuning.points.map(\.point.resolution) == [128, 128, 256, 256, 512])
    let curve = tuning.points.filter(\.isPareto).map(\.point)
    #expect(
      Set(curve) == [
        TuningPoint(resolution: 128, scheme: "int8"), TuningPoint(resolution: 256, scheme: "int4"),
        TuningPoint(resolution: 256, scheme: "int8"),
      ])
    #expect(tuning.points[0].accuracy == 0.5)
    #expect(tuning.points[0].firstToken == 9)
    #expect(tuning.points[0].firstTokenP90 == 10)
    #expect(tuning.points[0].interval.low < 0.5 && tuning.points[0].interval.high > 0.5)
  }

  @Test(arguments: [
    (Double?.none, 256, "int8"), (20, 256, "int4"), (9.5, 128, "int8"),
  ])
  func theBudgetDecides(budget: Double?, side: Int, scheme: String) {
    let best = Self.tuning(Self.typical).recommended(budget: budget)
    #expect(best?.point == TuningPoint(resolution: side, scheme: scheme))
  }

  @Test func nothingIsRecommendedBeyondTheBudget() {
    #expect(Self.tuning(Self.typical).recommended(budget: 5) == nil)
  }

  @Test func resolutionThatGivesNothingIsNamed() throws {
    let wasted = Self.tuning(Self.typical).wasted
    // int4 gains from 128² to 256², int8 nothing from 256² to 512².
    #expect(wasted.count == 1)
    let first = try #require(wasted.first)
    #expect(first.higher.point == TuningPoint(resolution: 512, scheme: "int8"))
    #expect(first.lower.point == TuningPoint(resolution: 256, scheme: "int8"))
    #expect(first.gain == 0)
    #expect(first.timesSlower == 81.0 / 21)
  }

  @Test func aGainThatIsNotSureIsNoWaste() {
    // Three questions more of 40: not told apart, and yet more than nothing.
    let records =
      Self.records(256, "int8", right: 30, time: 20)
      + Self.records(512, "int8", right: 33, time: 80)
    let tuning = Self.tuning(records)
    #expect(tuning.wasted.isEmpty)
    let best = tuning.recommended(budget: nil)
    #expect(best?.point.resolution == 512)
  }

  @Test func pointsThatDidNotSeeAllPicturesAreNotCompared() {
    let tuning = Self.tuning(
      Self.typical + Self.records(1024, "int8", right: 5, time: 400, count: 5))
    #expect(tuning.points.count == 5)
    #expect(tuning.unfinished.count == 1)
    #expect(tuning.unfinished[0].pictures == 5)
  }

  @Test func withoutKnownAnswersTheReferenceIsTheJudge() {
    var cases = VerificationCases()
    for index in 0..<2 {
      cases.add(path: "/p\(index)", name: "p\(index)", question: "q", answer: nil)
    }
    func record(_ side: Int, _ scheme: String, _ picture: Int, _ answer: String) -> TuningRecord {
      TuningRecord(
        point: TuningPoint(resolution: side, scheme: scheme), packBytes: 1, picture: picture,
        answers: [answer], encode: 1, firstTokens: [1])
    }
    let records = [
      record(256, TuningPoint.reference, 0, "a cat"),
      record(256, TuningPoint.reference, 1, "a dog"),
      record(128, "int8", 0, "A  cat"), record(128, "int8", 1, "a fish"),
    ]
    let tuning = Tuning(records, cases: cases, bootstrap: Bootstrap(resamples: 20, seed: 0))
    #expect(tuning.judge == .reference)
    #expect(tuning.points.map(\.accuracy) == [0.5])
  }

  // MARK: The file

  private func subject(_ machine: String = "m") -> TuningSubject {
    TuningSubject(
      tool: "martlet test", source: "/s \"é", sourceDigest: [UInt8](repeating: 0xAB, count: 32),
      cases: Self.cases, longestAnswer: 32, calibration: "", instructionSet: "avx2", threads: 2,
      machine: machine)
  }

  @Test func aKilledTuningGoesOnAndAnotherMachineIsRefused() throws {
    let directory = try TemporaryDirectory()
    let path = directory.path("t")
    let all = Self.records(256, "int8", right: 3, time: 1.0 / 3)
    do {
      let journal = try TuningJournal(path: path, subject: subject())
      for record in all.prefix(9) { try journal.append(record) }
      try journal.finish()
    }
    try directory.write(Array(try SmallFile.bytes(of: path).dropLast(17)), to: "t")
    do {
      let journal = try TuningJournal(path: path, subject: subject())
      #expect(journal.records == Array(all.prefix(8)))
      #expect(journal.droppedBytes > 0)
      for record in all.dropFirst(8) { try journal.append(record) }
    }
    #expect(try TuningFile.read(path)?.records == all)
    #expect(
      throws: VerificationError.otherEvaluation(
        path: path, what: "machine", expected: "n", found: "m")
    ) { _ = try TuningJournal(path: path, subject: subject("n")) }
  }

  @Test func everyChangedByteIsAnErrorOrLeftOut() throws {
    let directory = try TemporaryDirectory()
    let path = directory.path("t")
    do {
      let journal = try TuningJournal(path: path, subject: subject())
      for record in Self.records(64, "int8", right: 1, time: 2, count: 2) {
        try journal.append(record)
      }
    }
    let whole = try SmallFile.bytes(of: path)
    let records = try TuningFile.read(path)?.records ?? []
    for index in whole.indices {
      var changed = whole
      changed[index] ^= 1
      try directory.write(changed, to: "changed")
      // The last line feed gone leaves an unfinished line; everything else is an error.
      let found = try? TuningFile.read(directory.path("changed"))
      if let found {
        #expect(index == whole.count - 1 && found.records == Array(records.dropLast()))
      }
      try directory.write(Array(whole[..<index]), to: "cut")
      let cut = try TuningFile.read(directory.path("cut"))
      #expect((cut?.records.count ?? 0) < records.count)
    }
  }
}
