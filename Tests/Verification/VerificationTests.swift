import MartletModel
import MartletTestSupport
import MartletVerification
import Testing

@Suite struct VerificationTests {
  private func terms(_ reference: [Float], _ found: [Float]) -> SimilarityTerms {
    SimilarityTerms(reference: reference.span, found: found.span)
  }

  private func compared(_ reference: [Float], _ found: [Float]) -> PositionComparison {
    PositionComparison(reference: reference.span, found: found.span)
  }

  @Test func similarityOfEqualAndOppositeVectors() {
    let vector: [Float] = [1, -2, 3]
    let equal = terms(vector, vector)
    #expect(equal.cosine == 1)
    #expect(equal.signalToNoise == .infinity)
    let opposite = terms(vector, vector.map { -$0 })
    #expect(opposite.cosine == -1)
    // The error has twice the amplitude, four times the power: −6.02 dB.
    #expect(abs(opposite.signalToNoise + 6.0206) < 1e-4)
    #expect(terms([0, 0], [0, 0]).cosine == 1)
    #expect(terms([0, 0], [1, 0]).cosine == 0)
  }

  @Test func summariesKeepTheWorstPicture() {
    var summary = SimilaritySummary()
    summary.add(terms([1, 0], [1, 0]))
    summary.add(terms([1, 0], [1, 1]))
    #expect(abs(summary.cosineMinimum - 0.5.squareRoot()) < 1e-12)
    #expect(abs(summary.cosineMean - (1 + 0.5.squareRoot()) / 2) < 1e-12)
    // Powers 2 and 1 over both pictures.
    #expect(abs(summary.signalToNoise - 3.0103) < 1e-4)
  }

  /// Against the definition with probabilities written out.
  @Test func divergenceIsThatOfTheDistributions() {
    // p = (0.5, 0.3, 0.2), q = (0.2, 0.3, 0.5): Σ p ln(p/q) = 0.5 ln 2.5 − 0.2 ln 2.5.
    let expected = 0.3 * 0.9162907318741551
    let reference: [Float] = [-0.6931472, -1.2039728, -1.6094379]
    // Logits may be shifted as one likes.
    let found: [Float] = [-1.6094379 + 40, -1.2039728 + 40, -0.6931472 + 40]
    let apart = compared(reference, found)
    #expect(abs(apart.divergence - expected) < 1e-5)
    #expect(!apart.isTopEqual)
    #expect(apart.topFiveShare == 1)
    // Without the shift the differences are −0.9163, 0 and 0.9163.
    #expect(abs(apart.errorMaximum - 0.9162907) < 1e-4)
    #expect(abs(apart.error - 0.9162907 * (2.0 / 3).squareRoot()) < 1e-4)
    let summary = LogitSummary([apart, compared(reference, reference)])
    #expect(abs(summary.divergenceMean - expected / 2) < 1e-5)
    #expect(summary.divergences.maximum == summary.divergences.percentile(0.99))
    #expect(summary.topAgreement == 0.5)
  }

  @Test func percentilesAreNearestRanks() {
    let distribution = Distribution((1...200).map(Double.init).shuffled())
    #expect(distribution.percentile(0.99) == 198)
    #expect(distribution.percentile(0.5) == 100)
    #expect(distribution.percentile(0) == 1)
    #expect(distribution.percentile(1) == 200)
    #expect(Distribution([]).percentile(0.5) == 0)
    #expect(Distribution([.nan, 1, 2]).maximum.isNaN)
    #expect(Distribution([.nan, 1, 2]).percentile(0.6) == 2)
  }

