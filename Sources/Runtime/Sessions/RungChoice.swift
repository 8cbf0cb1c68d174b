/// Which of a model's sizes answers in time, found out by trying on this machine.
package struct RungChoice: Equatable, Sendable {
  /// Milliseconds to the first token at a side.
  package struct Trial: Equatable, Sendable {
    package var side: Int
    package var milliseconds: Double
    /// Not run, since the one below was too slow for it: derived from that one by the number of pixels.
    package var isPredicted: Bool
  }

  package let deadline: Double
  /// Smallest side first.
  package private(set) var trials: [Trial] = []
  /// The largest side that was fast enough; the smallest where none was.
  package private(set) var side: Int
  package private(set) var isInTime = false

  /// Tries sides from the smallest up, as long as the next one may be fast enough.
  ///
  /// A larger side is tried unless the time of the one below, by the number of pixels, is beyond the deadline by more than a
  /// quarter: time grows more slowly than pixels, since text and weights cost the same at every side. The smallest runs
  /// twice, and the second time counts: the first fetches the weights.
  ///
  /// - Parameters:
  ///   - sides: smallest first; at least one.
  ///   - measure: milliseconds to the first token at a side.
  package init<Failure: Error>(
    sides: [Int], deadline: Double, measure: (Int) throws(Failure) -> Double
  ) throws(Failure) {
    precondition(!sides.isEmpty)
    self.deadline = deadline
    side = sides[0]
    _ = try measure(sides[0])
    for next in sides {
      if let last = trials.last {
        let pixels = Double(next * next) / Double(last.side * last.side)
        let predicted = last.milliseconds * pixels
        // Where the one below was too slow, this one is as well.
        if last.isPredicted || last.milliseconds > deadline || predicted > 1.25 * deadline {
          trials.append(Trial(side: next, milliseconds: predicted, isPredicted: true))
          continue
        }
      }
      let found = try measure(next)
      trials.append(Trial(side: next, milliseconds: found, isPredicted: false))
      if found <= deadline {
        side = next
        isInTime = true
      }
    }
  }

  /// What was chosen and why, in one line.
  package var text: String {
    var tried = ""
    for trial in trials {
      tried += tried.isEmpty ? "" : ", "
      tried +=
        "\(trial.side)² \(trial.isPredicted ? "about " : "")\(Self.whole(trial.milliseconds)) ms"
    }
    let limit = "deadline \(Self.whole(deadline)) ms"
    if isInTime { return "runs at \(side)²: the first token takes \(tried) here; \(limit)" }
    return
      "runs at \(side)², the least, which is too slow: the first token takes \(tried) here; \(limit)"
  }

  private static func whole(_ milliseconds: Double) -> String {
    if milliseconds < 10 {
      let tenths = Int(milliseconds * 10)
      return "\(tenths / 10).\(tenths % 10)"
    }
    return "\(Int(min(1e12, milliseconds.rounded())))"
  }
}
