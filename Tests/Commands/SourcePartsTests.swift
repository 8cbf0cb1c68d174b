import Foundation
import MartletBytes
import MartletTestSupport
import Testing

/// Models put together from several files, and bounds on the memory that work on them may take.
@Suite struct SourcePartsTests {
  private static let fixtures = URL(filePath: #filePath).deletingLastPathComponent()
    .appending(path: "../Fixtures").standardized.path()

  private static func path(_ name: String) -> String { Directory.path(fixtures, name) }

  @Test func inspectShowsAModelPutTogether() throws {
    let language = Self.path("formats/mlx-int4")
    let alone = try Program.martlet.run("inspect", language)
    #expect(alone.code == 65)
    #expect(alone.headline == "error: '\(language)' holds no image encoder")
    #expect(alone.report.contains("hint: take the encoder from another checkpoint: --encoder-from"))
    let joined = try Program.martlet.run(
      "inspect", language, "--encoder-from", Tiny.path("native"), "--json", "--tensors")
    #expect(joined.code == 0, "\(joined.error)")
    let json = try JSONValue.only(in: joined.output)
    let networks = json["networks"]?.array?.compactMap { $0["name"]?.string }
    #expect(networks == ["vision", "projector", "language"])
    #expect(json["files"]?.array?.count == 2)
    let types = Set(json["tensors"]?.array?.compactMap { $0["dtype"]?.string } ?? [])
    #expect(types.isSuperset(of: ["MLX 4-bit", "F16", "F32"]))
  }

  @Test func inspectShowsWhatIsMergedAndASecondLanguageModel() throws {
    let merged = try Program.martlet.run(
      "inspect", Tiny.llava, "--merge", Self.path("formats/leftovers/mm_projector.bin"), "--json",
      "--language-from", Self.path("gguf/split/qwen2-00001-of-00003.gguf"))
    #expect(merged.code == 0, "\(merged.error)")
    let json = try JSONValue.only(in: merged.output)
    let files = json["files"]?.array?.compactMap { $0["name"]?.string } ?? []
    #expect(files.contains("mm_projector.bin"))
    #expect(files.filter { $0.hasSuffix(".gguf") }.count == 3)
    let adapter = try Program.martlet.run(
      "inspect", Tiny.llava, "--merge", Self.path("formats/leftovers/adapter.bin"))
    #expect(adapter.code == 65)
    #expect(adapter.report.contains("a LoRA adapter"), "\(adapter.report)")
  }

  @Test(arguments: ["--encoder-from", "--merge", "--language-from"])
  func packsAreWhole(option: String) throws {
    let outcome = try Program.martlet.run("inspect", Tiny.pack, option, Tiny.llava)
    #expect(outcome.code == 64)
    #expect(outcome.headline == "error: \(option) is for checkpoints")
    #expect(outcome.report.contains("'\(Tiny.pack)' is a pack"))
  }

  @Test func anEncoderMayBeATorchFile() throws {
    let directory = try TemporaryDirectory()
    let pack = directory.path("x.martlet")
    let outcome = try Program.martlet.run(
      "convert", Self.path("formats/mlx-int8"), "--encoder-from", Self.path("formats/torch"), "-o",
      pack, "--quiet")
    #expect(outcome.code == 0, "\(outcome.error)")
    let answer = try Program.board.run(
      pack, "--image", Tiny.wide, "--prompt", "x", "--max-tokens", "2", "--json")
    #expect(answer.code == 0, "\(answer.error)")
  }

  // MARK: Memory

  @Test func aBoundThatCannotBeKeptIsRefusedAtOnce() throws {
    let directory = try TemporaryDirectory()
    let pictures = Self.path("hdf5/pictures.h5")
    for (words, given, work, least) in [
      (["convert"], 100, "converting", 600),
      (["convert", "--calibration", pictures], 100, "converting", 600),
      (["convert", "--calibration", pictures], 620, "calibrating", 664),
      (["calibrate", "--images", pictures], 100, "calibrating", 320),
    ] {
      let outcome = try Program.martlet.run(
        words + [Tiny.llava, "-o", directory.path("x"), "--max-memory", "\(given)M"])
      #expect(outcome.code == 64)
      #expect(
        outcome.headline == "error: --max-memory is too little for \(work) this model")
      let lines = outcome.report.split(separator: "\n")
      #expect(lines.count == 3)
      let stated = lines[1].split(whereSeparator: { !$0.isNumber }).compactMap { Int($0) }
      #expect(lines[1].hasPrefix("  expected: at least ") && lines[1].hasSuffix("M"))
      // The tiny model adds a few MiB to what every model takes.
      #expect(stated.count == 1 && (least...least + 16).contains(stated.first ?? 0), "\(lines)")
      #expect(lines[2] == "  found: \(given)M")
    }
    #expect(try directory.names() == [])
  }

  @Test(arguments: ["0", "-1", "1.5G", "many", "9999999999999T"])
  func aBoundIsANumberOfBytes(_ text: String) throws {
    let directory = try TemporaryDirectory()
    let outcome = try Program.martlet.run(
      "convert", Tiny.llava, "-o", directory.path("x"), "--max-memory=\(text)")
    #expect(outcome.code == 64)
    #expect(outcome.headline?.contains("'\(text)' is invalid for '--max-memory") == true)
    #expect(try directory.names() == [])
  }

  /// The bound holds for the process as the system counts it.
  @Test func aBoundThatIsGivenIsKept() throws {
    let directory = try TemporaryDirectory()
    let outcome = try Program.martlet.run(
      "convert", Tiny.llava, "-o", directory.path("x"), "--max-memory", "640M")
    #expect(outcome.code == 0, "\(outcome.error)")
    let peak = try #require(
      outcome.error.firstMatch(of: /peak memory ([0-9.]+) MB/).flatMap { Double($0.1) })
    #expect(peak > 1 && peak < 671)
  }
}
