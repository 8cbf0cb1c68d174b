/// Everything that was found about one picture and the questions about it. Numbers of several pictures are made from
/// records alone.
package struct PictureRecord: Equatable, Sendable {
  /// Place in the order of the pictures.
  package var picture: Int
  package var name: String
  /// XXH64 of the prepared pixels of the reference.
  package var pixels: UInt64
  /// Largest difference of any byte of the prepared pictures.
  package var pixelsDifference: Int
  package var encoder: SimilarityTerms
  package var imageTokens: SimilarityTerms
  /// Length of the error of each of the encoder's rows, over the root mean square length of the reference's rows.
  package var featureErrors: [Double]
  package var reference: VisionTimes
  package var packed: VisionTimes
  /// Of the layers, for pictures whose layers were compared one by one.
  package var layers: [LayerRecord]
  package var questions: [QuestionRecord]
  /// Most memory the process had taken by then.
  package var peakBytes: Int

  package struct VisionTimes: Equatable, Sendable {
    package var encode: Double
    package var project: Double

    package init(encode: Double, project: Double) {
      self.encode = encode
      self.project = project
    }
  }

  package init(
    picture: Int, name: String, pixels: UInt64, pixelsDifference: Int, encoder: SimilarityTerms,
    imageTokens: SimilarityTerms, featureErrors: [Double], reference: VisionTimes,
    packed: VisionTimes, layers: [LayerRecord] = [], questions: [QuestionRecord] = [],
    peakBytes: Int = 0
  ) {
    self.picture = picture
    self.name = name
    self.pixels = pixels
    self.pixelsDifference = pixelsDifference
    self.encoder = encoder
    self.imageTokens = imageTokens
    self.featureErrors = featureErrors
    self.reference = reference
    self.packed = packed
    self.layers = layers
    self.questions = questions
    self.peakBytes = peakBytes
  }
}

/// What one layer does to one picture.
package struct LayerRecord: Equatable, Sendable {
  package var name: String
  /// The layer's output with all that it inherits, beside the reference's.
  package var whole: SimilarityTerms
  /// `Σ (f̂(x) − f(x))²`: the packed layer on the reference's own inputs.
  package var introduced: Double
  /// `Σ (f̂(x̂) − f̂(x))²`: what errors of the inputs do behind the packed layer.
  package var inherited: Double

  package init(name: String, whole: SimilarityTerms, introduced: Double, inherited: Double) {
    self.name = name
    self.whole = whole
    self.introduced = introduced
    self.inherited = inherited
  }
}

/// One question, both answers and how they came about.
package struct QuestionRecord: Equatable, Sendable {
  /// Place in the order in which the questions stand in their file.
  package var question: Int
  package var text: String
  package var group: String?
  /// What a good model says, where it is known.
  package var answer: String?
  /// The answers, special tokens left out.
  package var reference: String
  package var packed: String
  /// Whether both tokenizers and templates make the same prompt.
  package var tokenIDsEqual: Bool
  /// Whether both answers have the same ids.
  package var isExact: Bool
  /// Ids before the first that differs; the whole length where none does.
  package var sameTokens: Int
  /// Along the reference's answer.
  package var positions: [PositionComparison]
  package var referenceTimes: LanguageTimes
  package var packedTimes: LanguageTimes

  package struct LanguageTimes: Equatable, Sendable {
    package var prefill: Double
    /// Of all steps together.
    package var decode: Double
    /// Tokens run after the prompt.
    package var steps: Int

    package init(prefill: Double, decode: Double, steps: Int) {
      self.prefill = prefill
      self.decode = decode
      self.steps = steps
    }
  }

  package init(
    question: Int, text: String, group: String?, answer: String?, reference: String, packed: String,
    tokenIDsEqual: Bool, isExact: Bool, sameTokens: Int, positions: [PositionComparison],
    referenceTimes: LanguageTimes, packedTimes: LanguageTimes
  ) {
    self.question = question
    self.text = text
    self.group = group
    self.answer = answer
    self.reference = reference
    self.packed = packed
    self.tokenIDsEqual = tokenIDsEqual
    self.isExact = isExact
    self.sameTokens = sameTokens
    self.positions = positions
    self.referenceTimes = referenceTimes
    self.packedTimes = packedTimes
  }

  /// Whether a text is the known answer, without case and outer white space; `nil` without one.
  package func isRight(_ text: String) -> Bool? {
    answer.map { AnswerText.normalized(text) == AnswerText.normalized($0) }
  }

  /// Whether both are right, where the answer is known.
  package var verdict: (reference: Bool, packed: Bool)? {
    guard let reference = isRight(reference), let packed = isRight(packed) else { return nil }
    return (reference, packed)
  }
}

/// Answers as they are compared.
package enum AnswerText {
  /// Lower case, runs of white space as one space, none outside.
  package static func normalized(_ text: String) -> String {
    text.lowercased().split(whereSeparator: \.isWhitespace).joined(separator: " ")
  }
}
