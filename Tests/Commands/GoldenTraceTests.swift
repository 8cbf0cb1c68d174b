import MartletBytes
import MartletCheckpoints
import MartletTestSupport
import Testing

/// `trace` against what transformers and timm computed (Tools/oracle, Tests/Fixtures/tiny/golden.json).
@Suite struct GoldenTraceTests {
  struct Case: CustomTestStringConvertible, Sendable {
    var golden: String
    var layout: String
    var form: String
    var testDescription: String { "\(golden), \(layout), \(form)" }
  }

  static let layouts = ["llava", "llava-train", "llava-mixed", "native"]

  /// Every layout in both forms on one picture, and every other golden in one layout and form.
  static let cases =
    layouts.flatMap { layout in
      ["source", "folded"].map { Case(golden: "wide", layout: layout, form: $0) }
    } + [
      Case(golden: "tall", layout: "llava", form: "folded"),
      Case(golden: "gray", layout: "llava-train", form: "source"),
      Case(golden: "crop", layout: "llava-mixed", form: "folded"),
      Case(golden: "two", layout: "native", form: "source"),
      Case(golden: "text", layout: "llava-train", form: "folded"),
    ]

  @Test(arguments: cases)
  func traceEqualsTheOriginal(_ item: Case) throws {
    let directory = try TemporaryDirectory()
    let story = try Story(item.golden)
    let output = directory.path("trace.safetensors")
    var words = ["trace", Tiny.path(item.layout), "--form", item.form, "-o", output]
    words += story.images.flatMap { ["--image", Tiny.path($0)] }
    words += ["--prompt", story.question, "--max-tokens", "\(story.tokens)"]
    words += ["--image-fit", story.fit]
    let outcome = try Program.martlet.run(words)
    try #require(outcome.code == 0, "\(outcome.error)")
    let found = try Checkpoint.open(output)
    let golden = try Checkpoint.open(Tiny.path("golden.safetensors"))
    func original(_ name: String) -> String { "\(item.golden).\(name)" }

    if golden.names.contains(original("pixels")) {
      #expect(try found.tensor("pixels").shape == golden.tensor(original("pixels")).shape)
      #expect(
        try found.withBytes("pixels", Self.copied)
          == golden.withBytes(original("pixels"), Self.copied))
    }
    #expect(try found.integers("input_ids") == golden.integers(original("input_ids")))
    #expect(try found.integers("greedy_ids") == golden.integers(original("greedy_ids")))
    let logits = item.layout == "native" ? "prefill_logits_native" : "prefill_logits"
    try expectClose(
      found.floats("prefill_logits"), golden.floats(original(logits)), "prefill_logits")
    for name in ["encoder_output", "image_tokens"] where !story.images.isEmpty {
      let parts = try story.images.indices.map {
        try found.floats($0 == 0 ? name : "\(name).\($0)")
      }
      try expectClose(parts.flatMap(\.self), golden.floats(original(name)), name)
    }
  }

  /// Within 1e-4 of the largest value.
  private func expectClose(_ found: [Float], _ golden: [Float], _ name: String) throws {
    try #require(found.count == golden.count, "\(name)")
    let largest = golden.reduce(0) { max($0, abs($1)) }
    let difference = zip(found, golden).reduce(0) { max($0, abs($1.0 - $1.1)) }
    #expect(difference <= 1e-4 * largest, "\(name)")
  }

  private static func copied(_ bytes: RawSpan) -> [UInt8] {
    unsafe bytes.withUnsafeBytes { unsafe [UInt8]($0) }
  }

  /// What was asked for a golden.
  struct Story {
    var images: [String] = []
    var question = ""
    var fit = ""
    var tokens = 0

    init(_ name: String) throws {
      let path = Tiny.path("golden.json")
      let json = try JSONValue(parsing: try SmallFile.bytes(of: path), source: path)
      for item in json["cases"]?.array ?? [] where item["name"]?.string == name {
        images = (item["images"]?.array ?? []).compactMap(\.string)
        question = item["question"]?.string ?? ""
        fit = item["fit"]?.string ?? ""
        tokens = item["max_tokens"]?.int ?? 0
      }
      try #require(tokens > 0, "no golden '\(name)'")
    }
  }
}
