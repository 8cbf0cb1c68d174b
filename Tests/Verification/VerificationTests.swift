import MartletModel
import MartletTestSupport
import MartletVerification
import Testing

@Suite struct VerificationTests {
  @Test func similarityOfEqualAndOppositeVectors() {
    let vector: [Float] = [1, -2, 3]
    let equal = Similarity(reference: vector, found: vector)
    #expect(equal.cosine == 1)
    #expect(equal.signalToNoise == .infinity)
    let opposite = Similarity(reference: vector, found: vector.map { -$0 })
    #expect(opposite.cosine == -1)
    // The error has twice the amplitude, four times the power: −6.02 dB.
    #expect(abs(opposite.signalToNoise + 6.0206) < 1e-4)
    #expect(Similarity(reference: [0, 0], found: [0, 0]).cosine == 1)
    #expect(Similarity(reference: [0, 0], found: [1, 0]).cosine == 0)
  }

  @Test func summariesKeepTheWorstPicture() {
    var summary = SimilaritySummary()
    summary.add(reference: [1, 0], found: [1, 0])
    summary.add(reference: [1, 0], found: [1, 1])
    #expect(abs(summary.cosineMinimum - 0.5.squareRoot()) < 1e-12)
    #expect(abs(summary.cosineMean - (1 + 0.5.squareRoot()) / 2) < 1e-12)
    // Powers 2 and 1 over both pictures.
    #expect(abs(summary.signalToNoise - 3.0103) < 1e-4)
  }

  /// Against the definition with probabilities written out.
  @Test func divergenceIsThatOfTheDistributions() {
    // p = (0.5, 0.3, 0.2), q = (0.2, 0.3, 0.5): Σ p ln(p/q) = 0.5 ln 2.5 − 0.2 ln 2.5.
    let expected = 0.3 * 0.9162907318741551
    let reference: ArraySlice<Float> = [-0.6931472, -1.2039728, -1.6094379]
    // Logits may be shifted as one likes.
    let found: ArraySlice<Float> = [-1.6094379 + 40, -1.2039728 + 40, -0.6931472 + 40]
    var comparison = LogitComparison()
    comparison.add(reference: reference, found: found)
    #expect(abs(comparison.mean - expected) < 1e-5)
    #expect(comparison.top1Agreement == 0)
    #expect(comparison.top5Agreement == 1)
    comparison.add(reference: reference, found: reference)
    #expect(abs(comparison.mean - expected / 2) < 1e-5)
    #expect(comparison.maximum == comparison.percentile99)
    #expect(comparison.top1Agreement == 0.5)
  }

  @Test func percentilesLeaveOutTheWorstHundredth() {
    var comparison = LogitComparison()
    for index in 0..<200 {
      let reference: ArraySlice<Float> = [1, 0]
      let found: ArraySlice<Float> = index < 2 ? [-5, 0] : [1, 0]
      comparison.add(reference: reference, found: found)
    }
    #expect(comparison.percentile99 == 0)
    #expect(comparison.maximum > 1)
  }

  @Test func limitsAreMissedByNaNAndByUnequalInputs() {
    var found = Verification()
    let limits = VerificationLimits(
      minimumCosine: 0.9, maximumDivergence: 0.1, minimumAgreement: 0.5, maximumScoreDrop: 0.01)
    // Nothing was compared: agreement 0 misses, and there is no score.
    #expect(limits.misses(found).map(\.what).count == 2)
    found.imageTokens.add(reference: [Float.nan], found: [1])
    found.logits.add(reference: [0, 1], found: [0, 1])
    found.task = TaskScore(
      count: 10, referenceScore: 0.9, packedScore: 0.7, flipsLost: 2, flipsWon: 0)
    #expect(
      limits.misses(found).map(\.what) == [
        "smallest cosine of image tokens", "drop of the score",
      ])
    found.inputs.pixelsMaximumDifference = 1
    found.inputs.tokenIDsEqual = false
    #expect(VerificationLimits().misses(found).count == 2)
  }

  @Test func answersAreComparedWithoutCaseAndSpace() {
    #expect(AnswerText.normalized("  Two\n Cats ") == AnswerText.normalized("two cats"))
    #expect(AnswerText.normalized("two cats") != AnswerText.normalized("twocats"))
  }
}
