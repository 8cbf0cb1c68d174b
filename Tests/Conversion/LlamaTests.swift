import Foundation
import MartletBytes
import MartletCheckpoints
import MartletConversion
import MartletModel
import MartletReference
import MartletTestSupport
import Testing

/// A language model of Llama's form, against transformers (`Tools/oracle/make_llama_fixture.py`).
@Suite struct LlamaTests {
  private static let folder = URL(filePath: #filePath).deletingLastPathComponent()
    .appending(path: "../Fixtures/llama").standardized.path()

  /// With the encoder of the tiny FastVLM.
  private func read(
    _ edit: (inout EditedCheckpoint) -> Void = { _ in }
  ) throws -> (model: SourceModel, report: SourceReport) {
    var checkpoint = try EditedCheckpoint(path: Self.folder, encoder: "")
    checkpoint.files["golden.json"] = nil
    edit(&checkpoint)
    let directory = try TemporaryDirectory()
    return try SourceModel.read(
      checkpoint.open(in: directory).takingEncoder(from: TinyFixture.llava.open()))
  }

  @Test func computesWhatTransformersComputes() throws {
    let golden = try JSONValue(contentsOf: Directory.path(Self.folder, "golden.json"))
    func floats(_ key: String) throws -> [Float] {
      try #require(golden[key]?.array).map { Float(try #require($0.double)) }
    }
    func integers(_ key: String) throws -> [Int] {
      try #require(golden[key]?.array).map { try #require($0.int) }
    }
    let folded = try read().model.folded().model
    let model = try ReferenceModel(
      description: folded.description, parameters: folded.parameters)
    let (ids, images, expected) = (
      try integers("ids"), try floats("images"), try floats("logits")
    )
    let places = ids.count { $0 < 0 }
    let first = try #require(ids.firstIndex(of: -1))
    let prompt =
      ids[..<first] + [PromptTemplate.imageSentinel] + ids[(first + places)...]
    let cache = KeyValueCache()
    let logits = try model.prefilled(
      ids: Array(prompt),
      images: [
        ReferenceTensor(rows: places, channels: images.count / places, data: images)
      ], cache: cache)
    let largest = expected.reduce(0) { max($0, abs($1)) }
    #expect(zip(logits, expected).allSatisfy { abs($0 - $1) < 1e-4 * largest })
    #expect(logits.count == expected.count)
    let greedy = try integers("greedy")
    #expect(try model.greedyContinuation(of: logits, count: greedy.count, cache: cache) == greedy)
  }

  @Test func whatIsAssumedIsReported() throws {
    let (model, report) = try read()
    #expect(model.description.architecture == "llava_llama")
    #expect(report.head == .own)
    #expect(report.defaults.contains(.init(setting: "rope_theta", value: "10000")))
    let prompt = try #require(model.description.prompt)
    #expect(prompt.opening.hasPrefix("<s>A chat between") && prompt.closing == " ASSISTANT:")
    #expect(prompt.stopIDs == [2])
    let language = try #require(model.description.network(.language))
    for layer in language.layers {
      if case .linear(let op) = layer.op { #expect(op.bias == nil) }
      if case .rotate(let op) = layer.op { #expect(op.theta == 10000) }
    }
  }

  @Test(arguments: [
    ("attention_bias", JSONValue(true)), ("mlp_bias", JSONValue(true)),
    ("pretraining_tp", JSONValue(2)), ("attention_window", JSONValue(1)),
    ("hidden_act", JSONValue("gelu")),
  ])
  func settingsThatAreNotBuiltAreRefused(_ key: String, _ value: JSONValue) throws {
    let error = #expect(throws: ConversionError.self) { try read { $0.set(key, to: value) } }
    guard case .configurationValue(_, key, _, _) = error else {
      Issue.record("\(key): \(String(describing: error))")
      return
    }
  }

  @Test func anotherFamilysTokenizerIsRefused() throws {
    let other = try SmallFile.bytes(
      of: Directory.path(TinyFixture.native.path, "tokenizer.json"))
    #expect(throws: ConversionError.tokenizerFamily(decoder: "llama", tokenizer: "qwen2")) {
      try read { $0.files["tokenizer.json"] = other }
    }
  }
}
