import MartletBytes
import MartletTestSupport
import Testing

/// `bench --minutes`: answers over time, and what the machine tells of itself meanwhile.
@Suite struct EnduranceTests {
  private func bench(_ words: String...) throws -> Program.Outcome {
    try Program.martlet.run(["bench", "--synthetic", "tiny", "--quiet"] + words)
  }

  @Test func everyTenthOfTheTimeIsTold() throws {
    let outcome = try bench("--minutes", "0.02", "--json")
    try #require(outcome.code == 0, "\(outcome.error)")
    let overTime = try #require(
      try JSONValue.only(in: outcome.output).object?["over_time"]?.object)
    let windows = try #require(overTime["windows"]?.array)
    #expect((1...10).contains(windows.count))
    let missing = try #require(overTime["not_shown"]?.array)
    for window in windows {
      let window = try #require(window.object)
      let times = ["first_token_ms_p50", "first_token_ms_p95"].map { window[$0]?.double ?? 0 }
      #expect(times[0] > 0 && times[1] >= times[0])
      // What the machine does not show is null and named, and nothing else is.
      for (key, name) in [
        ("celsius", "temperature"), ("megahertz", "clock"), ("joules", "energy"),
        ("throttled", "throttling"),
      ] {
        #expect((window[key] == .null) == missing.contains(.string(name)), "\(key)")
      }
    }
  }

  @Test(arguments: [["--minutes", "0"], ["--minutes", "1", "--runs", "2"]])
  func impossibleTimesAreRefused(words: [String]) throws {
    let outcome = try Program.martlet.run(["bench", "--synthetic", "tiny"] + words)
    #expect(outcome.code == 64)
  }
}
