import Foundation
import MartletBytes
import MartletCheckpoints
import MartletTestSupport
import Testing

/// An image encoder alone, run for its embeddings; timm computed the goldens.
@Suite struct EmbeddingTests {
  private static let folder = URL(filePath: #filePath).deletingLastPathComponent()
    .appending(path: "../Fixtures/mobileclip").standardized.path()

  private static func path(_ name: String) -> String { Directory.path(folder, name) }

  /// The picture of the goldens, at the encoder's own size.
  private func picture(in directory: TemporaryDirectory) throws -> String {
    let golden = try Checkpoint.open(Self.path("golden.safetensors"))
    let pixels = try golden.integers("pixels").map { UInt8($0) }
    return try directory.write(DrawnPNG.bytes(of: pixels, width: 64), to: "p.png")
  }

  private func embedding(_ words: [String]) throws -> [Double] {
    let outcome = try Program.martlet.run(words)
    #expect(outcome.code == 0, "\(outcome.error)")
    let numbers = outcome.output.split(separator: " ").compactMap {
      Double($0.trimmingCharacters(in: .newlines))
    }
    return numbers
  }

  private func cosine(_ a: [Double], _ b: [Float]) -> Double {
    zip(a, b).reduce(0) { $0 + $1.0 * Double($1.1) }
  }

  @Test(arguments: [
    ("timm", "timm"), ("apple", "apple"), ("apple-torch/mobileclip_s0.pt", "apple"),
  ])
  func embeddingsAreThoseOfTimm(source: String, golden: String) throws {
    let directory = try TemporaryDirectory()
    let image = try picture(in: directory)
    let expected = try Checkpoint.open(Self.path("golden.safetensors")).floats(golden)
    let asking = ["--embedding", "--image", image]
    let reference = try embedding(["run", Self.path(source)] + asking)
    #expect(reference.count == expected.count)
    for (a, b) in zip(reference, expected) { #expect(abs(a - Double(b)) < 1e-4) }
    for (scheme, least) in [("float32", 0.999_999), ("int8", 0.999), ("int4", 0.99)] {
      let pack = directory.path("\(scheme).martlet")
      let converted = try Program.martlet.run(
        "convert", Self.path(source), "-o", pack, "--scheme", scheme, "--quiet")
      #expect(converted.code == 0, "\(converted.error)")
      let found = try embedding(["run", pack] + asking)
      #expect(abs(cosine(found, found.map { Float($0) }) - 1) < 1e-5)
      #expect(cosine(found, expected) > least, "\(scheme)")
    }
  }

  @Test func scriptsReadOneObject() throws {
    let directory = try TemporaryDirectory()
    let image = try picture(in: directory)
    let outcome = try Program.martlet.run(
      "run", Self.path("timm"), "--embedding", "--image", image, "--image", image, "--json")
    #expect(outcome.code == 0)
    let json = try JSONValue.only(in: outcome.output)
    #expect(json.keys == ["embeddings", "width", "load_ms", "peak_rss_bytes", "threads"])
    #expect(json["width"]?.int == 12)
    let items = try #require(json["embeddings"]?.array)
    #expect(items.count == 2)
    #expect(items[0].keys == ["image", "embedding", "preprocess_ms", "encode_ms"])
    #expect(items[0]["image"]?.string == image)
    #expect(items[0]["embedding"]?.array?.count == 12)
    #expect(items[0]["embedding"] == items[1]["embedding"])
  }

  @Test func verifyComparesTheEncoderAlone() throws {
    let directory = try TemporaryDirectory()
    _ = try picture(in: directory)
    try Directory.make(directory.path("pictures"))
    try FileManager.default.moveItem(
      atPath: directory.path("p.png"), toPath: directory.path("pictures/p.png"))
    let pack = directory.path("x.martlet")
    let converted = try Program.martlet.run("convert", Self.path("apple"), "-o", pack, "--quiet")
    #expect(converted.code == 0, "\(converted.error)")
    let verified = try Program.martlet.run(
      "verify", pack, "--reference", Self.path("apple"), "--images", directory.path("pictures"),
      "--json", "--min-cosine", "0.99")
    #expect(verified.code == 0, "\(verified.error)")
    let json = try JSONValue.only(in: verified.output)
    #expect((json["image_tokens"]?["cosine_min"]?.double ?? 0) > 0.99)
  }

  static let refused: [(words: [String], headline: String, says: String)] = [
    (
      ["run", path("timm"), "--embedding"], "error: --embedding needs a picture",
      "expected: --image FILE"
    ),
    (
      ["run", path("timm"), "--embedding", "--image", Tiny.wide, "--prompt", "x"],
      "error: --embedding takes no --prompt", "found: both"
    ),
    (
      ["run", Tiny.pack, "--embedding", "--image", Tiny.wide],
      "error: --embedding is for an image encoder alone", "'\(Tiny.pack)' holds a language model"
    ),
    (
      ["run", Tiny.llava, "--embedding", "--image", Tiny.wide],
      "error: --embedding is for an image encoder alone", "'\(Tiny.llava)' holds a language model"
    ),
  ]

  @Test(arguments: refused.indices) func whatHasNoEmbeddingIsRefused(_ index: Int) throws {
    let (words, headline, says) = Self.refused[index]
    let outcome = try Program.martlet.run(words)
    #expect(outcome.code == 64)
    #expect(outcome.headline == headline)
    #expect(outcome.report.contains(says), "\(outcome.report)")
    #expect(outcome.output == "")
  }

  @Test func anEncoderAnswersNoQuestions() throws {
    let outcome = try Program.martlet.run("run", Self.path("timm"), "--prompt", "x")
    #expect(outcome.code == 65)
    #expect(outcome.headline == "error: '\(Self.path("timm"))' cannot answer questions")
    #expect(outcome.report.contains("hint: ask for --embedding"))
  }
}
