import Foundation
import MartletBytes
import MartletCheckpoints
import MartletConversion
import MartletModel
import MartletTestSupport
import Testing

/// Language models in GGUF files of the gguf package, joined to the tiny FastVLM they were made from.
@Suite struct GGUFLanguageTests {
  private static func path(_ name: String) -> String {
    URL(filePath: #filePath).deletingLastPathComponent()
      .appending(path: "../Fixtures/gguf/\(name)").standardized.path()
  }

  @Test(arguments: ["qwen2", "llama", "split/qwen2-00001-of-00003"])
  func theJoinedModelEqualsTheOneItWasMadeFrom(name: String) throws {
    let checkpoint = try TinyFixture.llava.open()
    let expected = try SourceModel.read(checkpoint).model
    let file = try Checkpoint.open(Self.path("\(name).gguf"))
    let (found, report) = try SourceModel.read(checkpoint, languageSource: file)
    #expect(found.description == expected.description)
    #expect(report.head == .absent)
    #expect(report.elementTypes["BF16"] != nil)
    for parameter in found.description.networks.flatMap(\.parameters) {
      #expect(
        try found.parameters.values(of: parameter.name)
          == expected.parameters.values(of: parameter.name), "\(parameter.name)")
    }
  }

  @Test func theNativeLayoutTakesItToo() throws {
    let file = try Checkpoint.open(Self.path("qwen2.gguf"))
    let expected = try SourceModel.read(TinyFixture.llava.open()).model.description
    let found = try SourceModel.read(TinyFixture.native.open(), languageSource: file).model
    #expect(found.description.network(.language) == expected.network(.language))
    #expect(found.description.tokenizer == expected.tokenizer)
  }

  @Test func aFileAloneIsRefusedByName() throws {
    let file = try Checkpoint.open(Self.path("qwen2.gguf"))
    #expect(throws: ConversionError.self) { try SourceModel.read(file) }
    do throws(ConversionError) { _ = try SourceModel.read(file) } catch {
      #expect(
        error
          == .unsupportedLayout(
            layout: "GGUF language model", evidence: "token_embd.weight",
            supported: ["llava_qwen2", "fast_vlm", "llava_llama"]))
    }
  }

  @Test func anotherFormatIsNoLanguageSource() throws {
    let checkpoint = try TinyFixture.llava.open()
    do throws(ConversionError) {
      _ = try SourceModel.read(checkpoint, languageSource: checkpoint)
      Issue.record("safetensors were taken for GGUF")
    } catch {
      #expect(
        error
          == .unsupportedLayout(
            layout: "safetensors", evidence: checkpoint.path, supported: ["gguf"]))
    }
  }

  /// What reading the fixture throws after some of its bytes were replaced by as many others.
  private func error(replacing old: String, by new: String) throws -> ConversionError? {
    precondition(old.utf8.count == new.utf8.count)
    var data = try SmallFile.bytes(of: Self.path("qwen2.gguf"))
    let (old, new) = (Array(old.utf8), Array(new.utf8))
    let place = try #require(
      data.indices.first { $0 + old.count <= data.count && data[$0..<($0 + old.count)] == old[...] }
    )
    data.replaceSubrange(place..<place + old.count, with: new)
    let directory = try TemporaryDirectory()
    let file = try Checkpoint.open(try directory.write(data, to: "m.gguf"))
    let base = try TinyFixture.llava.open()
    do throws(ConversionError) {
      _ = try SourceModel.read(base, languageSource: file)
      return nil
    } catch { return error }
  }

  @Test func whatIsNotReadIsRefusedByName() throws {
    guard
      case .configurationValue(_, let key, let expected, let found) = try error(
        replacing: "qwen2", by: "gemma")
    else { throw Failure() }
    #expect([key, expected, found] == ["general.architecture", "qwen2 or llama", "gemma"])
    guard
      case .configurationValue(_, "tokenizer.ggml.model", "gpt2", "bert") = try error(
        replacing: "gpt2", by: "bert")
    else { throw Failure() }
    guard
      case .configurationMissing(_, "qwen2.attention.head_count") = try error(
        replacing: "attention.head_count", by: "attention.hand_count")
    else { throw Failure() }
    #expect(
      try error(replacing: "blk.1.ffn_up", by: "blk.1.ffn_ub")
        == .unknownTensors(count: 1, names: ["blk.1.ffn_ub.weight"]))
  }

  private struct Failure: Error {}
}
