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
    misses += self.misses(
      cosine: verification.imageTokens.cosineMinimum, logits: verification.logits)
    if let task = verification.task {
      Self.check(
        "drop of the score", maximumScoreDrop, task.score.drop, <=, into: &misses)
    } else if let maximumScoreDrop {
      misses.append(
        Miss(what: "drop of the score (no answers given)", limit: maximumScoreDrop, found: .nan))
    }
    return misses
  }

  /// Those of the limits that need no answers.
  package func misses(cosine: Double, logits: LogitSummary) -> [Miss] {
    var misses: [Miss] = []
    Self.check("smallest cosine of image tokens", minimumCosine, cosine, >=, into: &misses)
    Self.check(
      "mean divergence of logits", maximumDivergence, logits.divergenceMean, <=, into: &misses)
    Self.check(
      "agreement of likeliest tokens", minimumAgreement, logits.topAgreement, >=, into: &misses)
    return misses
  }

  private static func check(
    _ what: String, _ limit: Double?, _ found: Double, _ holds: (Double, Double) -> Bool,
    into misses: inout [Miss]
  ) {
    guard let limit, !holds(found, limit) else { return }
    misses.append(Miss(what: what, limit: limit, found: found))
  }
}
