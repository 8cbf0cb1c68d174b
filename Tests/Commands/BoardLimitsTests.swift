import Foundation
import MartletBytes
import MartletPack
import MartletTestSupport
import Testing

/// What `martlet-run` is allowed: processors and memory.
@Suite struct BoardLimitsTests {
  private func answer(_ pack: String, _ options: String...) throws -> Program.Outcome {
    try Program.board.run(
      [pack, "--image", Tiny.wide, "--prompt", Tiny.question, "--max-tokens", "4", "--json"]
        + options)
  }

  private func ids(_ outcome: Program.Outcome) throws -> JSONValue? {
    try #require(outcome.code == 0, "\(outcome.error)")
    return try JSONValue.only(in: outcome.output).object?["token_ids"]
  }

  @Test func namedProcessorsAreUsed() throws {
    let first = Processors.allowed[0]
    let outcome = try answer(Tiny.pack, "--cores", "\(first)")
    #expect(try ids(outcome) == ids(answer(Tiny.pack)))
    #expect(try JSONValue.only(in: outcome.output).object?["threads"] == JSONValue(1))
  }

  @Test func processorsThatAreNotThereAreRefused() throws {
    let outcome = try answer(Tiny.pack, "--cores", "0-8191")
    #expect(outcome.code == 64)
    #expect(outcome.headline == "error: cannot run on processors 0-8191")
  }

  /// Weights that are mapped, so that they can be let go, and weights that are unpacked.
  @Test(arguments: [true, false])
  func answersDoNotDependOnTheMemoryThereMayBe(raw: Bool) throws {
    let directory = try TemporaryDirectory()
    let pack = directory.path("a.martlet")
    let convert =
      ["convert", Tiny.llava, "-o", pack, "--quiet", "--no-proof"] + (raw ? ["--raw"] : [])
    #expect(try Program.martlet.run(convert).code == 0)
    let free = try answer(pack)
    // The least that is not refused: found by halving, as it depends on the system's libraries.
    var (refused, kept) = (1 << 20, 1 << 30)
    var last = free
    while kept - refused > 256 << 10 {
      let limit = (refused + kept) / 2
      let outcome = try answer(pack, "--max-memory", "\(limit)")
      if outcome.code == 0 {
        (kept, last) = (limit, outcome)
      } else {
        #expect(outcome.code == 74)
        #expect(
          outcome.headline == "error: the model does not run in \(limit) bytes of memory")
        refused = limit
      }
    }
    #expect(try ids(last) == ids(free))
  }

  @Test func memoryTakesUnits() throws {
    #expect(try answer(Tiny.pack, "--max-memory", "1G").code == 0)
    for text in ["0", "1X", "-1", "99999999999G", "M"] {
      let outcome = try answer(Tiny.pack, "--max-memory", text)
      #expect(outcome.code == 64)
      #expect(
        outcome.headline
          == "error: --max-memory takes a number of bytes such as 400M or 2G, not '\(text)'")
    }
  }
}
