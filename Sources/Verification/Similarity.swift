// Holds a pack against the float reference: same inputs? how far apart at each stage? same words?
//
// In:      the reference model of the checkpoint, the pack's model, pictures, questions.
// Out:     a `PictureRecord` a picture, kept in a results file where one is wanted, and from all records together a
//          `Verification`: numbers only, one meaning each; limits are compared by whoever asked for them.
// Refuses: comparisons that would mean nothing: other resolutions, other vocabularies, values that are not finite;
//          results files that are damaged, of another evaluation, that overlap or that leave pictures out.
//
// Every number is a function of the records in the order of the pictures. So it does not matter in how many parts,
// on how many machines or after how many interruptions they were made.

/// The sums that say how near two vectors are.
package struct SimilarityTerms: Equatable, Sendable {
  /// `Σ reference · found`
  package var product = 0.0
  /// `Σ reference²`
  package var power = 0.0
  /// `Σ found²`
  package var foundPower = 0.0
  /// `Σ (reference − found)²`
  package var noise = 0.0

  package init() {}

  package init(product: Double, power: Double, foundPower: Double, noise: Double) {
    self.product = product
    self.power = power
    self.foundPower = foundPower
    self.noise = noise
  }

  /// Sums in f64, in the order of the elements.
  package init(reference: borrowing Span<Float>, found: borrowing Span<Float>) {
    for index in 0..<min(reference.count, found.count) {
      let (a, b) = (Double(reference[index]), Double(found[index]))
      product += a * b
      power += a * a
      foundPower += b * b
      noise += (a - b) * (a - b)
    }
  }

  package mutating func add(_ other: SimilarityTerms) {
    product += other.product
    power += other.power
    foundPower += other.foundPower
    noise += other.noise
  }

  /// 1 where both point the same way; 1 for two zero vectors, 0 where only one is zero.
  package var cosine: Double {
    let scale = (power * foundPower).squareRoot()
    return scale > 0 ? product / scale : (power == foundPower ? 1 : 0)
  }

  /// Power of the reference over power of the difference in decibels; infinite where they are equal.
  package var signalToNoise: Double { Decibels.ratio(power, over: noise) }
}

/// Similarity over several pictures.
package struct SimilaritySummary: Equatable, Sendable {
  package private(set) var cosineMean = 0.0
  package private(set) var cosineMinimum = 1.0
  /// From the powers of all pictures together.
  package var signalToNoise: Double { total.signalToNoise }
  private var count = 0
  private var total = SimilarityTerms()

  package init() {}

  package mutating func add(_ terms: SimilarityTerms) {
    count += 1
    let cosine = terms.cosine
    cosineMean += (cosine - cosineMean) / Double(count)
    // `min` would let a NaN pass unseen.
    if !(cosine >= cosineMinimum) { cosineMinimum = cosine }
    total.add(terms)
  }
}
