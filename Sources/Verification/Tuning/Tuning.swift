import MartletBytes

/// Accuracy and time of every point, which points are worth having, and which one a budget asks for.
package struct Tuning: Sendable {
  /// What an answer is held against.
  package enum Judge: Equatable, Sendable {
    /// The answers that the questions bring.
    case knownAnswers
    /// What the float reference says at the checkpoint's own side.
    case reference
  }

  package struct Measured: Equatable, Sendable {
    package var point: TuningPoint
    package var packBytes: Int
    package var pictures: Int
    package var questions: Int
    /// Share of right answers, and where it lies with 95 % confidence.
    package var accuracy: Double
    package var interval: Interval
    /// Milliseconds, medians over pictures and questions.
    package var encode: Double
    package var firstToken: Double
    package var firstTokenP90: Double
    /// No other point is both faster and better.
    package var isPareto = false
    fileprivate var right: [Int: (right: Int, asked: Int)] = [:]

    package static func == (a: Measured, b: Measured) -> Bool {
      a.point == b.point && a.accuracy == b.accuracy && a.firstToken == b.firstToken
    }
  }

  package let judge: Judge
  /// Those that ran on every picture, by resolution and then in the order they were given.
  package private(set) var points: [Measured] = []
  /// Those that ran on a part of the pictures, and on how many.
  package private(set) var unfinished: [(point: TuningPoint, pictures: Int, firstToken: Double)] =
    []
  private let bootstrap: Bootstrap

  /// Whether every question brings its answer.
  package static func judge(of cases: VerificationCases) -> Judge {
    let knowsAll = cases.pictures.allSatisfy { $0.questions.allSatisfy { $0.answer != nil } }
    return knowsAll ? .knownAnswers : .reference
  }

  package init(_ records: [TuningRecord], cases: VerificationCases, bootstrap: Bootstrap) {
    judge = Self.judge(of: cases)
    self.bootstrap = bootstrap
    var order: [TuningPoint] = []
    var found: [TuningPoint: [TuningRecord]] = [:]
    for record in records {
      if found[record.point] == nil { order.append(record.point) }
      found[record.point, default: []].append(record)
    }
    var truth: [Int: [String?]] = [:]
    for (place, picture) in cases.pictures.enumerated() {
      truth[place] = picture.questions.map(\.answer)
    }
    if judge == .reference {
      for record in records where record.point.scheme == TuningPoint.reference {
        truth[record.picture] = record.answers
      }
    }
    for point in order where point.scheme != TuningPoint.reference {
      let own = (found[point] ?? []).sorted { $0.picture < $1.picture }
      if own.count < cases.pictures.count {
        unfinished.append(
          (point, own.count, Distribution(own.flatMap(\.firstTokens)).percentile(0.5)))
      } else {
        points.append(measured(own, truth))
      }
    }
    points.sort { $0.point.resolution < $1.point.resolution }
    for index in points.indices {
      let own = points[index]
      points[index].isPareto = !points.contains {
        ($0.firstToken <= own.firstToken && $0.accuracy > own.accuracy)
          || ($0.firstToken < own.firstToken && $0.accuracy >= own.accuracy)
      }
    }
  }

  private func measured(_ records: [TuningRecord], _ truth: [Int: [String?]]) -> Measured {
    var scores: [TaskScore] = []
    var right: [Int: (right: Int, asked: Int)] = [:]
    for record in records {
      var score = TaskScore()
      for (answer, expected) in zip(record.answers, truth[record.picture] ?? []) {
        guard let expected else { continue }
        let isRight = AnswerText.normalized(answer) == AnswerText.normalized(expected)
        score.add(referenceIsRight: true, packIsRight: isRight)
      }
      if score.count == 0 { continue }
      scores.append(score)
      right[record.picture] = (score.packedRight, score.count)
    }
    let score = bootstrap.measured(scores)
    let times = Distribution(records.flatMap(\.firstTokens))
    return Measured(
      point: records[0].point, packBytes: records[0].packBytes, pictures: records.count,
      questions: score.score.count, accuracy: score.score.packedScore,
      interval: score.intervals.packed,
      encode: Distribution(records.map(\.encode)).percentile(0.5),
      firstToken: times.percentile(0.5), firstTokenP90: times.percentile(0.9), right: right)
  }

  // MARK: Choosing

  /// What the other loses against the one, with its interval: the same pictures, drawn together.
  package func drop(from one: Measured, to other: Measured) -> (mean: Double, interval: Interval) {
    var pairs: [TaskScore] = []
    for (picture, own) in one.right.sorted(by: { $0.key < $1.key }) {
      guard let others = other.right[picture], others.asked == own.asked else { continue }
      pairs.append(TaskScore(count: own.asked, reference: own.right, packed: others.right))
    }
    let found = bootstrap.measured(pairs)
    return (found.score.drop, found.intervals.drop)
  }

  /// The most accurate point within a budget, the fastest among equals; `nil` where none is fast enough.
  package func recommended(budget: Double?) -> Measured? {
    points.filter { $0.firstToken <= budget ?? .infinity }.min {
      $0.accuracy != $1.accuracy ? $0.accuracy > $1.accuracy : $0.firstToken < $1.firstToken
    }
  }

  /// Faster points that these pictures do not tell apart from another, fastest first.
  package func notToldApart(from best: Measured) -> [Measured] {
    points.filter { $0.firstToken < best.firstToken && drop(from: best, to: $0).interval.low <= 0 }
      .sorted { $0.firstToken < $1.firstToken }
  }

  /// A resolution that gives nothing over a lower one with the same scheme.
  package struct Wasted: Sendable {
    package var higher: Measured
    package var lower: Measured
    package var gain: Double
    package var interval: Interval
    package var timesSlower: Double { higher.firstToken / max(1e-9, lower.firstToken) }
  }

  /// Gains below this, in a share of the questions, are taken as none.
  static let littleGain = 0.01

  /// For every scheme the highest resolution where it gains next to nothing over a lower one, beside the lowest such one.
  ///
  /// The paper on FastVLM (arXiv 2412.13303, section 3.2.1) finds that a small language model cannot use as many image
  /// tokens: beyond some resolution only time grows.
  package var wasted: [Wasted] {
    var wasted: [Wasted] = []
    var schemes: [String] = []
    for measured in points where !schemes.contains(measured.point.scheme) {
      schemes.append(measured.point.scheme)
    }
    for scheme in schemes {
      let own = points.filter { $0.point.scheme == scheme }
      guard own.count > 1, let higher = own.last else { continue }
      for lower in own.dropLast() {
        let loss = drop(from: higher, to: lower)
        let isGain = loss.mean > Self.littleGain || loss.interval.low > 0
        if isGain || lower.firstToken >= higher.firstToken { continue }
        wasted.append(
          Wasted(
            higher: higher, lower: lower, gain: loss.mean, interval: loss.interval))
        break
      }
    }
    return wasted
  }
}

extension TaskScore {
  /// A picture whose answers were counted.
  init(count: Int, reference: Int, packed: Int) {
    self.init()
    for index in 0..<count {
      add(referenceIsRight: index < reference, packIsRight: index < packed)
    }
  }
}
