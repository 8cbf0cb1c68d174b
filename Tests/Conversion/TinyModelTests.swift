import MartletCheckpoints
import MartletConversion
import MartletModel
import MartletReference
import MartletTestSupport
import Testing

/// The tiny FastVLM in every layout and form: one model.
@Suite struct TinyModelTests {
  private func read(_ fixture: TinyFixture) throws -> (model: SourceModel, report: SourceReport) {
    try SourceModel.read(fixture.open())
  }

  // MARK: Structure

  @Test(arguments: TinyFixture.allCases) func everyLayoutFoldsToTheSameNetworks(
    _ fixture: TinyFixture
  ) throws {
    let expected = try read(.llava).model.folded().model.description
    let found = try read(fixture).model.folded().model.description
    #expect(found.network(.vision) == expected.network(.vision))
    #expect(found.network(.projector) == expected.network(.projector))
    #expect(found.image == expected.image && found.prompt == expected.prompt)
    if fixture == .native {
      // The native layout pads the vocabulary further and knows "<image>".
      #expect(
        found.network(.language)?.layers.map(\.name)
          == expected.network(.language)?.layers.map(\.name))
    } else {
      #expect(found == expected)
    }
  }

  @Test(arguments: zip(TinyFixture.allCases, [(19, 0), (0, 24), (9, 13), (19, 0)]))
  func formsAreCountedUnitByUnit(_ fixture: TinyFixture, _ forms: (Int, Int)) throws {
    let report = try read(fixture).report
    #expect(report.forms == .init(fused: forms.0, trainTime: forms.1))
    #expect(report.layout == .fastVLM(fixture == .native ? .native : .llava))
  }

  @Test func networksReadLikeThePaper() throws {
    let network = try #require(try read(.llavaTrain).model.description.network(.vision))
    let names = network.layers.map(\.name)
    #expect(
      names.starts(with: [
        "vision.normalize", "vision.stem.0", "vision.stem.0.activation", "vision.stem.1",
        "vision.stem.1.activation", "vision.stem.2", "vision.stem.2.activation",
        "vision.stages.0.blocks.0.mixer.mixer", "vision.stages.0.blocks.0.mixer.norm",
        "vision.stages.0.blocks.0.mixer.difference", "vision.stages.0.blocks.0.mixer.scale",
        "vision.stages.0.blocks.0.mixer", "vision.stages.0.blocks.0.ffn.convolution.kernel",
        "vision.stages.0.blocks.0.ffn.convolution", "vision.stages.0.blocks.0.ffn.fc1",
        "vision.stages.0.blocks.0.ffn.activation", "vision.stages.0.blocks.0.ffn.fc2.unscaled",
        "vision.stages.0.blocks.0.ffn.fc2", "vision.stages.0.blocks.0.add",
        "vision.stages.1.downsample.0",
      ]))
    #expect(
      names.suffix(4) == [
        "vision.stages.4.blocks.0.add", "vision.head.convolution", "vision.head.squeezeExcite",
        "vision.head.activation",
      ])
    #expect(network[network.output].shape == .map(channels: 256, stride: 64))
    let language = try #require(try read(.llavaTrain).model.description.network(.language))
    #expect(
      language.layers.prefix(14).map(\.name) == [
        "language.embed", "language.layers.0.attention.norm", "language.layers.0.attention.qkv",
        "language.layers.0.attention.rotate", "language.layers.0.attention.core",
        "language.layers.0.attention.output", "language.layers.0.attention.add",
        "language.layers.0.mlp.norm", "language.layers.0.mlp.gateUp", "language.layers.0.mlp.gate",
        "language.layers.0.mlp.down", "language.layers.0.mlp.add",
        "language.layers.1.attention.norm", "language.layers.1.attention.qkv",
      ])
  }

  @Test(arguments: TinyFixture.allCases) func foldingLeavesOnlyWhatItMust(
    _ fixture: TinyFixture
  ) throws {
    let report = try read(fixture).model.folded().report
    let counts = Dictionary(uniqueKeysWithValues: report.applications.map { ($0.rule, $0.count) })
    // 7 ConvFFNs, 7 + 2 layer scales, 2 attention blocks; the rest depends on the form.
    #expect(counts["convolution + batch norm"] == 7 && counts["layer scale"] == 9)
    #expect(counts["layer norm into product"] == 2 && counts["attention scale"] == 2)
    #expect(counts["pixel scale into stem"] == 1)
    if fixture == .llavaTrain {
      #expect(counts["MobileOne branches"] == 13 && counts["large-kernel branches"] == 4)
      #expect(counts["RepMixer"] == 5 && counts["RepCPE"] == 2)
    }
    #expect(report.leftovers.isEmpty)
    #expect(report.zeroVariances.isEmpty)
    #expect(
      report.changedValues == [3, 4].map { "vision.stages.\($0).blocks.0.attention.norm" }
        + [3, 4].map { "vision.stages.\($0).blocks.0.attention.qkv" })
  }

  // MARK: Around the networks

  @Test(arguments: TinyFixture.allCases) func imageTokenizerAndPromptAreRead(
    _ fixture: TinyFixture
  ) throws {
    let (model, report) = try read(fixture)
    let description = model.description
    #expect(description.image == ImageSpecification(resolution: 256, fit: .pad))
    #expect(description.tokenizer?.size == (fixture == .native ? 504 : 503))
    #expect(description.prompt?.stopIDs == [502, 500])
    #expect(description.prompt?.maximumTokens == 8192)
    #expect(
      report.defaults.map(\.setting)
        == (fixture == .native
          ? ["image_aspect_ratio", "tokenizer_model_max_length"] : ["image_mean and image_std"]))
  }

  @Test(arguments: TinyFixture.allCases) func everyTensorIsAccountedFor(
    _ fixture: TinyFixture
  ) throws {
    let checkpoint = try fixture.open()
    let (model, report) = try SourceModel.read(checkpoint)
    let parameters = try #require(model.parameters as? SourceParameters)
    var used: Set<String> = []
    for network in model.description.networks {
      for parameter in network.parameters { used.formUnion(parameters.tensors(of: parameter.name)) }
    }
    let ignored = report.ignored.flatMap(\.names)
    #expect(used.isDisjoint(with: ignored) && used.count + ignored.count == checkpoint.names.count)
    #expect(report.elementTypes.values.reduce(0, +) == used.count)
    #expect(
      report.ignored.map(\.reason)
        == (fixture == .native ? [.batchCounter] : [.contrastiveHead, .batchCounter, .tiedHead]))
    #expect(
      report.head == (fixture == .native ? .absent : .tiedByConfiguration(copyDiffers: false)))
  }

  // MARK: Numbers

  /// Every value that both forms have under one name is equal in both; the models of all layouts are one function.
  @Test(arguments: TinyFixture.allCases) func sourceAndFoldedAgreeValueByValue(
    _ fixture: TinyFixture
  ) throws {
    var random = SeededGenerator(seed: 31)
    let side = 128
    let input = ReferenceTensor(
      height: side, width: side, channels: 3,
      data: random.bytes(side * side * 3).map { Float($0) })
    let source = try read(fixture).model
    let (folded, report) = try source.folded()
    let before = try values(source.description, source.parameters, input)
    let after = try values(folded.description, folded.parameters, input)
    let changed = Set(report.changedValues)
    let common = after.keys.filter { before[$0] != nil && !changed.contains($0) }
    #expect(common.count == after.count - changed.count)
    for name in common.sorted() {
      #expect(relativeDifference(before[name]!, after[name]!) < 1e-4, "\(name)")
    }
    let expected = try read(.llava).model
    let reference = try values(expected.description, expected.parameters, input)
    let output = "vision.head.activation"
    #expect(relativeDifference(reference[output]!, after[output]!) < 1e-4)
  }

  private func values(
    _ description: ModelDescription, _ parameters: any FloatParameters, _ input: ReferenceTensor
  ) throws -> [String: ReferenceTensor] {
    let model = try ReferenceModel(description: description, parameters: parameters)
    var tapped: [String: ReferenceTensor] = [:]
    _ = try model.executor(.vision).run(
      [.tensor(input)], tap: ReferenceTap(wants: { _ in true }, receive: { tapped[$0] = $1 }))
    return tapped
  }

  /// Largest difference over the largest number.
  private func relativeDifference(_ a: ReferenceTensor, _ b: ReferenceTensor) -> Float {
    let largest = a.data.reduce(0) { max($0, abs($1)) }
    return zip(a.data, b.data).reduce(0) { max($0, abs($1.0 - $1.1)) } / largest
  }

  @Test func parametersAreStackedAndReadOnDemand() throws {
    let checkpoint = try TinyFixture.llava.open()
    let parameters = try SourceModel.read(checkpoint).model.parameters
    let inner = "model.layers.1.self_attn"
    let expected = try ["q", "k", "v"].flatMap {
      try checkpoint.floats("\(inner).\($0)_proj.weight")
    }
    #expect(try parameters.values(of: "language.layers.1.attention.qkv.weight") == expected)
    let mlp = "model.layers.0.mlp"
    let gateUp = try ["gate", "up"].flatMap { try checkpoint.floats("\(mlp).\($0)_proj.weight") }
    #expect(try parameters.values(of: "language.layers.0.mlp.gateUp.weight") == gateUp)
    #expect(
      throws: ModelError.parameterUnavailable(name: "nothing", reason: "no such parameter")
    ) {
      try parameters.values(of: "nothing")
    }
  }
}
