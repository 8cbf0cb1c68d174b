import MartletImages
import MartletModel
import MartletReference
import MartletText

/// How statistics are collected.
package struct CalibrationOptions: Sendable {
  /// What becomes of pictures that cannot be read.
  package enum Unreadable: Equatable, Sendable {
    /// All are named, then the run fails.
    case refused
    /// They are left out and named in the table.
    case skipped
  }

  /// Asked about pictures that no question names; that of LLaVA's command line.
  package static let defaultQuestion = "Describe the image."

  /// Most tokens of the model's own answer that run behind each question: short answers end by themselves. At 0.5B and 1024²
  /// this many take about as long as the prompt.
  package static let defaultAnswerTokens = 16

  package var threads = 2
  /// Weights kept in memory; the others are asked for again with every picture.
  package var weightByteLimit = 8 << 30
  /// For all samples of rows together; fewer rows are kept where more values are sampled.
  package var rowByteLimit = 512 << 20
  package var answerTokens = defaultAnswerTokens
  /// Where a run keeps what it has found so far, to go on from; it stays until `Calibrator.removeJournal`.
  package var journal: String?
  /// What is kept is brought up to date after this long, or longer where that takes long; a run that is over sooner leaves nothing.
  package var journalSeconds = 10.0
  package var unreadable = Unreadable.refused
  /// Recorded in the table.
  package var tool = "martlet"
  package var sources: [CalibrationProvenance.File] = []
  package var seed: UInt64 = 0

  package init() {}
}

/// How far a run is. Called before the first picture, and after each.
package struct CalibrationProgress: Equatable, Sendable {
  package var done: Int
  package var total: Int
}

/// What a person should hear of while a run goes on.
package enum CalibrationNotice: Equatable, Sendable {
  /// It goes on where an earlier run of the same inputs was killed.
  case continued(pictures: Int, of: Int)
  /// An earlier run was killed, but this one has other inputs: which.
  case begunAnew(changed: String)
  /// Another process keeps its findings at this path; this run keeps none.
  case journalInUse(path: String)
}

/// A table, and what a person should hear of.
package struct CalibrationOutcome: Sendable {
  package var table: CalibrationTable
  package var skipped: [UnreadableImage]
}

/// Runs pictures through the float reference once and collects what was asked for.
package struct Calibrator: Sendable {
  let model: FoldedModel
  let requests: [StatisticRequest]
  let options: CalibrationOptions

  package init(
    model: FoldedModel, requests: [StatisticRequest], options: CalibrationOptions = .init()
  ) {
    self.model = model
    self.requests = requests
    self.options = options
  }

  /// One pass over the pictures, in order; memory does not depend on their number.
  ///
  /// Each picture is prepared as the model's image specification says. Parts that no request speaks of and no such part
  /// needs are not run. The language part reads, for each question about a picture, the prompt and the answer that
  /// it gives itself.
  /// - Throws: `unreadableImages` once all pictures were tried, `unknownValue`, `question`, `noTokenizer`, `notFinite`,
  ///   `text` for a prompt that is too long, `reference`.
  package func outcome(
    pictures: [CalibrationPicture], questions: QuestionFile? = nil,
    progress: (CalibrationProgress) -> Void = { _ in },
    notice: @escaping (CalibrationNotice) -> Void = { _ in }
  ) throws(CalibrationError) -> CalibrationOutcome {
    if pictures.isEmpty { throw .noImages(path: "", ignored: []) }
    let collectors = try CollectorSet(
      requests, model: model.description, parallel: Parallel(threads: options.threads),
      rowByteLimit: options.rowByteLimit)
    let asked = try questions?.matched(to: pictures) ?? pictures.map { _ in [] }
    let pass = try PicturePass(model, options: options, collectors: collectors)
    var run = JournaledRun(
      journal(collectors), notice: notice, seconds: options.journalSeconds)
    try run.begin(of: pictures.count, collectors) { difference($0, pictures, asked) }
    var unreadable: [UnreadableImage] = []
    progress(CalibrationProgress(done: run.position.pictures.count, total: pictures.count))
    for (index, picture) in pictures.enumerated() {
      let isDone = index < run.position.pictures.count
      if isDone, !run.position.pictures[index].digest.isEmpty { continue }
      switch prepared(picture) {
      case .success(let content):
        var ran = PicturePass.Asked()
        // Once the run must fail, the other pictures are only looked at.
        if unreadable.isEmpty || options.unreadable == .skipped {
          ran = try pass.run(content.pixels, questions: asked[index])
        }
        run.position.add(picture.name, content.digest, asked[index], ran)
      case .failure(let reason):
        unreadable.append(UnreadableImage(name: picture.name, reason: reason))
        if !isDone { run.position.add(picture.name, [], asked[index], PicturePass.Asked()) }
      }
      if isDone { continue }
      let isFailing = !unreadable.isEmpty && options.unreadable == .refused
      if !isFailing { try run.save(collectors, isLast: index == pictures.count - 1) }
      progress(CalibrationProgress(done: index + 1, total: pictures.count))
    }
    var provenance = CalibrationProvenance(
      tool: options.tool, sources: options.sources,
      questionCount: run.position.questionCount, answerTokenCount: run.position.answerTokenCount,
      resolution: model.description.image.resolution, seed: options.seed)
    for picture in run.position.pictures where !picture.digest.isEmpty {
      provenance.images.append(.init(name: picture.name, digest: picture.digest))
    }
    if !unreadable.isEmpty, options.unreadable == .refused || provenance.images.isEmpty {
      throw .unreadableImages(unreadable, of: pictures.count)
    }
    provenance.skipped = unreadable.map(\.name)
    return CalibrationOutcome(
      table: CalibrationTable(provenance: provenance, entries: try collectors.found()),
      skipped: unreadable)
  }

  /// The picture as the model takes it.
  func prepared(
    _ picture: CalibrationPicture
  ) -> Result<CalibrationPicture.Content, UnreadableImage.Reason> {
    do throws(UnreadableImage.Reason) {
      var content = try picture.content()
      do throws(ImageError) {
        content.pixels = try content.pixels.prepared(
          for: model.description.image, name: picture.name)
      } catch {
        throw .image(error)
      }
      return .success(content)
    } catch {
      return .failure(error)
    }
  }
}
