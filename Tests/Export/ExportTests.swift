import Foundation
import MartletBytes
import MartletCheckpoints
import MartletConversion
import MartletExport
import MartletModel
import MartletPack
import MartletQuantization
import MartletTestSupport
import Testing

/// Exports of the tiny model, read back by the readers.
@Suite struct ExportTests {
  static func fixture(_ name: String) -> String {
    URL(filePath: #filePath).deletingLastPathComponent()
      .appending(path: "../Fixtures/\(name)").standardized.path()
  }

  private static func folded() throws -> (checkpoint: Checkpoint, model: FoldedModel) {
    let checkpoint = try Checkpoint.open(fixture("tiny/llava"))
    return (checkpoint, try SourceModel.read(checkpoint).model.folded().model)
  }

  @Test(arguments: [
    (GGUFDeclaration.StoredType.float32, 0 as Float), (.float16, 0x1p-11), (.q8, 0x1p-7),
    (.q4, 0x1p-3),
  ])
  func theLanguageModelComesBack(type: GGUFDeclaration.StoredType, bound: Float) throws {
    let (checkpoint, model) = try Self.folded()
    let directory = try TemporaryDirectory()
    let path = directory.path("m.gguf")
    let report = try GGUFExport(
      model.description, parameters: PlainParameters(model.parameters)
    ).write(to: path, type: type, name: "tiny")
    // 112 inputs of the second product are no whole blocks.
    #expect(report.widened.count == (type == .q8 || type == .q4 ? 2 : 0))
    let (back, source) = try SourceModel.read(
      checkpoint, languageSource: Checkpoint.open(path))
    #expect(source.head == .absent)
    var expected = model.description.network(.language)
    let found = back.description.network(.language)
    #expect(found?.layers.map(\.op).count == expected?.layers.map(\.op).count)
    #expect(back.description.tokenizer == model.description.tokenizer)
    #expect(back.description.prompt == model.description.prompt)
    expected = found
    for parameter in expected?.parameters ?? [] {
      let original = try model.parameters.values(of: parameter.name)
      let largest = original.reduce(0) { max($0, abs($1)) }
      let worst = zip(try back.parameters.values(of: parameter.name), original)
        .reduce(Float(0)) { max($0, abs($1.0 - $1.1)) }
      #expect(worst <= bound * largest, "\(parameter.name)")
    }
  }

  /// transformers itself is asked by `Tools/oracle/judge_native.py`; here our own reader is.
  @Test(arguments: ["llava-train", "llava", "llava-mixed", "native"])
  func theNativeLayoutComesBack(fixture: String) throws {
    let source = try SourceModel.read(Checkpoint.open(Self.fixture("tiny/\(fixture)"))).model
    let model = try source.reparameterized()
    let directory = try TemporaryDirectory()
    let path = directory.path("exported")
    _ = try NativeExport(model.description, parameters: model.parameters).write(to: path)
    let (back, report) = try SourceModel.read(Checkpoint.open(path))
    #expect(report.layout == .fastVLM(.native))
    #expect(report.forms.trainTime == 0)
    #expect(report.head == .absent)
    let (found, expected) = (try back.folded().model, try source.folded().model)
    for role in [NetworkRole.vision, .projector] {
      #expect(found.description.network(role)?.layers == expected.description.network(role)?.layers)
    }
    for network in expected.description.networks {
      for parameter in network.parameters {
        let (a, b) = (
          try found.parameters.values(of: parameter.name),
          try expected.parameters.values(of: parameter.name)
        )
        let largest = b.reduce(0) { max($0, abs($1)) }
        // Fused kernels are rounded once more on the way.
        let worst = zip(a, b).reduce(Float(0)) { max($0, abs($1.0 - $1.1)) }
        #expect(worst <= 0x1p-22 * largest, "\(parameter.name)")
      }
    }
    #expect(throws: ExportError.occupied(path: path)) {
      try NativeExport(model.description, parameters: model.parameters).write(to: path)
    }
  }

