import Foundation
import MartletBytes
import MartletCheckpoints
import MartletConversion
import MartletModel
import MartletReference
import MartletTestSupport
import Testing

/// A tiny MobileCLIP image encoder; `Tools/oracle/make_mobileclip_fixture.py` made it and ran it with timm.
@Suite struct MobileCLIPTests {
  private static func path(_ name: String) -> String {
    URL(filePath: #filePath).deletingLastPathComponent()
      .appending(path: "../Fixtures/mobileclip/\(name)").standardized.path()
  }

  /// Rows of the last map and the embedding of the fixture's picture.
  private func run(
    _ description: ModelDescription, _ parameters: any FloatParameters
  ) throws -> (map: [Float], embedding: [Float]) {
    let golden = try Checkpoint.open(Self.path("golden.safetensors"))
    let pixels = Pixels(
      height: 64, width: 64, bytes: try golden.integers("pixels").map { UInt8($0) })
    let model = try ReferenceModel(description: description, parameters: parameters)
    let map = try model.encoded(pixels)
    let rows = try model.projected(map)
    var mean = [Float](repeating: 0, count: rows.channels)
    for (index, value) in rows.data.enumerated() {
      mean[index % rows.channels] += value / Float(rows.rows)
    }
    let length = mean.reduce(0) { $0 + $1 * $1 }.squareRoot()
    return (map.data, mean.map { $0 / length })
  }

  private func difference(_ found: [Float], _ expected: [Float]) -> Float {
    let largest = expected.reduce(0) { max($0, abs($1)) }
    return zip(found, expected).reduce(0) { max($0, abs($1.0 - $1.1)) } / largest
  }

  @Test(arguments: [EncoderLayout.timm, .apple])
  func mapsAndEmbeddingsAreThoseOfTimm(layout: EncoderLayout) throws {
    let folder = layout == .timm ? "timm" : "apple"
    let (source, report) = try SourceModel.read(Checkpoint.open(Self.path(folder)))
    #expect(report.layout == .encoder(layout))
    #expect(report.head == nil)
    #expect(report.ignored.contains { $0.reason == .textEncoder } == (layout == .apple))
    #expect(report.defaults.isEmpty)
    #expect(source.description.tokenizer == nil && source.description.image.fit == .crop)
    let golden = try Checkpoint.open(Self.path("golden.safetensors"))
    let (folded, folding) = try source.folded()
    #expect(folding.leftovers.isEmpty)
    #expect(
      folding.applications.first { $0.rule == "batch norm into product" }?.count == 1)
    for (description, parameters) in [
      (source.description, source.parameters), (folded.description, folded.parameters),
    ] {
      let found = try run(description, parameters)
      #expect(difference(found.map, try golden.floats("map")) < 1e-4)
      #expect(difference(found.embedding, try golden.floats(folder)) < 1e-4)
    }
  }

  /// Apple's `.pt`: torch's own container, the matrix of the head a view that is not contiguous.
  @Test(arguments: ["apple-torch", "apple-torch/mobileclip_s0.pt"])
  func torchFilesGiveTheSameEncoder(path: String) throws {
    let checkpoint = try Checkpoint.open(Self.path(path))
    #expect(checkpoint.format == .torch)
    let (found, report) = try SourceModel.read(checkpoint)
    let (expected, original) = try SourceModel.read(Checkpoint.open(Self.path("apple")))
    #expect(report.layout == original.layout && report.forms == original.forms)
    #expect(found.description == expected.description)
    for parameter in expected.description.networks.flatMap(\.parameters) {
      #expect(
        try found.parameters.values(of: parameter.name)
          == expected.parameters.values(of: parameter.name), "\(parameter.name)")
    }
  }

  /// FastViTHD under OpenCLIP's names is MobileCLIP2 S3.
  @Test func openCLIPNamesAreRead() throws {
    var draft = try EditedCheckpoint(.native)
    let prefix = "model.vision_tower.timm_model."
    var tensors: [String: EditedCheckpoint.Tensor] = [:]
    for (name, tensor) in draft.tensors where name.hasPrefix(prefix) {
      tensors["visual.trunk." + name.dropFirst(prefix.count)] = tensor
    }
    draft.tensors = tensors
    draft.add("visual.trunk.head.fc.weight", [8, 256])
    draft.add("visual.trunk.head.fc.bias", [8])
    draft.add("logit_scale", [])
    draft.config = .object(JSONObject())
    let directory = try TemporaryDirectory()
    let checkpoint = try draft.open(in: directory)
    let (model, report) = try SourceModel.read(checkpoint)
    #expect(report.layout == .encoder(.openCLIP))
    #expect(report.defaults.map(\.setting) == ["resolution", "mean and std"])
    let expected = try SourceModel.read(TinyFixture.native.open()).model
    var network = try #require(model.description.network(.vision))
    #expect(network.layers.map(\.name) == expected.description.network(.vision)?.layers.map(\.name))
    network.layers = []
    for parameter in network.parameters {
      #expect(
        try model.parameters.values(of: parameter.name)
          == expected.parameters.values(of: parameter.name))
    }
    #expect(model.description.network(.projector)?.layers.count == 1)
  }

  @Test func othersAreRefusedByName() throws {
    func refusal(_ edit: (inout EditedCheckpoint) -> Void) throws -> String? {
      var draft = try EditedCheckpoint(.native)
      draft.tensors = [:]
      edit(&draft)
      let directory = try TemporaryDirectory()
      let checkpoint = try draft.open(in: directory)
      do throws(ConversionError) {
        _ = try SourceModel.read(checkpoint)
        return nil
      } catch {
        if case .unsupportedLayout(let layout, _, _) = error { return layout }
        return "\(error)"
      }
    }
    #expect(
      try refusal { $0.add("image_encoder.model.transformer.0.weight", [2]) }
        == "MobileCLIP-B, a vision transformer")
    // Four stages without any squeeze-excite in the downsamplings.
    #expect(
      try refusal {
        $0.add("stem.0.reparam_conv.weight", [8, 3, 3, 3])
        for stage in 0..<4 { $0.add("stages.\(stage).blocks.0.layer_scale.gamma", [8]) }
      } == "FastViT classifier")
  }
}
