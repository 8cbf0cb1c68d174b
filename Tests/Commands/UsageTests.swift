import MartletBytes
import MartletTestSupport
import Testing

/// Wrong words on the command line: exit code 64 and a way out.
@Suite struct UsageTests {
  static let wrong: [(program: Program, words: [String], headline: String, says: String)] = [
    (.martlet, ["convrt"], "error: unknown command 'convrt'", "did you mean 'convert'?"),
    (.martlet, ["xyzzy"], "error: unknown command 'xyzzy'", "known: convert, "),
    (
      .martlet, ["convert", "x", "-o", "y", "--sceme", "int8"],
      "error: unknown option '--sceme'. Did you mean '--scheme'?", "martlet convert --help"
    ),
    (
      .martlet, ["convert", "x"], "error: missing expected argument '--output <output>'",
      "martlet convert --help"
    ),
    (
      .martlet, ["convert", "x", "-o", "y", "--scheme", "int2"],
      "error: the value 'int2' is invalid for '--scheme <scheme>'. "
        + "Please provide one of 'float32', 'int8' or 'int4'.", "martlet convert --help"
    ),
    (
      .martlet, ["run", "x", "--prompt", "y", "--max-tokens", "0"],
      "error: --max-tokens takes 1 to 1048576, not '0'", "martlet run --help"
    ),
    (
      .martlet, ["run", "x", "--prompt", "y", "--temperature", "nan"],
      "error: --temperature takes 0 to 100, not 'nan'", "martlet run --help"
    ),
    (
      .martlet, ["run", "x", "--prompt", "y", "--threads", "0"],
      "error: --threads takes 1 to 1024, not '0'", "martlet run --help"
    ),
    (
      .board, ["x", "--promt", "y"], "error: unknown option '--promt'", "did you mean '--prompt'?"
    ),
    (.board, [], "error: no pack is named", "martlet-run --help"),
    (.board, ["x"], "error: --prompt is missing", "martlet-run --help"),
    (.board, ["x", "--prompt"], "error: --prompt needs a value", "martlet-run --help"),
    (
      .board, ["x", "y", "--prompt", "z"], "error: one pack at a time: unexpected 'y'",
      "martlet-run --help"
    ),
    (
      .board, ["x", "--prompt", "y", "--max-tokens", "99999999999999999999"],
      "error: --max-tokens takes 1 to 1048576, not '99999999999999999999'", "martlet-run --help"
    ),
    (
      .board, ["x", "--prompt", "y", "--temperature", "1e"],
      "error: --temperature takes 0 to 100, not '1e'", "martlet-run --help"
    ),
    (
      .board, ["x", "--prompt", "y", "--json=yes"], "error: --json takes no value",
      "martlet-run --help"
    ),
  ]

  @Test(arguments: wrong)
  func wrongUsageIsToldWithAWayOut(
    program: Program, words: [String], headline: String, says: String
  ) throws {
    let outcome = try program.run(words)
    #expect(outcome.code == 64)
    #expect(outcome.headline == headline)
    #expect(outcome.report.contains(says))
    #expect(outcome.output == "")
  }

  /// What a pack, once opened, turns out not to fit.
  @Test(arguments: [
    (["--prompt", "x", "--isa", "neon9"], "error: this machine cannot run 'neon9'"),
    (["--prompt", "<image>"], "error: the prompt does not fit its pictures"),
  ])
  func optionsThatDoNotFitThePack(words: [String], headline: String) throws {
    for outcome in [
      try Program.martlet.run(["run", Tiny.pack] + words),
      try Program.board.run([Tiny.pack] + words),
    ] {
      #expect(outcome.code == 64)
      #expect(outcome.headline == headline)
    }
  }

  @Test func patternsThatNameNothingAreRefusedAndNothingIsWritten() throws {
    let directory = try TemporaryDirectory()
    let keep = try Program.martlet.run(
      "convert", Tiny.llava, "-o", directory.path("x.martlet"), "--keep", "vision.stem.9=float32")
    #expect(keep.code == 64)
    #expect(keep.headline == "error: a pattern matches no layer")
    let tap = try Program.martlet.run(
      "trace", Tiny.llava, "--prompt", "x", "--tap", "vison.*", "-o",
      directory.path("x.safetensors"))
    #expect(tap.code == 64)
    #expect(tap.headline == "error: --tap 'vison.*' names no layer")
    #expect(try directory.names() == [])
  }

  @Test func optionsOfAnotherKindOfModelAreRefused() throws {
    let directory = try TemporaryDirectory()
    let output = directory.path("x.safetensors")
    let form = try Program.martlet.run(
      "trace", Tiny.pack, "--prompt", "x", "--form", "source", "-o", output)
    #expect(form.code == 64)
    #expect(form.headline == "error: --form source is for checkpoints")
    let schedule = try Program.martlet.run("inspect", Tiny.llava, "--schedule")
    #expect(schedule.code == 64)
    #expect(schedule.headline == "error: --schedule is for packs")
    let resolution = try Program.martlet.run(
      "convert", Tiny.llava, "-o", directory.path("x.martlet"), "--resolution", "100")
    #expect(resolution.code == 64)
    #expect(resolution.headline == "error: --resolution 100 does not fit the encoder")
    #expect(try directory.names() == [])
  }
}