  /// Every encoding of a pack, decoded by two roads: the pack's codes, and the encoder's equations undone by rows.
  @Test func fourBitGroupsPassBitForBit() throws {
    let (checkpoint, model) = try Self.folded()
    let directory = try TemporaryDirectory()
    let pack = try Self.pack(model, .int4, in: directory)
    let parameters = try PackParameters(pack, pool: ThreadPool(threads: 1))
    let path = directory.path("m.gguf")
    let report = try GGUFExport(pack.description, parameters: parameters)
      .write(to: path, type: nil, name: "tiny")
    // Seven matrices a layer, but for the one whose rows are no whole blocks.
    #expect(report.copied == 12)
    let (back, _) = try SourceModel.read(checkpoint, languageSource: Checkpoint.open(path))
    for layer in 0..<2 {
      for name in ["attention.qkv", "attention.output", "mlp.gateUp"] {
        let full = "language.layers.\(layer).\(name).weight"
        let (found, expected) = (
          try back.parameters.values(of: full), try parameters.values(of: full)
        )
        #expect(found == expected, "\(full)")
        #expect(found != (try model.parameters.values(of: full)), "\(full) was not quantized")
      }
    }
  }

  @Test(arguments: [Precision.float32, .int8, .int4])
  func packsGiveTheirNumbersBack(precision: Precision) throws {
    let (_, model) = try Self.folded()
    let directory = try TemporaryDirectory()
    let pack = try Self.pack(model, precision, in: directory)
    let parameters = try PackParameters(pack, pool: ThreadPool(threads: 1))
    for network in model.description.networks {
      for parameter in network.parameters {
        let original = try model.parameters.values(of: parameter.name)
        let found = try parameters.values(of: parameter.name)
        try #require(found.count == original.count)
        let part = original.count / 3..<original.count / 2
        #expect(
          try parameters.values(of: parameter.name, elements: part) == Array(found[part]))
        let bound: Float =
          switch try #require(pack.plan.weights[parameter.name]) {
          case .float32, .float32Taps, .float32Patches, .float32Panels: 0
          case .int8Panels: 0.5 / 127
          // Steps of a sixth of the largest at most, and half as much again where tails are clipped.
          case .int4Panels: 0.75 / 6
          }
        let largest = original.reduce(0) { max($0, abs($1)) }
        let worst = zip(found, original).reduce(Float(0)) { max($0, abs($1.0 - $1.1)) }
        #expect(worst <= bound * largest * 1.001, "\(parameter.name)")
      }
    }
  }

  /// `Tools/oracle/read_pack.py`, written from Formats/pack-format.md alone, made the digests.
  @Test func theReaderMadeFromThePageGivesTheSameNumbers() throws {
    let parameters = try PackParameters(
      Pack(path: Self.fixture("pack/every-op-v1.martlet")), pool: ThreadPool(threads: 1))
    let page = try JSONValue(
      contentsOf: Self.fixture("pack/every-op-v1.json"), limit: 1 << 20)
    let members = try #require(page.object?.members)
    #expect(members.count == 22)
    for (name, entry) in members {
      // A NaN is a NaN: its bits depend on the machine.
      let values = try parameters.values(of: name).map { $0.isNaN ? Float.nan : $0 }
      let digest = SHA256.digest(FloatConversion.float32Bytes(values))
      #expect(SHA256.hexadecimal(digest) == entry["sha256"]?.string, "\(name)")
    }
  }

  static func pack(
    _ model: FoldedModel, _ precision: Precision, in directory: TemporaryDirectory
  ) throws -> Pack {
    var scheme = Scheme.preset(precision)
    scheme.correctsBias = false
    // Numbers are compared one by one: a preparation would move some.
    scheme.splitsDiagonals = false
    let quantized = try Quantizer.quantized(model, scheme: scheme, statistics: nil)
    let path = directory.path("m.martlet")
    _ = try PackWriter(storage: .compressed).write(
      quantized, provenance: Provenance(), to: path, pool: ThreadPool(threads: 1))
    return try Pack(path: path)
  }
}
