import MartletBytes
import MartletCalibration
import MartletModel
import MartletPack
import MartletRuntime
import MartletVerification

/// What packs lose on questions, against the float model: on one half of the pictures while a choice is made, on the other
/// once it is made.
struct ScoreProbe {
  /// Every other picture, so that both halves are alike.
  enum Half { case choosing, heldOut }

  private let choosing: [VerificationCases.Picture]
  private let heldOut: [VerificationCases.Picture]
  private let options: RunOptions
  private let pool: ThreadPool
  /// Whether the float model is right, one a question.
  private var reference: (choosing: [Bool], heldOut: [Bool]) = ([], [])

  /// Questions without an answer count for nothing.
  /// - Throws: where fewer than two pictures have questions with answers.
  init(questions path: String?, float: Pack, threads: Int, pool: ThreadPool) throws {
    guard let path else {
      throw CommandError(
        .usage, "--max-score-drop needs questions with answers",
        hint: "name some: --questions FILE.jsonl")
    }
    var pictures: [VerificationCases.Picture] = []
    for var picture in try VerificationCases(images: nil, questions: path).pictures {
      picture.questions.removeAll { $0.answer == nil }
      if !picture.questions.isEmpty { pictures.append(picture) }
    }
    if pictures.count < 2 {
      throw CommandError(
        .usage, "--max-score-drop needs questions with answers about at least 2 pictures",
        ["found: \(pictures.count) in '\(path)'"])
    }
    choosing = pictures.enumerated().filter { $0.offset % 2 == 0 }.map(\.element)
    heldOut = pictures.enumerated().filter { $0.offset % 2 == 1 }.map(\.element)
    options = RunOptions(threads: threads)
    self.pool = pool
    reference = (try verdicts(of: float, choosing), try verdicts(of: float, heldOut))
  }

  /// How a pack answers one half, beside the float model.
  func score(of pack: Pack, on half: Half) throws -> TaskScore {
    let (pictures, expected) =
      half == .choosing ? (choosing, reference.choosing) : (heldOut, reference.heldOut)
    var score = TaskScore()
    for (float, packed) in zip(expected, try verdicts(of: pack, pictures)) {
      score.add(referenceIsRight: float, packIsRight: packed)
    }
    return score
  }

  private func verdicts(of pack: Pack, _ pictures: [VerificationCases.Picture]) throws -> [Bool] {
    let runner = try TuningRunner(
      TemporaryPack(pack), options: options, longestAnswer: ReferenceRun.longestAnswer, pool: pool)
    let point = TuningPoint(resolution: 0, scheme: "")
    var verdicts: [Bool] = []
    for (place, picture) in pictures.enumerated() {
      let record = try runner.record(
        point, of: picture, place: place, pixels: try decodedPicture(picture.path))
      for (question, answer) in zip(picture.questions, record.answers) {
        verdicts.append(
          AnswerText.normalized(answer) == AnswerText.normalized(question.answer ?? ""))
      }
    }
    return verdicts
  }
}

/// The smallest choice whose answers keep their score, looked for along the curve of best choices.
struct ScoreSearch {
  let probe: ScoreProbe
  /// Largest drop, as a share.
  let most: Double
  /// Divergences along the curve, the most accurate choice first.
  private let bounds: [Double]
  private var place = 0
  private var step = 1

  init(_ probe: ScoreProbe, most: Double, bounds: [Double]) {
    self.probe = probe
    self.most = most
    self.bounds = bounds
  }

  /// Halves the curve until a choice keeps the score and its neighbor does not.
  ///
  /// - Parameter trial: makes the pack of a bound. The first bound is that of the float model, which loses nothing.
  mutating func bound(_ trial: (Double) throws -> Pack) throws -> Double {
    var (good, bad) = (0, bounds.count)
    while bad - good > 1 {
      let middle = (good + bad) / 2
      let score = try probe.score(of: try trial(bounds[middle]), on: .choosing)
      if score.drop <= most { good = middle } else { bad = middle }
    }
    place = good
    return bounds[good]
  }

  /// A more careful bound, after questions that no choice was made with told otherwise; `nil` at the float model.
  mutating func next() -> Double? {
    if place == 0 { return nil }
    place = max(0, place - step)
    step *= 2
    return bounds[place]
  }
}
