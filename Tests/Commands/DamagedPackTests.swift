import MartletBytes
import MartletTestSupport
import Testing

/// Packs that were damaged on their way to the board.
@Suite struct DamagedPackTests {
  @Test func everyDamagedByteIsFoundAndItsFileNamed() throws {
    let directory = try TemporaryDirectory()
    let bytes = try SmallFile.bytes(of: Tiny.pack)
    var generator = SeededGenerator(seed: 11)
    for _ in 0..<4 {
      var damaged = bytes
      damaged[generator.int(in: 0...bytes.count - 1)] ^= 0x10
      let path = try directory.write(damaged, to: "damaged.martlet")
      for outcome in [
        try Program.board.run(path, "--prompt", "x", "--max-tokens", "1"),
        try Program.martlet.run("verify", path),
      ] {
        #expect(outcome.code == 65)
        #expect(outcome.headline == "error: cannot read pack '\(path)'")
        #expect(outcome.output == "")
      }
    }
  }

  @Test func aPackCutShortIsNamed() throws {
    let directory = try TemporaryDirectory()
    let bytes = try SmallFile.bytes(of: Tiny.pack)
    let path = try directory.write(Array(bytes.dropLast(1)), to: "cut.martlet")
    let report = """
      error: cannot read pack '\(path)'
        its header says \(bytes.count) bytes, the file has \(bytes.count - 1)
        hint: the file is damaged; copy it again from where it was made

      """
    for outcome in [
      try Program.board.run(path, "--prompt", "x"),
      try Program.martlet.run("run", path, "--prompt", "x"),
      try Program.martlet.run("inspect", path, "--json"),
    ] {
      #expect(outcome.code == 65)
      #expect(outcome.error == report)
      #expect(outcome.output == "")
    }
  }

  @Test func whatIsNoPackIsToldHowToBecomeOne() throws {
    let outcome = try Program.board.run(Tiny.llava, "--prompt", "x")
    #expect(outcome.code == 65)
    #expect(outcome.headline == "error: cannot read pack '\(Tiny.llava)'")
    #expect(outcome.report.contains("martlet convert"))
    let other = try Program.board.run(Tiny.wide, "--prompt", "x")
    #expect(other.code == 65)
    #expect(other.report.contains("found: first bytes 89 50 4e 47"))
  }
}
