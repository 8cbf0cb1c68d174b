import MartletConversion
import MartletModel
import MartletReference
import Testing

/// Each rule on small random networks: the source form and the folded form agree within a computed bound, borders and
/// stride 2 included.
@Suite struct FoldingRuleTests {
  /// A picture with odd sides, so that stride 2 meets the border on one side only.
  private static let (height, width) = (7, 6)

  /// Folds, checks what is left, and compares both forms on one input.
  private func expectEqual(
    _ source: SourceModel, rule: String, count: Int = 1, ops: [String], roundings: Int,
    pixels: ClosedRange<Float> = -1...1, changed: [String] = []
  ) throws {
    let (folded, report) = try source.folded()
    let network = folded.description.networks[0]
    #expect(network.layers.map(\.op.name) == ops)
    #expect(report.applications.filter { $0.count > 0 } == [.init(rule: rule, count: count)])
    #expect(report.leftovers.isEmpty && report.changedValues == changed)
    var random = RandomNetwork(seed: 99)
    let channels = network[network.inputs[0]].shape.channels
    let input = ReferenceTensor(
      height: Self.height, width: Self.width, channels: channels,
      data: random.numbers(Self.height * Self.width * channels, in: pixels))
    let before = try run(source.description, source.parameters, input)
    let after = try run(folded.description, folded.parameters, input)
    let bound = try FoldingBound(of: source, input: input, roundings: roundings)
    let excess = before.data.indices.filter {
      abs(Double(before.data[$0]) - Double(after.data[$0])) > bound.tolerances[$0]
    }
    #expect(excess.isEmpty)
    // The bound must be far below the numbers themselves, or it would forgive a wrong equation.
    let largest = before.data.reduce(0) { max($0, abs(Double($1))) }
    #expect(bound.tolerances.allSatisfy { $0 < 1e-3 * largest })
  }

  private func run(
    _ description: ModelDescription, _ parameters: any FloatParameters, _ input: ReferenceTensor
  ) throws -> ReferenceTensor {
    let executor = try ReferenceExecutor(
      network: description.networks[0], parameters: parameters)
    return try executor.run([.tensor(input)])
  }

  // MARK: Branches

  struct BranchCase: CustomTestStringConvertible {
    var testDescription: String
    var inputs = 8
    var outputs = 8
    var stride = 1
    var isDense = false
    var kernels: [Int]
    var hasSkip = false
    var rule = "MobileOne branches"
    var op: String
  }

  static let branchCases: [BranchCase] = [
    .init(
      testDescription: "depthwise, all branches", kernels: [3, 1], hasSkip: true, op: "depthwise"),
    .init(testDescription: "depthwise, stride 2", stride: 2, kernels: [3], op: "depthwise"),
    .init(
      testDescription: "depthwise, stride 2, scale", stride: 2, kernels: [3, 1], op: "depthwise"),
    .init(
      testDescription: "depthwise, several branches", kernels: [5, 5, 1], hasSkip: true,
      op: "depthwise"),
    .init(testDescription: "multiplier 2", outputs: 16, kernels: [3, 1], op: "depthwise"),
    .init(
      testDescription: "dense stem", inputs: 3, outputs: 10, stride: 2, isDense: true, kernels: [3],
      op: "convolution"),
    .init(
      testDescription: "dense with skip", isDense: true, kernels: [3, 1], hasSkip: true,
      op: "convolution"),
    .init(
      testDescription: "1 × 1 with skip", isDense: true, kernels: [1], hasSkip: true, op: "linear"),
    .init(
      testDescription: "1 × 1, stride 2", stride: 2, isDense: true, kernels: [1], op: "convolution"),
    .init(testDescription: "skip alone", kernels: [], hasSkip: true, op: "depthwise"),
    .init(
      testDescription: "large kernel", outputs: 16, stride: 2, kernels: [7, 3],
      rule: "large-kernel branches", op: "depthwise"),
    .init(
      testDescription: "large kernel, dense", isDense: true, kernels: [7, 3],
      rule: "large-kernel branches", op: "convolution"),
  ]

  @Test(arguments: branchCases) func branchesBecomeOneKernel(_ test: BranchCase) throws {
    var network = RandomNetwork(seed: 1)
    let x = network.input(.map(channels: test.inputs, stride: 1))
    var branches: [Branches.Branch] = []
    for (index, kernel) in test.kernels.enumerated() {
      let weight = network.parameter(
        "b.\(index).weight", [test.outputs, test.isDense ? test.inputs : 1, kernel, kernel])
      branches.append(
        .init(
          kernel: kernel, weight: weight, norm: network.batchNorm("b.\(index).norm", test.outputs)))
    }
    if test.hasSkip {
      branches.append(
        .init(kernel: nil, weight: nil, norm: network.batchNorm("b.skip", test.outputs)))
    }
    let op = Branches(
      inputChannels: test.inputs, outputChannels: test.outputs, stride: test.stride,
      grouping: test.isDense ? .dense : .depthwise(multiplier: test.outputs / test.inputs),
      branches: branches)
    let y = network.layer("b", .branches(op), x)
    let taps = op.kernel * op.kernel * (test.isDense ? test.inputs : 1)
    try expectEqual(
      network.model(output: y), rule: test.rule, ops: [test.op],
      roundings: taps + 2 * branches.count + 8)
  }

