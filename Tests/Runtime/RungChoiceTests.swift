import MartletRuntime
import Testing

/// Which size of picture a deadline takes.
@Suite struct RungChoiceTests {
  struct Failed: Error {}

  private func choice(
    _ deadline: Double, sides: [Int] = [256, 512, 1024], times: [Int: Double]
  ) throws -> (choice: RungChoice, run: [Int]) {
    var run: [Int] = []
    let choice = try RungChoice(sides: sides, deadline: deadline) { side throws(Failed) in
      run.append(side)
      guard let time = times[side] else { throw Failed() }
      return time
    }
    return (choice, run)
  }

  private static let times = [256: 100.0, 512: 250, 1024: 900]

  @Test func theLargestThatIsFastEnoughIsTaken() throws {
    let generous = try choice(2000, times: Self.times)
    #expect(generous.choice.side == 1024 && generous.choice.isInTime)
    // The smallest first fetches the weights, then counts.
    #expect(generous.run == [256, 256, 512, 1024])
    let middle = try choice(350, times: Self.times)
    #expect(middle.choice.side == 512 && middle.choice.isInTime)
    // 250 ms and four times the pixels are far beyond 350 ms: not tried.
    #expect(middle.run == [256, 256, 512])
    #expect(middle.choice.trials.map(\.isPredicted) == [false, false, true])
    #expect(middle.choice.trials[2].milliseconds == 1000)
  }

  @Test func whatIsPredictedTooSlowByLittleIsTried() throws {
    // 4 · 100 = 400 ms predicted, 250 ms in truth.
    let found = try choice(330, times: Self.times)
    #expect(found.choice.side == 512)
  }

  @Test func whereNoneIsFastEnoughTheSmallestRunsAndSaysSo() throws {
    let found = try choice(50, times: Self.times)
    #expect(found.choice.side == 256 && !found.choice.isInTime)
    #expect(found.run == [256, 256])
    #expect(found.choice.text.contains("too slow"))
    #expect(found.choice.text.contains("256² 100 ms, 512² about 400 ms"))
    #expect(found.choice.text.contains("deadline 50 ms"))
  }

  @Test func aFailureEndsTheChoice() throws {
    #expect(throws: Failed.self) { try choice(2000, times: [256: 100]) }
  }
}
