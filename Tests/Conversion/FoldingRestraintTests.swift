import MartletConversion
import MartletModel
import MartletReference
import Testing

/// Patterns that look foldable and are not: they stay, are reported, or are refused.
@Suite struct FoldingRestraintTests {
  @Test func offsetBeforeThePaddedStemStays() throws {
    var network = RandomNetwork(seed: 21)
    let x = network.input(.map(channels: 3, stride: 1))
    let affine = ChannelAffine(scale: [1, 2, 3], offset: [0, -0.5, 0])
    let normalized = network.layer("normalize", .normalize(affine), x)
    let y = network.layer("stem", network.convolution("stem", 3, 4, kernel: 3), normalized)
    let source = try network.model(output: y)
    let (folded, report) = try source.folded()
    #expect(folded.description == source.description)
    #expect(
      report.leftovers == [
        .init(
          rule: "pixel scale into stem", layer: "vision.normalize",
          obstacle: .offsetBeforeZeroPadding(channel: 1, offset: -0.5))
      ])
  }

  @Test func encodingThatIsReadTwiceStays() throws {
    var network = RandomNetwork(seed: 22)
    let x = network.input(.map(channels: 4, stride: 1))
    let encoding = network.layer("pe", network.depthwise("pe", 4, kernel: 3), x)
    let sum = network.layer("sum", .add, x, encoding)
    let y = network.layer("y", .add, sum, encoding)
    let source = try network.model(output: y)
    #expect(try source.folded().model.description == source.description)
  }

  @Test func encodingOfAnotherValueStays() throws {
    var network = RandomNetwork(seed: 23)
    let x = network.input(.map(channels: 4, stride: 1))
    let other = network.layer("activation", .activate(.gelu), x)
    let encoding = network.layer("pe", network.depthwise("pe", 4, kernel: 3), other)
    let y = network.layer("y", .add, x, encoding)
    let source = try network.model(output: y)
    #expect(try source.folded().model.description == source.description)
  }

  @Test func normWithTwoReadersKeepsItsAffine() throws {
    var network = RandomNetwork(seed: 24)
    let x = network.input(.rows(channels: 8))
    let norm = Normalization(
      channels: 8, eps: 1e-5, weight: network.parameter("norm.weight", [8]), bias: nil)
    let n = network.layer("norm", .layerNorm(norm), x)
    let y = network.layer("y", network.linear("y", 8, 8), n)
    let sum = network.layer("sum", .add, n, y)
    let source = try network.model(output: sum)
    let (folded, report) = try source.folded()
    #expect(folded.description == source.description)
    #expect(
      report.leftovers == [
        .init(
          rule: "layer norm into product", layer: "vision.norm",
          obstacle: .valueReadElsewhere(value: "vision.norm"))
      ])
  }

  @Test func attentionScaleBehindRotationStaysWithTheAttention() throws {
    var network = RandomNetwork(role: .language, seed: 25)
    let layout = HeadLayout(heads: 2, keyValueHeads: 1, headSize: 4)
    let x = network.input(.rows(channels: 8))
    var y = network.layer("qkv", network.linear("qkv", 8, layout.packedWidth), x)
    y = network.layer("rotate", .rotate(Rotation(layout: layout, theta: 1e4)), y)
    y = network.layer(
      "core", .attention(Attention(layout: layout, scale: 0.5, mask: .causal)), y)
    let source = try network.model(output: y)
    let (folded, report) = try source.folded()
    #expect(folded.description == source.description)
    #expect(report.leftovers.isEmpty)
  }

  @Test func normThatNothingAbsorbsIsRefused() throws {
    var network = RandomNetwork(seed: 26)
    let x = network.input(.map(channels: 4, stride: 1))
    let activated = network.layer("activation", .activate(.gelu), x)
    let y = network.layer("norm", .batchNorm(network.batchNorm("norm", 4)), activated)
    let source = try network.model(output: y)
    #expect(throws: ConversionError.model(.notRunnable(layer: "vision.norm", op: "batchNorm"))) {
      try source.folded()
    }
  }

  @Test func kernelThatIsReadBeforeItsNormIsRefused() throws {
    var network = RandomNetwork(seed: 27)
    let x = network.input(.map(channels: 4, stride: 1))
    let kernel = network.layer("kernel", network.depthwise("kernel", 4, kernel: 3), x)
    let normed = network.layer("norm", .batchNorm(network.batchNorm("norm", 4)), kernel)
    let y = network.layer("y", .add, kernel, normed)
    let source = try network.model(output: y)
    #expect(throws: ConversionError.model(.notRunnable(layer: "vision.norm", op: "batchNorm"))) {
      try source.folded()
    }
  }

  /// A weight that two layers share: one of them folds, the other must keep the old numbers.
  @Test func sharedWeightKeepsItsNumbersForTheOtherLayer() throws {
    var network = RandomNetwork(seed: 28)
    let x = network.input(.map(channels: 4, stride: 1))
    let product = network.linear("p", 4, 4)
    let plain = network.layer("plain", product, x)
    let inner = network.layer("p.unscaled", product, plain)
    let y = network.layer("p", network.layerScale("p", 4), inner)
    let source = try network.model(output: y)
    let folded = try source.folded().model
    let names = folded.description.networks[0].parameters.map(\.name)
    #expect(
      names == [
        "vision.p.weight", "vision.p.bias", "vision.p.weight.folded", "vision.p.bias.folded",
      ])
    let stored = try source.parameters.values(of: "vision.p.weight")
    #expect(try folded.parameters.values(of: "vision.p.weight") == stored)
    #expect(try folded.parameters.values(of: "vision.p.weight.folded") != stored)
  }

  // MARK: Statistics

  private func modelWithVariance(_ values: [Float]) throws -> SourceModel {
    var network = RandomNetwork(seed: 29)
    let x = network.input(.map(channels: 4, stride: 1))
    let y = network.layer("p.kernel", network.depthwise("p", 4, kernel: 3), x)
    let z = network.layer("p", .batchNorm(network.batchNorm("p.norm", 4)), y)
    let source = try network.model(output: z)
    var table: [String: [Float]] = [:]
    for parameter in source.description.networks[0].parameters {
      table[parameter.name] = try source.parameters.values(of: parameter.name)
    }
    table["vision.p.norm.variance"] = values
    return try SourceModel(description: source.description, parameters: ParameterTable(table))
  }

  @Test(arguments: [-0.25, .infinity, .nan] as [Float]) func impossibleVarianceIsNamed(
    _ variance: Float
  ) throws {
    let source = try modelWithVariance([1, 1, variance, 1])
    let error = #expect(throws: ConversionError.self) { try source.folded() }
    guard case .batchNormStatistic(let layer, let parameter, let channel, let found) = error else {
      Issue.record("another error: \(String(describing: error))")
      return
    }
    #expect(layer == "vision.p" && parameter == "vision.p.norm.variance" && channel == 2)
    #expect(found.bitPattern == variance.bitPattern)
  }

  @Test func zeroVarianceIsFoldedAndReported() throws {
    let source = try modelWithVariance([1, 0, 1, 0])
    let (folded, report) = try source.folded()
    #expect(
      report.zeroVariances == [.init(parameter: "vision.p.norm.variance", channels: [1, 3])])
    #expect(try folded.parameters.values(of: "vision.p.weight").allSatisfy(\.isFinite))
  }

  @Test func foldedWeightBeyondFloatIsNamed() throws {
    let source = try modelWithVariance([1, 1, 1, 1])
    var table: [String: [Float]] = [:]
    for parameter in source.description.networks[0].parameters {
      table[parameter.name] = try source.parameters.values(of: parameter.name)
    }
    table["vision.p.norm.gamma"] = [1, .greatestFiniteMagnitude, 1, 1]
    table["vision.p.weight"]?[9] = 1000
    let folded = try SourceModel(
      description: source.description, parameters: ParameterTable(table)
    ).folded().model
    #expect(throws: ModelError.notFinite(parameter: "vision.p.weight", index: 9)) {
      try folded.parameters.values(of: "vision.p.weight")
    }
  }
}
