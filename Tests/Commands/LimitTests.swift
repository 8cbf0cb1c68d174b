import Foundation
import MartletBytes
import MartletModel
import MartletPack
import MartletTestSupport
import Testing

/// Precisions that are chosen layer by layer, so that limits are kept.
@Suite struct LimitTests {
  private let directory: TemporaryDirectory
  private var shown: String { directory.path("shown") }

  init() throws {
    directory = try TemporaryDirectory()
    let pictures = URL(filePath: #filePath).deletingLastPathComponent()
      .appending(path: "../../Calibration/Images").standardized.path()
    try FileManager.default.createDirectory(
      atPath: directory.path("shown"), withIntermediateDirectories: true)
    let names = try FileManager.default.contentsOfDirectory(atPath: pictures).sorted()
    for name in names.prefix(4) {
      try FileManager.default.copyItem(
        atPath: "\(pictures)/\(name)", toPath: directory.path("shown") + "/\(name)")
    }
  }

  private func converted(_ name: String, _ words: [String]) throws -> (
    path: String, code: Int32, error: String
  ) {
    let path = directory.path(name)
    let outcome = try Program.martlet.run(
      [
        "convert", Tiny.llava, "-o", path, "--calibration", shown, "--no-proof", "--quiet",
        "--limit-pictures", "1",
      ] + words)
    return (path, outcome.code, outcome.error)
  }

  @Test func limitsAreKeptAndExplained() throws {
    let eight = try Pack(path: converted("eight", []).path).byteCount
    let four = try Pack(path: converted("four", ["--scheme", "int4"]).path).byteCount
    let limit = (eight + four) / 2
    let plot = directory.path("plot.svg")
    let small = try converted("small", ["--max-size", "\(limit)", "--trade-off", plot])
    #expect(small.code == 0, "\(small.error)")
    let pack = try Pack(path: small.path)
    #expect(pack.byteCount <= limit)
    let choice = try #require(pack.choice)
    #expect(choice.limits.bytes == UInt64(limit))
    #expect(choice.limits.divergence == nil)
    // What the pack holds is what the choice tells.
    for encoding in [WeightEncoding.int8Panels, .int4Panels] {
      #expect(
        choice.units.count { $0.options[$0.chosen].encoding == encoding }
          == pack.tensors.count { $0.encoding == encoding })
    }
    #expect(Set(choice.units.map(\.chosen)).count > 1)
    for unit in choice.units {
      #expect(unit.options.map(\.encoding) == [.int8Panels, .int4Panels, .float32Panels])
      #expect(unit.options[1].divergence >= unit.options[0].divergence)
      #expect(unit.options[2].divergence == 0)
      #expect(unit.options[2].bytes > unit.options[0].bytes)
    }
    #expect(try String(contentsOfFile: plot, encoding: .utf8).contains("<polyline"))
    let why = try JSONValue.only(
      in: Program.martlet.run(["inspect", small.path, "--why", "--json"]).output)
    #expect(why["why"]?.array?.count == choice.units.count)

    // Half of that divergence, whatever size it takes.
    let divergence = try #require(choice.measured.divergence)
    #expect(divergence > 0)
    let exact = try converted("exact", ["--max-kl", "\(divergence / 2)"])
    #expect(exact.code == 0, "\(exact.error)")
    let second = try #require(try Pack(path: exact.path).choice)
    #expect(try #require(second.measured.divergence) <= divergence / 2)
    #expect(second.units.contains { $0.chosen != 1 })
  }

  /// Answers of the float model itself, so that it is right everywhere and any other answer is a loss.
  private func questions() throws -> String {
    let names = try FileManager.default.contentsOfDirectory(atPath: shown).sorted()
    let lines = try names.map { name in
      let outcome = try Program.martlet.run([
        "run", Tiny.llava, "--image", "\(shown)/\(name)", "--prompt", "What is it?",
        "--max-tokens", "64", "--json",
      ])
      let answer = try #require(JSONValue.only(in: outcome.output)["text"]?.string)
      let line = ["image": "shown/\(name)", "question": "What is it?", "answer": answer]
      return String(decoding: try JSONSerialization.data(withJSONObject: line), as: UTF8.self)
    }
    return try directory.write(lines.joined(separator: "\n"), to: "questions.jsonl")
  }

  private func loud(_ name: String, _ words: [String]) throws -> (
    pack: Pack, right: Int, of: Int
  ) {
    let path = directory.path(name)
    let outcome = try Program.martlet.run(
      [
        "convert", Tiny.llava, "-o", path, "--calibration", shown, "--no-proof",
        "--limit-pictures", "1", "--questions", questions(),
      ] + words)
    #expect(outcome.code == 0, "\(outcome.error)")
    let told = try #require(
      outcome.error.matches(of: /chosen: .*\n.*made with: (\d+) right, (\d+) by the float model/)
        .last)
    return (try Pack(path: path), try #require(Int(told.1)), try #require(Int(told.2)))
  }

  @Test func aScoreIsKeptOnQuestionsThatNoChoiceWasMadeWith() throws {
    let strict = try loud("strict", ["--max-score-drop", "0"])
    #expect(strict.of == 2 && strict.right == 2)
    let loose = try loud("loose", ["--max-score-drop", "1"])
    #expect(loose.of == 2)
    #expect(loose.pack.byteCount < strict.pack.byteCount)
    #expect(loose.pack.byteCount < (try Pack(path: Tiny.pack).byteCount))
  }

  @Test func aScoreNeedsQuestionsWithAnswers() throws {
    let blind = try converted("blind", ["--max-score-drop", "0.01"])
    #expect(blind.code == 64)
    #expect(blind.error.contains("--max-score-drop needs questions with answers"))
    let silent = try directory.write(
      #"{"image": "shown/00-receipt.jpg", "question": "?"}"#, to: "silent.jsonl")
    let unanswered = try converted("x", ["--max-score-drop", "0.01", "--questions", silent])
    #expect(unanswered.code == 64)
    #expect(unanswered.error.contains("found: 0 in"))
  }

  @Test func whatCannotBeKeptIsRefused() throws {
    let refused = try converted("none", ["--max-size", "1K"])
    #expect(refused.code == 1)
    #expect(refused.error.contains("no choice of precisions keeps all limits"))
    #expect(!FileManager.default.fileExists(atPath: refused.path))
    let blind = try Program.martlet.run([
      "convert", Tiny.llava, "-o", directory.path("blind"), "--max-kl", "0.1",
    ])
    #expect(blind.code == 64)
    #expect(blind.error.contains("pictures to measure on"))
    let silent = try Program.martlet.run(["inspect", Tiny.pack, "--why"])
    #expect(silent.code == 64)
    #expect(silent.error.contains("the pack does not tell why"))
  }
}
