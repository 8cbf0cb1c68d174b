import Foundation
import MartletBytes
import MartletTestSupport
import Testing

/// The way from a checkpoint to an answer, and what scripts read on it.
@Suite struct FlowTests {
  static let runKeys = [
    "text", "token_ids", "prompt_tokens", "image_tokens", "finish_reason", "timings_ms",
    "timings_ms.load", "timings_ms.preprocess", "timings_ms.encode", "timings_ms.project",
    "timings_ms.prefill", "timings_ms.first_token", "timings_ms.total", "decode_tokens_per_second",
    "peak_rss_bytes", "isa", "threads",
  ]

  private static let asking = ["--image", Tiny.wide, "--prompt", Tiny.question]

  @Test func packsAnswerAlikeInBothCommandLines() throws {
    let words = [Tiny.pack] + Self.asking + ["--max-tokens", "6"]
    let full = try Program.martlet.run(["run"] + words + ["--json"])
    let board = try Program.board.run(words + ["--json"])
    #expect(full.code == 0)
    #expect(board.code == 0)
    let json = try JSONValue.only(in: full.output)
    let boardJSON = try JSONValue.only(in: board.output)
    #expect(json.keys == Self.runKeys)
    #expect(boardJSON.keys == Self.runKeys)
    for key in ["text", "token_ids", "prompt_tokens", "image_tokens", "finish_reason", "isa"] {
      #expect(json[key] == boardJSON[key], "\(key)")
    }
    #expect(json["token_ids"]?.array?.count == 6)
    #expect(json["finish_reason"]?.string == "length")
    #expect(json["image_tokens"]?.int == 16)
    // What streams is what JSON tells, but for the white space at the end.
    let streamed = try Program.martlet.run(["run"] + words)
    let boardStreamed = try Program.board.run(words)
    #expect(streamed.code == 0)
    #expect(streamed.output == boardStreamed.output)
    #expect(
      streamed.output.trimmingCharacters(in: .whitespacesAndNewlines) == json["text"]?.string)
  }

  @Test func checkpointsAnswerThroughTheReference() throws {
    let outcome = try Program.martlet.run(
      ["run", Tiny.path("native")] + Self.asking + ["--max-tokens", "3", "--json"])
    #expect(outcome.code == 0)
    let json = try JSONValue.only(in: outcome.output)
    #expect(json.keys == Self.runKeys)
    #expect(json["isa"]?.string == "reference")
  }

  @Test func drawnTokensFollowTheSeed() throws {
    let words = [
      Tiny.pack, "--prompt", "x", "--temperature", "1.5", "--max-tokens", "12", "--json",
    ]
    let first = try Program.board.run(words + ["--seed", "4"])
    let again = try Program.martlet.run(["run"] + words + ["--seed", "4"])
    let other = try Program.board.run(words + ["--seed", "5"])
    let ids = try [first, again, other].map { try JSONValue.only(in: $0.output)["token_ids"] }
    #expect(ids[0] == ids[1])
    #expect(ids[0] != ids[2])
  }

  @Test func sameInputsGiveTheSameBytes() throws {
    let directory = try TemporaryDirectory()
    for name in ["a", "b"] {
      let outcome = try Program.martlet.run(
        "convert", Tiny.llava, "-o", directory.path(name), "--scheme", "int4", "--quiet")
      #expect(outcome.code == 0)
      #expect(outcome.output == "")
    }
    #expect(
      try SmallFile.bytes(of: directory.path("a")) == SmallFile.bytes(of: directory.path("b")))
    #expect(try directory.names() == ["a", "b"])
  }

  @Test(arguments: ["llava", "llava-train", "llava-mixed", "native"])
  func inspectTellsOneObject(layout: String) throws {
    let outcome = try Program.martlet.run("inspect", Tiny.path(layout), "--json", "--tensors")
    #expect(outcome.code == 0)
    let json = try JSONValue.only(in: outcome.output)
    #expect(json["architecture"]?.string?.isEmpty == false)
    #expect((json["tensors"]?.array?.count ?? 0) > 100)
    #expect(try Program.martlet.run("inspect", Tiny.path(layout)).code == 0)
  }

  @Test func inspectTellsWhatAPackHolds() throws {
    let outcome = try Program.martlet.run(
      "inspect", Tiny.pack, "--json", "--tensors", "--schedule")
    #expect(outcome.code == 0)
    let json = try JSONValue.only(in: outcome.output)
    #expect(json["kind"]?.string == "pack")
    #expect((json["tensors"]?.array?.count ?? 0) > 50)
    #expect((json["schedule"]?.array?.count ?? 0) > 5)
  }

  @Test func tapsAddLayersToATrace() throws {
    let directory = try TemporaryDirectory()
    let path = directory.path("t.safetensors")
    let outcome = try Program.martlet.run(
      ["trace", Tiny.llava] + Self.asking + [
        "--max-tokens", "1", "--tap", "vision.stages.1.*", "-o", path,
      ])
    #expect(outcome.code == 0)
    let names = try SafetensorsDraft(path).tensors.map(\.name)
    #expect(names.filter { $0.hasPrefix("vision.stages.1.") }.count > 3)
    #expect(names.contains("prefill_logits"))
  }

  @Test func verifyComparesAndHoldsToLimits() throws {
    let directory = try TemporaryDirectory()
    let pictures = directory.path("pictures")
    for name in ["wide.png", "tall.png"] {
      try directory.write(try SmallFile.bytes(of: Tiny.path(name)), to: "pictures/\(name)")
    }
    let words = ["verify", Tiny.pack, "--reference", Tiny.llava, "--images", pictures, "--json"]
    let report = directory.path("report.html")
    let passed = try Program.martlet.run(words + ["--min-cosine", "0.5", "--report", report])
    #expect(passed.code == 0, "\(passed.error)")
    let json = try JSONValue.only(in: passed.output)
    #expect(json["passed"]?.bool == true)
    #expect(json["images"]?.int == 2)
    #expect(json["inputs"]?["pixels_max_difference"]?.int == 0)
    #expect(json["inputs"]?["token_ids_equal"]?.bool == true)
    let wanted = [
      "encoder.cosine_mean", "encoder.cosine_min", "encoder.sqnr_db", "image_tokens.cosine_min",
      "logits.kl_mean", "logits.kl_p99", "logits.kl_max", "logits.top1_agreement",
      "logits.top5_agreement", "text.exact_match", "text.first_divergence_mean", "task", "layers",
      "reference_ms", "packed_ms", "pack_bytes", "peak_rss_bytes",
    ]
    #expect(Set(json.keys).isSuperset(of: wanted))
    #expect(try String(contentsOfFile: report, encoding: .utf8).hasPrefix("<!DOCTYPE html>"))
    let missed = try Program.martlet.run(words + ["--min-cosine", "1"])
    #expect(missed.code == 1)
    #expect(try JSONValue.only(in: missed.output)["passed"]?.bool == false)
  }

  /// Two questions about one picture, in two groups: the picture is compared once, every answer is written.
  @Test func verifyScoresGroupsAndWritesAnswers() throws {
    let directory = try TemporaryDirectory()
    try directory.write(try SmallFile.bytes(of: Tiny.path("wide.png")), to: "wide.png")
    // What the reference says is taken for the right answer, so that it scores everything.
    let first = try Program.martlet.run(
      ["run", Tiny.llava, "--image", Tiny.path("wide.png"), "--max-tokens", "4", "--json"]
        + ["--prompt", "Describe the image."])
    let said = try #require(try JSONValue.only(in: first.output)["text"]?.string)
    let questions = [
      ["image": "wide.png", "question": "Describe the image.", "answer": said, "group": "right"],
      ["image": "wide.png", "question": "Is it day?", "answer": "no such words", "group": "wrong"],
    ]
    let encoder = JSONEncoder()
    let lines = try questions.map { String(decoding: try encoder.encode($0), as: UTF8.self) }
    try directory.write(Array(lines.joined(separator: "\n").utf8), to: "q.jsonl")
    let answers = directory.path("answers.jsonl")
    let outcome = try Program.martlet.run(
      ["verify", Tiny.pack, "--reference", Tiny.llava, "--questions", directory.path("q.jsonl")]
        + ["--answers", answers, "--max-tokens", "4", "--json"])
    #expect(outcome.code == 0, "\(outcome.error)")
    let json = try JSONValue.only(in: outcome.output)
    #expect(json["images"]?.int == 1)
    #expect(json["questions"]?.int == 2)
    #expect(json["task"]?["reference_score"]?.double == 0.5)
    #expect(json["groups"]?["right"]?["reference_score"]?.double == 1)
    #expect(json["groups"]?["wrong"]?["reference_score"]?.double == 0)
    #expect(json["groups"]?["wrong"]?["count"]?.int == 1)
    let written = try String(contentsOfFile: answers, encoding: .utf8).split(separator: "\n")
      .map { try JSONValue(parsing: String($0), source: "answers") }
    #expect(written.count == 2)
    let equal = written.count { $0["reference"]?.string == $0["pack"]?.string }
    #expect(json["text"]?["exact_match"]?.double == Double(equal) / 2)
    #expect(written[0]["reference"]?.string == said)
    #expect(written[0]["reference_right"]?.bool == true)
    #expect(written[1]["group"]?.string == "wrong")
    #expect(written[1]["pack_right"]?.bool == false)
  }
}