  // MARK: Residuals

  @Test(arguments: [3, 5]) func repMixerBecomesOneKernel(kernel: Int) throws {
    var network = RandomNetwork(seed: 2)
    let x = network.input(.map(channels: 6, stride: 1))
    let mixed = network.layer("mixer.mixer", network.depthwise("mixer.mixer", 6, kernel: kernel), x)
    let normed = network.layer("mixer.norm", .batchNorm(network.batchNorm("mixer.norm", 6)), x)
    let difference = network.layer("mixer.difference", .subtract, mixed, normed)
    let scaled = network.layer("mixer.scale", network.layerScale("mixer.scale", 6), difference)
    let y = network.layer("mixer", .add, x, scaled)
    try expectEqual(
      network.model(output: y), rule: "RepMixer", ops: ["depthwise"],
      roundings: kernel * kernel + 12)
  }

  @Test(arguments: [[0, 1], [1, 0]]) func positionalResidualBecomesOneKernel(
    order: [Int]
  ) throws {
    var network = RandomNetwork(seed: 3)
    let x = network.input(.map(channels: 5, stride: 1))
    let encoding = network.layer("pe", network.depthwise("pe", 5, kernel: 7), x)
    let inputs = [x, encoding]
    let y = network.layer("position", .add, inputs[order[0]], inputs[order[1]])
    try expectEqual(
      network.model(output: y), rule: "RepCPE", ops: ["depthwise"], roundings: 49 + 8)
  }

  // MARK: Norms and factors behind a product

  enum Product: CaseIterable { case depthwise, strided, unbiased, convolution, linear }

  private func product(_ kind: Product, _ network: inout RandomNetwork) -> (op: Op, taps: Int) {
    switch kind {
    case .depthwise: (network.depthwise("p", 8, kernel: 7), 49)
    case .strided: (network.depthwise("p", 8, kernel: 3, stride: 2), 9)
    case .unbiased: (network.depthwise("p", 8, kernel: 7, bias: false), 49)
    case .convolution: (network.convolution("p", 8, 8, kernel: 3), 72)
    case .linear: (network.linear("p", 8, 8), 8)
    }
  }

  @Test(arguments: Product.allCases) func normBehindProductIsAbsorbed(_ kind: Product) throws {
    var network = RandomNetwork(seed: 4)
    let x = network.input(.map(channels: 8, stride: 1))
    let (op, taps) = product(kind, &network)
    let y = network.layer("p.kernel", op, x)
    let z = network.layer("p", .batchNorm(network.batchNorm("p.norm", 8)), y)
    try expectEqual(
      network.model(output: z), rule: "convolution + batch norm", ops: [op.name],
      roundings: taps + 8)
  }

  @Test(arguments: Product.allCases) func layerScaleBehindProductIsAbsorbed(
    _ kind: Product
  ) throws {
    var network = RandomNetwork(seed: 5)
    let x = network.input(.map(channels: 8, stride: 1))
    let (op, taps) = product(kind, &network)
    let y = network.layer("p.unscaled", op, x)
    let z = network.layer("p", network.layerScale("p", 8), y)
    let model = try network.model(output: z)
    try expectEqual(model, rule: "layer scale", ops: [op.name], roundings: taps + 8)
    // A product without bias stays without.
    let folded = try model.folded().model.description.networks[0]
    #expect(folded.parameters.count == (kind == .unbiased ? 1 : 2))
  }

  @Test func chainsOfRulesRoundOnce() throws {
    var network = RandomNetwork(seed: 6)
    let x = network.input(.map(channels: 4, stride: 1))
    let y = network.layer("p.kernel", network.depthwise("p", 4, kernel: 3), x)
    let z = network.layer("p.normed", .batchNorm(network.batchNorm("p.norm", 4)), y)
    let u = network.layer("p", network.layerScale("p", 4), z)
    let source = try network.model(output: u)
    let folded = try source.folded().model
    let weight = try source.parameters.values(of: "vision.p.weight")
    let gamma = try source.parameters.values(of: "vision.p.norm.gamma")
    let variance = try source.parameters.values(of: "vision.p.norm.variance")
    let scale = try source.parameters.values(of: "vision.p.gamma")
    let expected = weight.indices.map { index in
      let o = index / 9
      let s = Double(gamma[o]) / (Double(variance[o]) + Double(Float(1e-5))).squareRoot()
      return Float(Double(weight[index]) * s * Double(scale[o]))
    }
    #expect(try folded.parameters.values(of: "vision.p.weight") == expected)
  }

  // MARK: Pixels

  @Test(arguments: [1, 2]) func pixelScaleGoesIntoTheStem(stride: Int) throws {
    var network = RandomNetwork(seed: 7)
    let x = network.input(.map(channels: 3, stride: 1))
    let affine = ChannelAffine(scale: [1 / 255, 1 / 127, 0.25], offset: [0, 0, 0])
    let normalized = network.layer("normalize", .normalize(affine), x)
    let y = network.layer(
      "stem", network.convolution("stem", 3, 5, kernel: 3, stride: stride), normalized)
    try expectEqual(
      network.model(output: y), rule: "pixel scale into stem", ops: ["convolution"],
      roundings: 27 + 8, pixels: 0...255)
  }
}
