/// How many questions were answered rightly, by the reference and by the pack.
package struct TaskScore: Equatable, Sendable {
  package private(set) var count = 0
  /// Right by the reference, and by the pack.
  package private(set) var referenceRight = 0
  package private(set) var packedRight = 0
  /// Right by the reference, wrong by the pack.
  package private(set) var flipsLost = 0
  /// Wrong by the reference, right by the pack.
  package private(set) var flipsWon = 0

  package init() {}

  package var referenceScore: Double { Double(referenceRight) / Double(max(1, count)) }
  package var packedScore: Double { Double(packedRight) / Double(max(1, count)) }
  /// What the pack loses: negative where it gains.
  package var drop: Double { Double(referenceRight - packedRight) / Double(max(1, count)) }

  /// Adds one question.
  package mutating func add(referenceIsRight: Bool, packIsRight: Bool) {
    count += 1
    if referenceIsRight { referenceRight += 1 }
    if packIsRight { packedRight += 1 }
    if referenceIsRight, !packIsRight { flipsLost += 1 }
    if packIsRight, !referenceIsRight { flipsWon += 1 }
  }

  package mutating func add(_ other: TaskScore) {
    count += other.count
    referenceRight += other.referenceRight
    packedRight += other.packedRight
    flipsLost += other.flipsLost
    flipsWon += other.flipsWon
  }
}

/// A score with how sure it is.
package struct MeasuredScore: Equatable, Sendable {
  package var score: TaskScore
  package var intervals: ScoreIntervals

  package init(score: TaskScore, intervals: ScoreIntervals) {
    self.score = score
    self.intervals = intervals
  }
}
