import MartletBytes
import MartletCheckpoints
import MartletConversion
import MartletModel
import MartletReference
import Testing

/// What transformers and timm compute in float32 from the same weights (`Tools/oracle`), in both forms of every layout.
@Suite struct GoldenTests {
  static let forms = TinyFixture.allCases.flatMap { fixture in
    [Form.source, .folded].map { (fixture, $0) }
  }

  enum Form { case source, folded }

  private static let goldens = Result {
    try Checkpoint.open(
      Directory.path(Directory.parent(of: TinyFixture.llava.path), "golden.safetensors"))
  }

  private func model(_ fixture: TinyFixture, _ form: Form) throws -> ReferenceModel {
    let source = try SourceModel.read(fixture.open()).model
    switch form {
    case .source:
      return try ReferenceModel(description: source.description, parameters: source.parameters)
    case .folded:
      let folded = try source.folded().model
      return try ReferenceModel(description: folded.description, parameters: folded.parameters)
    }
  }

  /// Largest difference over the golden's largest number.
  private func difference(_ found: some Sequence<Float>, _ golden: [Float]) -> Float {
    let found = Array(found)
    if found.count != golden.count { return .infinity }
    let largest = golden.reduce(0) { max($0, abs($1)) }
    return zip(found, golden).reduce(0) { max($0, abs($1.0 - $1.1)) } / largest
  }

  /// The oracle's names of what it tapped, ours beside them.
  private static let taps = [
    ("stem", "vision.stem.2.activation"), ("stages.0", "vision.stages.0.blocks.0.add"),
    ("stages.1.downsample", "vision.stages.1.downsample.1.activation"),
    ("stages.1", "vision.stages.1.blocks.1.add"), ("stages.2", "vision.stages.2.blocks.1.add"),
    ("stages.3.downsample", "vision.stages.3.downsample.1.activation"),
    ("stages.3.pos_emb", "vision.stages.3.position"), ("stages.3", "vision.stages.3.blocks.0.add"),
    ("stages.4.pos_emb", "vision.stages.4.position"), ("stages.4", "vision.stages.4.blocks.0.add"),
    ("final_conv", "vision.head.activation"), ("layers.0", "language.layers.0.mlp.add"),
    ("layers.1", "language.layers.1.mlp.add"),
  ]

  @Test(arguments: forms) func computesWhatTransformersComputes(
    _ fixture: TinyFixture, _ form: Form
  ) throws {
    let goldens = try Self.goldens.get()
    let model = try model(fixture, form)
    var tapped: [String: [Float]] = [:]
    let tap = ReferenceTap(wants: { _ in true }, receive: { tapped[$0] = $1.data })
    let bytes = try goldens.integers("wide.pixels").map { UInt8($0) }
    let rows = try model.encoded(Pixels(height: 256, width: 256, bytes: bytes), tap: tap)
    #expect(difference(rows.data, try goldens.floats("wide.encoder_output")) < 1e-4)
    let images = try model.projected(rows, tap: tap)
    #expect(difference(images.data, try goldens.floats("wide.image_tokens")) < 1e-4)
    let cache = KeyValueCache()
    let logits = try model.prefilled(
      ids: goldens.integers("wide.input_ids"), images: [images], cache: cache, tap: tap)
    let suffix = fixture == .native ? "_native" : ""
    #expect(difference(logits, try goldens.floats("wide.prefill_logits\(suffix)")) < 1e-4)
    for (golden, name) in Self.taps {
      let expected = try goldens.floats("wide.tap.\(golden)")
      #expect(difference(tapped[name] ?? [], expected) < 1e-4, "\(name)")
    }
    let ids = try goldens.integers("wide.greedy_ids")
    #expect(try model.greedyContinuation(of: logits, count: ids.count, cache: cache) == ids)
  }
}
