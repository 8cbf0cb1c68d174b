/// How many questions were answered rightly, by the reference and by the pack.
package struct TaskScore: Equatable, Sendable {
  package var count = 0
  package var referenceScore = 0.0
  package var packedScore = 0.0
  /// Right by the reference, wrong by the pack.
  package var flipsLost = 0
  /// Wrong by the reference, right by the pack.
  package var flipsWon = 0

  package init(
    count: Int = 0, referenceScore: Double = 0, packedScore: Double = 0, flipsLost: Int = 0,
    flipsWon: Int = 0
  ) {
    self.count = count
    self.referenceScore = referenceScore
    self.packedScore = packedScore
    self.flipsLost = flipsLost
    self.flipsWon = flipsWon
  }

  /// Adds one question.
  package mutating func add(referenceIsRight: Bool, packIsRight: Bool) {
    count += 1
    referenceScore += ((referenceIsRight ? 1 : 0) - referenceScore) / Double(count)
    packedScore += ((packIsRight ? 1 : 0) - packedScore) / Double(count)
    if referenceIsRight, !packIsRight { flipsLost += 1 }
    if packIsRight, !referenceIsRight { flipsWon += 1 }
  }
}

/// One question with the answers of both models, special tokens left out.
package struct AnsweredQuestion: Equatable, Sendable {
  package var picture: String
  package var question: String
  package var group: String?
  /// What a good model says, where it is known.
  package var answer: String?
  package var reference: String
  package var packed: String

  /// Whether a text is the known answer, without case and outer white space; `nil` without one.
  package func isRight(_ text: String) -> Bool? {
    answer.map { AnswerText.normalized(text) == AnswerText.normalized($0) }
  }
}

/// Answers as they are compared.
package enum AnswerText {
  /// Lower case, runs of white space as one space, none outside.
  package static func normalized(_ text: String) -> String {
    text.lowercased().split(whereSeparator: \.isWhitespace).joined(separator: " ")
  }
}
