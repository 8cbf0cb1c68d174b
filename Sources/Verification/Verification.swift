/// What was found when a pack was held against its reference.
package struct Verification: Sendable {
  package struct Inputs: Equatable, Sendable {
    /// Largest difference of any byte of any prepared picture.
    package var pixelsMaximumDifference = 0
    package var tokenIDsEqual = true
  }

  package struct Text: Equatable, Sendable {
    /// Share of greedy continuations that are equal id by id; they end with the answer, or where as much as is compared is reached.
    package var exactMatch = 0.0
    /// Mean number of ids before the first that differs; the whole length where none does.
    package var firstDivergenceMean = 0.0
  }

  package struct LayerError: Equatable, Sendable {
    package var name: String
    /// Error of the layer's output, all that was inherited included.
    package var signalToNoise: Double
    /// Error the layer adds by itself: its packed form run on the reference's own inputs.
    package var introduced: Double
    package var cosine: Double
  }

  /// Mean milliseconds a picture.
  package struct Times: Equatable, Sendable {
    package var encode = 0.0
    package var project = 0.0
    package var prefill = 0.0
  }

  /// Pictures compared; several questions may have been asked about each.
  package var images = 0
  /// Prompts continued by both, whether or not their answer was known.
  package var questions = 0
  package var inputs = Inputs()
  package var encoder = SimilaritySummary()
  package var imageTokens = SimilaritySummary()
  package var logits = LogitComparison()
  package var text = Text()
  /// `nil` without answers to compare with.
  package var task: TaskScore?
  /// The score of each group of questions, by name, in the order they came up; empty without groups.
  package var groups: [(name: String, score: TaskScore)] = []
  /// Every question with both answers, in the order they were asked.
  package var answers: [AnsweredQuestion] = []
  /// Of the first picture.
  package var layers: [LayerError] = []
  package var referenceTimes = Times()
  package var packedTimes = Times()

  package init() {}
}

/// What a verification must reach. A limit that is not given is not checked.
package struct VerificationLimits: Equatable, Sendable {
  package var minimumCosine: Double?
  package var maximumDivergence: Double?
  package var minimumAgreement: Double?
  package var maximumScoreDrop: Double?

  package init(
    minimumCosine: Double? = nil, maximumDivergence: Double? = nil,
    minimumAgreement: Double? = nil, maximumScoreDrop: Double? = nil
  ) {
    self.minimumCosine = minimumCosine
    self.maximumDivergence = maximumDivergence
    self.minimumAgreement = minimumAgreement
    self.maximumScoreDrop = maximumScoreDrop
  }

  package struct Miss: Equatable, Sendable {
    package var what: String
    package var limit: Double
    package var found: Double
  }

  /// The limits that were missed; NaN misses every limit. Inputs that differ are always a miss.
  package func misses(_ verification: Verification) -> [Miss] {
    var misses: [Miss] = []
    let difference = verification.inputs.pixelsMaximumDifference
    if difference > 0 {
      misses.append(Miss(what: "largest pixel difference", limit: 0, found: Double(difference)))
    }
    if !verification.inputs.tokenIDsEqual {
      misses.append(Miss(what: "equal token ids", limit: 1, found: 0))
    }
    func check(_ what: String, _ limit: Double?, _ found: Double, _ holds: (Double, Double) -> Bool)
    {
      guard let limit, !holds(found, limit) else { return }
      misses.append(Miss(what: what, limit: limit, found: found))
    }
    check(
      "smallest cosine of image tokens", minimumCosine, verification.imageTokens.cosineMinimum, >=)
    check("mean divergence of logits", maximumDivergence, verification.logits.mean, <=)
    check("agreement of likeliest tokens", minimumAgreement, verification.logits.top1Agreement, >=)
    if let task = verification.task {
      check("drop of the score", maximumScoreDrop, task.referenceScore - task.packedScore, <=)
    } else if let maximumScoreDrop {
      misses.append(
        Miss(what: "drop of the score (no answers given)", limit: maximumScoreDrop, found: .nan))
    }
    return misses
  }
}
