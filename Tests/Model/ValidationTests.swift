import MartletModel
import Testing

@Suite struct ValidationTests {
  /// A small network of several kinds of ops, before any damage.
  private static func builder() -> (NetworkBuilder, ValueID) {
    var builder = NetworkBuilder(role: .vision)
    let pixels = builder.input("pixels", .map(channels: 3, stride: 1))
    var x = builder.layer(
      "stem",
      .convolution(
        Convolution(
          inputChannels: 3, outputChannels: 8, kernel: 3, stride: 2,
          weight: builder.parameter("stem.weight", [8, 3, 3, 3]),
          bias: builder.parameter("stem.bias", [8]))), pixels)
    let skip = x
    x = builder.layer(
      "mix",
      .depthwise(
        Depthwise(
          channels: 8, multiplier: 1, kernel: 7, stride: 1,
          weight: builder.parameter("mix.weight", [8, 1, 7, 7]), bias: nil)), x)
    x = builder.layer(
      "fc",
      .linear(
        Linear(inputs: 8, outputs: 8, weight: builder.parameter("fc.weight", [8, 8]), bias: nil)), x
    )
    x = builder.layer("add", .add, skip, x)
    return (builder, x)
  }

  private static func network() throws -> Network {
    let (builder, output) = builder()
    return try builder.finished(output: output)
  }

  @Test func shapesFollowFromOps() throws {
    let network = try Self.network()
    #expect(network[network.output].shape == .map(channels: 8, stride: 2))
    try network.validateRunnable()
  }

  @Test func aParameterUsedTwiceIsOne() {
    var builder = NetworkBuilder(role: .language)
    #expect(
      builder.parameter("embed.weight", [4, 2]) == builder.parameter("embed.weight", [4, 2]))
    #expect(builder.network.parameters.count == 1)
  }

  /// Each damage with the error it must give.
  @Test func damageIsNamed() throws {
    func expect(_ error: ModelError, _ damage: (inout Network) -> Void) throws {
      var network = try Self.network()
      damage(&network)
      #expect(throws: error) { try network.validate() }
    }
    try expect(
      .parameterShape(
        layer: "vision.fc", parameter: "vision.fc.weight", expected: [8, 8], found: [8, 9])
    ) { $0.parameters[3].shape = [8, 9] }
    try expect(.duplicateName("vision.fc.weight")) { $0.parameters[0].name = "vision.fc.weight" }
    try expect(.extent(layer: "vision.stem.bias", what: "parameter extent", found: 0)) {
      $0.parameters[1].shape = [0]
    }
    try expect(.danglingReference(layer: "vision.fc", what: "input value 77 of 5")) {
      $0.layers[2].inputs = [ValueID(77)]
    }
    try expect(
      .danglingReference(layer: "vision.mix", what: "value 'vision.fc' before it is made")
    ) { $0.layers[1].inputs = [ValueID(3)] }
    try expect(.inputCount(layer: "vision.mix", expected: 1, found: 2)) {
      $0.layers[1].inputs = [ValueID(1), ValueID(1)]
    }
    try expect(
      .inputShape(
        layer: "vision.mix", expected: "a map of 8 channels", found: "map of 3 channels at 1/1")
    ) { $0.layers[1].inputs = [ValueID(0)] }
    try expect(.duplicateName("vision.mix")) { $0.layers[2].name = "vision.mix" }
    try expect(.danglingReference(layer: "network vision", what: "output value 9 of 5")) {
      $0.output = ValueID(9)
    }
    try expect(
      .inputShape(
        layer: "vision.fc", expected: "output map of 8 channels at 1/2",
        found: "map of 8 channels at 1/4")
    ) { $0.values[3].shape = .map(channels: 8, stride: 4) }
  }

  @Test(arguments: [0, 2, 33, -3]) func kernelsAreOddAndSmall(side: Int) throws {
    var network = try Self.network()
    guard case .depthwise(var op) = network.layers[1].op else { return }
    op.kernel = side
    network.layers[1].op = .depthwise(op)
    network.parameters[2].shape = [8, 1, max(1, side), max(1, side)]
    #expect(throws: ModelError.self) { try network.validate() }
  }

  @Test func sourceOpsDoNotRun() throws {
    var builder = NetworkBuilder(role: .vision)
    let x = builder.input("pixels", .map(channels: 3, stride: 1))
    let y = builder.layer(
      "scale", .layerScale(LayerScale(channels: 3, gamma: builder.parameter("gamma", [3]))), x)
    let network = try builder.finished(output: y)
    #expect(throws: ModelError.notRunnable(layer: "vision.scale", op: "layerScale")) {
      try network.validateRunnable()
    }
  }

  @Test func plansCoverEverythingAndFit() throws {
    let network = try Self.network()
    var plan = QuantizationPlan(
      weights: [
        "vision.stem.weight": .float32Patches, "vision.stem.bias": .float32,
        "vision.mix.weight": .float32Taps, "vision.fc.weight": .int8Panels,
      ], activations: ["vision.fc": .dynamic])
    try network.validate(plan: plan)
    plan.activations = [:]
    #expect(throws: ModelError.self) { try network.validate(plan: plan) }
    plan.activations = ["vision.fc": .dynamic]
    plan.weights["vision.mix.weight"] = .int8Panels
    #expect(
      throws: ModelError.parameterUnavailable(
        name: "vision.mix.weight", reason: "the planned encoding does not fit the shape")
    ) { try network.validate(plan: plan) }
    plan.weights["vision.mix.weight"] = nil
    #expect(
      throws: ModelError.parameterUnavailable(
        name: "vision.mix.weight", reason: "no encoding planned")
    ) { try network.validate(plan: plan) }
  }

  @Test(arguments: [
    (WeightEncoding.float32, [5, 7], [140]), (.float32Taps, [6, 1, 3, 3], [216]),
    (.float32Patches, [17, 3, 3, 3], [2 * 27 * 16 * 4]),
    (.float32Panels, [17, 5], [2 * 5 * 16 * 4]),
    (.int8Panels, [17, 5], [2 * 2 * 64, 128, 128]),
    (.int4Panels, [17, 33], [2 * 2 * 256, 2 * 2 * 32, 128]),
  ])
  func encodingsKnowTheirSizes(encoding: WeightEncoding, shape: [Int], sizes: [Int]) {
    #expect(encoding.components(shape: shape)?.map(\.byteCount) == sizes)
  }

  @Test(arguments: [
    (WeightEncoding.float32, [Int.max, 2]), (.float32, [0]), (.float32, [-1, -1]),
    (.int8Panels, [Int.max, 4]), (.int4Panels, [4, Int.max]), (.int8Panels, [3]),
    (.float32Taps, [4, 2, 3, 3]), (.float32Panels, [1 << 40, 1 << 40]),
  ])
  func impossibleSizesHaveNone(encoding: WeightEncoding, shape: [Int]) {
    #expect(encoding.components(shape: shape) == nil)
  }

  @Test func tokenizersKnowTheirSize() {
    let specification = TokenizerSpecification(
      splitter: .qwen2, tokens: [[65], [66]], merges: [],
      addedTokens: [.init(id: 9, content: "<x>", isSpecial: true)])
    #expect(specification.size == 10)
  }
}
