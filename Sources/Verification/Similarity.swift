// Holds a pack against the float reference: same inputs? how far apart at each stage? same words?
//
// In:      the reference model of the checkpoint, the pack's model, pictures, questions.
// Out:     a `Verification`: numbers only, one meaning each; limits are compared by whoever asked for them.
// Refuses: comparisons that would mean nothing: other resolutions, other vocabularies, values that are not finite.

/// How near two vectors are.
package struct Similarity: Equatable, Sendable {
  /// 1 where both point the same way; 1 for two zero vectors, 0 where only one is zero.
  package var cosine: Double
  /// Power of the reference over power of the difference in decibels; infinite where they are equal.
  package var signalToNoise: Double

  /// Sums in f64, so that order does not matter at the precision shown.
  package init(reference: some Sequence<Float>, found: some Sequence<Float>) {
    var (product, power, foundPower, noise) = (0.0, 0.0, 0.0, 0.0)
    for (a, b) in zip(reference, found) {
      let (a, b) = (Double(a), Double(b))
      product += a * b
      power += a * a
      foundPower += b * b
      noise += (a - b) * (a - b)
    }
    let scale = (power * foundPower).squareRoot()
    cosine = scale > 0 ? product / scale : (power == foundPower ? 1 : 0)
    signalToNoise = noise == 0 ? .infinity : Decibels.of(power / noise)
  }
}

/// Similarity over several pictures.
package struct SimilaritySummary: Equatable, Sendable {
  package private(set) var cosineMean = 0.0
  package private(set) var cosineMinimum = 1.0
  /// From the powers of all pictures together.
  package var signalToNoise: Double {
    noise == 0 ? .infinity : Decibels.of(power / noise)
  }
  private var count = 0
  private var power = 0.0
  private var noise = 0.0

  package init() {}

  package mutating func add(reference: [Float], found: [Float]) {
    let similarity = Similarity(reference: reference, found: found)
    count += 1
    cosineMean += (similarity.cosine - cosineMean) / Double(count)
    // `min` would let a NaN pass unseen.
    if !(similarity.cosine >= cosineMinimum) { cosineMinimum = similarity.cosine }
    for (a, b) in zip(reference, found) {
      power += Double(a) * Double(a)
      noise += Double(a - b) * Double(a - b)
    }
  }
}