  @Test func binsHoldEveryValueOnce() {
    let values = [0, 1e-12, 1e-9, 0.00099, 0.001, 0.5, 9.9, 1e6, .infinity, .nan]
    let bins = Distribution(values).bins
    #expect(bins.reduce(0) { $0 + $1.count } == values.count)
    #expect(bins[0].count == 2)
    #expect(bins.last?.count == 3)
    for (bin, next) in zip(bins, bins.dropFirst()) { #expect(bin.from < next.from) }
  }

  @Test func limitsAreMissedByNaNAndByUnequalInputs() {
    let limits = VerificationLimits(
      minimumCosine: 0.9, maximumDivergence: 0.1, minimumAgreement: 0.5, maximumScoreDrop: 0.01)
    // Nothing was compared: agreement 0 misses, and there is no score.
    #expect(limits.misses(Verification([])).map(\.what).count == 2)
    var record = Records.picture(0)
    record.imageTokens = terms([Float.nan], [1])
    record.questions = (0..<10).map { Records.question($0, right: true, packRight: $0 > 1) }
    #expect(
      limits.misses(Verification([record])).map(\.what) == [
        "smallest cosine of image tokens", "drop of the score",
      ])
    record.pixelsDifference = 1
    record.questions[3].tokenIDsEqual = false
    #expect(VerificationLimits().misses(Verification([record])).count == 2)
  }

  @Test func answersAreComparedWithoutCaseAndSpace() {
    #expect(AnswerText.normalized("  Two\n Cats ") == AnswerText.normalized("two cats"))
    #expect(AnswerText.normalized("two cats") != AnswerText.normalized("twocats"))
  }

  @Test func scoresCountFlipsBothWaysAndByGroup() throws {
    var record = Records.picture(0)
    record.questions = [
      Records.question(0, right: true, packRight: true, group: "a"),
      Records.question(1, right: true, packRight: false, group: "a"),
      Records.question(2, right: false, packRight: true, group: "b"),
      Records.question(3, right: false, packRight: false, group: "b"),
      Records.question(4, right: true, packRight: false, group: "b"),
    ]
    let found = Verification([record])
    let score = try #require(found.task?.score)
    #expect(score.count == 5)
    #expect(score.flipsLost == 2)
    #expect(score.flipsWon == 1)
    #expect(abs(score.drop - 0.2) < 1e-12)
    #expect(found.groups.map(\.name) == ["a", "b"])
    #expect(found.groups[1].score.score.flipsWon == 1)
    #expect(found.groups[1].score.score.count == 3)
  }

  /// The interval of a share of 80 % over 400 pictures: 0.8 ± 1.96 √(0.8 · 0.2 / 400) = 0.761 … 0.839.
  @Test func intervalsAreThoseOfTheBinomial() {
    var pictures: [TaskScore] = []
    for index in 0..<400 {
      var score = TaskScore()
      score.add(referenceIsRight: true, packIsRight: index % 5 != 0)
      pictures.append(score)
    }
    let found = Bootstrap(seed: 7).measured(pictures)
    #expect(abs(found.intervals.packed.low - 0.761) < 0.006)
    #expect(abs(found.intervals.packed.high - 0.839) < 0.006)
    #expect(found.intervals.reference == Interval(low: 1, high: 1))
    #expect(abs(found.intervals.drop.low - 0.161) < 0.006)
    #expect(Bootstrap(seed: 7).measured(pictures) == found)
    let bounds = Set((1...8).map { Bootstrap(seed: $0).measured(pictures).intervals.packed.low })
    #expect(bounds.count > 1)
  }

  /// Ten questions about one picture are one draw: the interval is wider than that of ten pictures.
  @Test func questionsAboutOnePictureAreDrawnTogether() {
    func pictures(questionsEach: Int) -> [TaskScore] {
      (0..<400 / questionsEach).map { picture in
        var score = TaskScore()
        for _ in 0..<questionsEach {
          score.add(referenceIsRight: true, packIsRight: picture % 2 == 0)
        }
        return score
      }
    }
    func width(_ pictures: [TaskScore]) -> Double {
      let interval = Bootstrap().measured(pictures).intervals.packed
      return interval.high - interval.low
    }
    #expect(width(pictures(questionsEach: 10)) > 2 * width(pictures(questionsEach: 1)))
  }

  @Test func worstPicturesComeFirst() {
    let records = (0..<10).map { index in
      var record = Records.picture(index)
      record.imageTokens.noise = Double((index * 7) % 10) / 100
      return record
    }
    let found = Verification(records).worstPictures
    #expect(found.count == Verification.worstCount)
    #expect(found[0].name == "p7")
    #expect(found.map(\.signalToNoise) == found.map(\.signalToNoise).sorted())
  }
}
