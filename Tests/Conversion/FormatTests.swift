import MartletBytes
import MartletCheckpoints
import MartletConversion
import MartletModel
import MartletTestSupport
import Testing

/// The tiny model as other writers store it (`Tools/oracle/make_format_fixtures.py`), beside the safetensors it was made from.
struct FormatFixture: Sendable, CustomTestStringConvertible {
  let name: String
  let original: TinyFixture
  let format: CheckpointFormat
  var testDescription: String { name }

  static let folder = Directory.path(
    Directory.parent(of: Directory.parent(of: TinyFixture.llava.path)), "formats")
  var path: String { Directory.path(Self.folder, name) }

  static let all = [
    FormatFixture(name: "torch", original: .llavaTrain, format: .torch),
    FormatFixture(name: "hdf5", original: .llava, format: .hdf5),
    FormatFixture(name: "mlx-community", original: .llava, format: .safetensors),
  ]
}

@Suite struct FormatTests {
  @Test(arguments: FormatFixture.all) func everyFormatGivesTheSameModel(
    _ fixture: FormatFixture
  ) throws {
    let checkpoint = try Checkpoint.open(fixture.path)
    #expect(checkpoint.format == fixture.format)
    let found = try SourceModel.read(checkpoint)
    let expected = try SourceModel.read(fixture.original.open())
    #expect(found.model.description == expected.model.description)
    #expect(found.report.forms == expected.report.forms)
    for network in expected.model.description.networks {
      for parameter in network.parameters {
        let values = try found.model.parameters.values(of: parameter.name)
        #expect(
          values == (try expected.model.parameters.values(of: parameter.name)), "\(parameter.name)")
      }
    }
  }

  private func open(_ name: String) throws -> Checkpoint {
    try Checkpoint.open(Directory.path(FormatFixture.folder, name))
  }

  /// mlx's own decoding of every matrix, as a digest of its floats.
  @Test(arguments: [4, 8]) func quantizedMatricesStandForWhatMLXSays(_ bits: Int) throws {
    let checkpoint = try open("mlx-int\(bits)")
    let digests = try JSONValue(
      contentsOf: Directory.path(checkpoint.directory, "digests.json"), limit: 1 << 20)
    #expect(checkpoint.names == digests.object?.members.map(\.key).sorted())
    for (name, digest) in digests.object?.members ?? [] {
      let bytes = FloatConversion.float32Bytes(try checkpoint.floats(name))
      let found = SHA256.digest(bytes).map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }
      #expect(found.joined() == digest.string, "\(name)")
    }
    #expect(checkpoint.remarks == [.decoded(kind: "MLX \(bits)-bit", count: 16)])
    let name = "language_model.model.layers.0.mlp.up_proj.weight"
    let all = try checkpoint.floats(name)
    #expect(try checkpoint.floats(name, rows: 3..<5) == Array(all[3 * 64..<5 * 64]))
  }

  /// Apple's export at 16 bits: mlx rounded every number to f16, and nothing else happened to it.
  @Test func halvesOfMLXAreTheModelRounded() throws {
    let original = try TinyFixture.llava.open()
    let language = try open("mlx-fp16")
    let found = try SourceModel.read(language.takingEncoder(from: original)).model
    let expected = try SourceModel.read(original).model
    #expect(found.description == expected.description)
    for network in expected.description.networks where network.role != .vision {
      for parameter in network.parameters {
        let rounded = try expected.parameters.values(of: parameter.name).map { Float(Float16($0)) }
        #expect(try found.parameters.values(of: parameter.name) == rounded, "\(parameter.name)")
      }
    }
  }

  @Test func anEncoderIsTakenFromASecondSource() throws {
    let language = try open("mlx-int8")
    #expect(throws: ConversionError.encoderMissing(path: language.path)) {
      try SourceModel.read(language)
    }
    #expect(throws: ConversionError.encoderMissing(path: language.path)) {
      try language.takingEncoder(from: language)
    }
    let expected = try SourceModel.read(TinyFixture.llava.open()).model
    for source in [
      try TinyFixture.llava.open(), try TinyFixture.native.open(), try open("mlx-community"),
    ] {
      let joined = try language.takingEncoder(from: source)
      let found = try SourceModel.read(joined)
      #expect(found.report.layout == .fastVLM(.mlx))
      #expect(found.model.description == expected.description)
      for parameter in try #require(expected.description.network(.vision)).parameters {
        #expect(
          try found.model.parameters.values(of: parameter.name)
            == expected.parameters.values(of: parameter.name), "\(parameter.name)")
      }
    }
  }

  @Test(arguments: ["mm_projector.bin", "non_lora_trainables.bin"])
  func leftoversOfTrainersReplaceTensorsOfTheBase(_ file: String) throws {
    let leftovers = try open("leftovers/\(file)")
    for base in [try TinyFixture.llava.open(), try TinyFixture.native.open()] {
      let before = try SourceModel.read(base).model.parameters
      let merged = try base.merging(leftovers)
      let after = try SourceModel.read(merged).model.parameters
      for name in ["projector.0.weight", "projector.1.bias"] {
        #expect(try after.values(of: name) == before.values(of: name).map { 2 * $0 })
      }
      let embedding = "language.embed.weight"
      #expect(try after.values(of: embedding) == before.values(of: embedding))
    }
  }

  @Test func adaptersAndForeignShapesAreNotMerged() throws {
    let base = try TinyFixture.llava.open()
    let adapter = "base_model.model.model.layers.0.mlp.up_proj.lora_A.weight"
    #expect(
      throws: ConversionError.unsupportedLayout(
        layout: "a LoRA adapter", evidence: adapter,
        supported: ["whole tensors: merge the adapter in the trainer first"])
    ) { try base.merging(open("leftovers/adapter.bin")) }
  }
}
