import MartletBytes
import MartletCalibration
import MartletModel
import MartletTestSupport
import Testing

/// A calibration that was killed goes on where it was.
@Suite struct JournalTests {
  private let directory: TemporaryDirectory
  private let pictures = (1...5).map { SmallModel.picture(UInt64($0)) }
  /// Few rows fit, so that samples are drawn over and over.
  private var options: CalibrationOptions {
    var options = CalibrationOptions()
    options.rowByteLimit = 1
    options.journal = directory.path("j")
    options.journalSeconds = 0
    options.answerTokens = 3
    return options
  }

  init() throws { directory = try TemporaryDirectory() }

  private func outcome(
    _ pictures: [CalibrationPicture], _ options: CalibrationOptions,
    notices: inout [CalibrationNotice]
  ) throws -> CalibrationOutcome {
    let requests = ["vision.stem", "projector.linear", "language.embed"]
      .flatMap(SmallModel.requests)
    final class Heard { var notices: [CalibrationNotice] = [] }
    let heard = Heard()
    defer { notices = heard.notices }
    return try Calibrator(model: SmallModel.model(), requests: requests, options: options)
      .outcome(pictures: pictures, notice: { heard.notices.append($0) })
  }

  private func uninterrupted(
    _ pictures: [CalibrationPicture], _ options: CalibrationOptions
  ) throws -> CalibrationTable {
    var options = options
    options.journal = nil
    var notices: [CalibrationNotice] = []
    return try outcome(pictures, options, notices: &notices).table
  }

  @Test(arguments: 1...5) func aKilledRunGoesOnToTheSameTable(after count: Int) throws {
    var notices: [CalibrationNotice] = []
    _ = try outcome(Array(pictures.prefix(count)), options, notices: &notices)
    #expect(notices == [])
    let table = try outcome(pictures, options, notices: &notices).table
    #expect(notices == [.continued(pictures: count, of: 5)])
    #expect(try table == uninterrupted(pictures, options))
    Calibrator.removeJournal(directory.path("j"))
    #expect(try directory.names() == [])
  }

  /// What a run has written of a picture that it did not finish is written again.
  @Test func rowsOfAnUnfinishedPictureAreDrawnAgain() throws {
    var notices: [CalibrationNotice] = []
    _ = try outcome(Array(pictures.prefix(2)), options, notices: &notices)
    let state = try SmallFile.bytes(of: directory.path("j"))
    _ = try outcome(Array(pictures.prefix(3)), options, notices: &notices)
    // Killed between the rows and all else.
    try directory.write(state, to: "j")
    let table = try outcome(pictures, options, notices: &notices).table
    #expect(notices == [.continued(pictures: 2, of: 5)])
    #expect(try table == uninterrupted(pictures, options))
  }

  @Test func picturesThatWereSkippedAreNamedAgain() throws {
    var options = options
    options.unreadable = .skipped
    var notices: [CalibrationNotice] = []
    let mixed = [pictures[0], SmallModel.broken("b"), pictures[1], pictures[2]]
    _ = try outcome(Array(mixed.prefix(3)), options, notices: &notices)
    let outcome = try outcome(mixed, options, notices: &notices)
    #expect(notices == [.continued(pictures: 3, of: 4)])
    #expect(outcome.skipped.map(\.name) == ["b"])
    #expect(try outcome.table == uninterrupted(mixed, options))
  }

  enum Change: CaseIterable { case picture, order, answers, seed, rows, damage, cut, samples }

  @Test(arguments: Change.allCases) func otherInputsBeginAnew(_ change: Change) throws {
    var notices: [CalibrationNotice] = []
    _ = try outcome(Array(pictures.prefix(3)), options, notices: &notices)
    var (options, pictures) = (options, pictures)
    var reason = ""
    switch change {
    case .picture:
      let other = SmallModel.picture(9)
      pictures[1] = CalibrationPicture(name: pictures[1].name, path: nil) {
        () throws(UnreadableImage.Reason) in try other.content()
      }
      reason = "the pictures"
    case .order:
      pictures.swapAt(0, 1)
      reason = "the pictures"
    case .answers:
      options.answerTokens = 2
      reason = "the options"
    case .seed:
      options.seed = 1
      reason = "the options"
    case .rows:
      options.rowByteLimit = 1 << 20
      reason = "the number of rows sampled"
    case .damage:
      var bytes = try SmallFile.bytes(of: directory.path("j"))
      bytes[bytes.count / 2] ^= 1
      try directory.write(bytes, to: "j")
      reason = "the journal's checksum"
    case .cut:
      try directory.write(SmallFile.bytes(of: directory.path("j")).prefix(20) + [], to: "j")
      reason = "the journal's form"
    case .samples:
      try directory.write([1, 2, 3], to: "j.rows")
      reason = "the journal's samples"
    }
    let table = try outcome(pictures, options, notices: &notices).table
    #expect(notices == [.begunAnew(changed: reason)])
    #expect(try table == uninterrupted(pictures, options))
  }

  @Test func aShortRunLeavesNothing() throws {
    var options = options
    options.journalSeconds = 1000
    var notices: [CalibrationNotice] = []
    _ = try outcome(pictures, options, notices: &notices)
    #expect(try directory.names() == [])
  }
}
