import MartletModel
import MartletTestSupport
import MartletVerification
import Testing

/// What restoring layers changes in a plan.
@Suite struct RestorationTests {
  /// `vision.stages.0`: two products, the second one with a bias; a projector of one.
  private let description: ModelDescription
  private let plan: QuantizationPlan

  init() throws {
    let small = try Self.network()
    description = ModelDescription(
      architecture: "test", networks: [small],
      image: ImageSpecification(resolution: 4, fit: .pad), tokenizer: nil, prompt: nil)
    plan = QuantizationPlan(
      weights: [
        "vision.stages.0.a.weight": .int8Panels, "vision.stages.0.b.weight": .int4Panels,
        "vision.stages.0.b.bias": .float32,
      ],
      activations: ["vision.stages.0.a": .dynamic, "vision.stages.0.b": .dynamic])
  }

  private static func network() throws -> Network {
    Network(
      role: .vision,
      parameters: [
        Parameter(name: "vision.stages.0.a.weight", shape: [32, 64]),
        Parameter(name: "vision.stages.0.b.weight", shape: [16, 32]),
        Parameter(name: "vision.stages.0.b.bias", shape: [16]),
      ],
      values: [
        Value(name: "x", shape: .rows(channels: 64)),
        Value(name: "vision.stages.0.a", shape: .rows(channels: 32)),
        Value(name: "vision.stages.0.b", shape: .rows(channels: 16)),
      ],
      layers: [
        Layer(
          name: "vision.stages.0.a",
          op: .linear(Linear(inputs: 64, outputs: 32, weight: ParameterID(0), bias: nil)),
          inputs: [ValueID(0)], output: ValueID(1)),
        Layer(
          name: "vision.stages.0.b",
          op: .linear(
            Linear(inputs: 32, outputs: 16, weight: ParameterID(1), bias: ParameterID(2))),
          inputs: [ValueID(1)], output: ValueID(2)),
      ], inputs: [ValueID(0)], output: ValueID(2))
  }

  @Test func everyLayerGoesOneStepUp() throws {
    let (layers, groups) = Restoration.all(description, plan: plan)
    #expect(layers.map(\.pattern) == ["vision.stages.0.a", "vision.stages.0.b"])
    #expect(layers.map(\.precision) == ["float32", "int8"])
    #expect(layers[0].option == "--keep 'vision.stages.0.a=float32'")
    // 32 × 64 floats instead of as many bytes with a scale and an offset an output.
    #expect(layers[0].addedBytes == 32 * 64 * 3 - 32 * 8)
    // 16 × 32 bytes with scales of 4 bytes instead of half bytes with f16 scales.
    #expect(layers[1].addedBytes == 16 * 16 + 16 * 2)
    #expect(layers[0].plan.weights["vision.stages.0.a.weight"] == .float32Panels)
    #expect(layers[0].plan.activations["vision.stages.0.a"] == .float32)
    #expect(layers[0].plan.weights["vision.stages.0.b.weight"] == .int4Panels)
    #expect(layers[1].plan.activations["vision.stages.0.b"] == .dynamic)
    #expect(layers[1].parameters == ["vision.stages.0.b.weight", "vision.stages.0.b.bias"])
    // The group goes to what its coarsest layer needs; the other one is there already.
    #expect(groups.map(\.pattern) == ["vision.stages.0.*"])
    #expect(groups[0].precision == "int8")
    #expect(groups[0].layers == ["vision.stages.0.b"])
  }

  @Test func blameFollowsTheErrorThatLayersAdd() {
    let (layers, _) = Restoration.all(description, plan: plan)
    let blamed = BlamedLayer.all(
      [
        Verification.LayerError(
          name: "vision.stages.0.a", signalToNoise: 20, introduced: 40, inherited: 20, cosine: 1),
        Verification.LayerError(
          name: "vision.stages.0.b", signalToNoise: 20, introduced: 15, inherited: 30, cosine: 1),
      ], layers)
    #expect(blamed.map(\.name) == ["vision.stages.0.b", "vision.stages.0.a"])
  }
}
