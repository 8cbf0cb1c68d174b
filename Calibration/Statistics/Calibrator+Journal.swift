import MartletBytes

/// What a killed run leaves, and when it is taken up.
extension Calibrator {
  /// Removes what a run has kept, once its table is where it belongs.
  package static func removeJournal(_ path: String) { CalibrationJournal.remove(path) }

  func journal(_ collectors: CollectorSet) -> CalibrationJournal? {
    options.journal.map { CalibrationJournal(path: $0, inputs: inputs(collectors)) }
  }

  /// All that results depend on but the pictures and their questions, which are compared one by one.
  private func inputs(_ collectors: CollectorSet) -> [CalibrationJournal.Input] {
    let sources = options.sources.map { "\($0.name) \($0.digest)" }
    let statistics = collectors.order.map { "\($0.value) \($0.statistic.rawValue)" }
    return [
      .init(what: "the program", text: options.tool),
      .init(what: "the checkpoint", text: "\(sources)"),
      .init(what: "how pictures are prepared", text: "\(model.description.image)"),
      .init(what: "the statistics asked for", text: "\(statistics)"),
      .init(what: "the number of rows sampled", text: "\(collectors.rowLimit)"),
      .init(
        what: "the options",
        text: "\(options.answerTokens) \(options.seed) \(options.unreadable == .skipped)"),
    ]
  }

  /// What is otherwise in the pictures that were run, or in what was asked about them; more may follow.
  func difference(
    _ position: CalibrationJournal.Position, _ pictures: [CalibrationPicture], _ asked: [[Question]]
  ) -> String? {
    if position.pictures.count > pictures.count { return "the pictures" }
    for (index, known) in position.pictures.enumerated() {
      if known.name != pictures[index].name { return "the pictures" }
      switch prepared(pictures[index]) {
      case .success(let content): if known.digest != content.digest { return "the pictures" }
      case .failure: if !known.digest.isEmpty { return "the pictures" }
      }
      if known.questions != asked[index].map(\.text) { return "the questions" }
    }
    return nil
  }
}

/// A run that may keep a journal.
struct JournaledRun {
  private var journal: CalibrationJournal?
  private let notice: (CalibrationNotice) -> Void
  private let seconds: Double
  /// How much longer than `seconds` it is to the next time: what takes longer than half a second is kept less often, so that it
  /// never takes more than about a twentieth of the run.
  private var patience = 1.0
  private var lastSaved = MonotonicClock.nanoseconds
  var position = CalibrationJournal.Position()

  init(
    _ journal: CalibrationJournal?, notice: @escaping (CalibrationNotice) -> Void,
    seconds: Double
  ) {
    self.journal = journal
    self.notice = notice
    self.seconds = seconds
  }

  /// Takes up what is left of an earlier run of the same inputs.
  mutating func begin(
    of total: Int, _ collectors: CollectorSet,
    difference: (CalibrationJournal.Position) -> String?
  ) throws(CalibrationError) {
    guard let journal else { return }
    collectors.keepTrack()
    do throws(BytesError) {
      switch try journal.restored(collectors, difference: difference) {
      case .nothing: break
      case .inUse: giveUp()
      case .unfit(let what): notice(.begunAnew(changed: what))
      case .position(let found):
        position = found
        notice(.continued(pictures: found.pictures.count, of: total))
      }
    } catch { throw .bytes(error) }
  }

  /// Keeps what was found, where enough time has passed or nothing comes any more.
  mutating func save(
    _ collectors: CollectorSet, isLast: Bool
  ) throws(CalibrationError) {
    guard let journal else { return }
    let passed = MonotonicClock.milliseconds(since: lastSaved) / 1000
    if passed < seconds * patience, !(isLast && journal.isBegun) { return }
    let start = MonotonicClock.nanoseconds
    do throws(BytesError) {
      if try !journal.save(position, collectors) { giveUp() }
    } catch { throw .bytes(error) }
    lastSaved = MonotonicClock.nanoseconds
    patience = max(1, MonotonicClock.milliseconds(since: start) / 500)
  }

  private mutating func giveUp() {
    if let path = journal?.path { notice(.journalInUse(path: path)) }
    journal = nil
  }
}
