import MartletModel
import MartletQuantization
import MartletTestSupport
import Testing

/// Statistics given by hand.
private struct GivenStatistics: ActivationStatistics {
  var ranges: [String: (Float, Float)] = [:]
  var means: [String: [Double]] = [:]
  func range(of value: String) -> (lowest: Float, highest: Float)? {
    ranges[value].map { (lowest: $0.0, highest: $0.1) }
  }
  func channelMeans(of value: String) -> [Double]? { means[value] }
}

@Suite struct QuantizerTests {
  static let inputs = 70
  static let outputs = 37

  /// One product from rows to rows.
  private func model(weights: [Float], bias: [Float]) throws -> FoldedModel {
    var builder = NetworkBuilder(role: .projector)
    let x = builder.input("x", .rows(channels: Self.inputs))
    let weight = builder.parameter("product.weight", [Self.outputs, Self.inputs])
    let biasID = builder.parameter("product.bias", [Self.outputs])
    let y = builder.layer(
      "product",
      .linear(
        Linear(inputs: Self.inputs, outputs: Self.outputs, weight: weight, bias: biasID)), x)
    return try FoldedModel(
      description: ModelDescription(
        architecture: "test", networks: [builder.finished(output: y)],
        image: ImageSpecification(resolution: 64, fit: .pad), tokenizer: nil, prompt: nil),
      parameters: ParameterTable([
        "projector.product.weight": weights, "projector.product.bias": bias,
      ]))
  }

  private func random(_ seed: UInt64) -> (weights: [Float], bias: [Float]) {
    var generator = SeededGenerator(seed: seed)
    return (generator.normals(Self.inputs * Self.outputs), generator.normals(Self.outputs))
  }

  @Test(arguments: [(Precision.int8, 0.012), (.int4, 0.13)])
  func panelsHoldTheMatrix(precision: Precision, bound: Double) throws {
    let (weights, bias) = random(3)
    var scheme = Scheme.preset(.int8)
    scheme.projector = precision
    let quantized = try Quantizer.quantized(
      model(weights: weights, bias: bias), scheme: scheme, statistics: nil)
    let encoded = try quantized.parameters.encoded("projector.product.weight")
    let sizes = encoded.encoding.components(shape: encoded.shape)?.map(\.byteCount)
    #expect(sizes == encoded.components.map(\.bytes.count))
    var (error, power) = (0.0, 0.0)
    for (a, b) in zip(weights, DecodedMatrix.values(of: encoded)) {
      error += Double(a - b) * Double(a - b)
      power += Double(a) * Double(a)
    }
    let relative = (error / power).squareRoot()
    // Uniform rounding of Gaussian rows: step / √12 over deviation.
    #expect(relative < bound)
    #expect(relative > bound / 10)
  }

  /// With the mean input, source and quantized product agree in every output: that is what correction is for.
  @Test(arguments: [Precision.int8, .int4])
  func correctedBiasesKeepTheMeanOutput(precision: Precision) throws {
    let (weights, bias) = random(4)
    var generator = SeededGenerator(seed: 5)
    let means = generator.normals(Self.inputs).map { Double($0) + 2 }
    var scheme = Scheme.preset(.int8)
    scheme.projector = precision
    let model = try model(weights: weights, bias: bias)
    for biasFirst in [false, true] {
      let quantized = try Quantizer.quantized(
        model, scheme: scheme, statistics: GivenStatistics(means: ["projector.x": means]))
      let order = ["projector.product.weight", "projector.product.bias"]
      var found: [String: EncodedParameter] = [:]
      for name in biasFirst ? order.reversed() : order {
        found[name] = try quantized.parameters.encoded(name)
      }
      let rounded = DecodedMatrix.values(of: try #require(found[order[0]]))
      let corrected = try #require(found[order[1]]).components[0].bytes
      for output in 0..<Self.outputs {
        var (exact, packed) = (Double(bias[output]), Double(DecodedMatrix.float(corrected, output)))
        for input in 0..<Self.inputs {
          exact += Double(weights[output * Self.inputs + input]) * means[input]
          packed += Double(rounded[output * Self.inputs + input]) * means[input]
        }
        // What is left is the rounding of the bias to f32 and of the scales in `decoded`.
        #expect(abs(exact - packed) < 1e-5 * max(1, abs(exact)))
      }
    }
  }

  @Test func calibratedActivationsNeedTheirStatistics() throws {
    let (weights, bias) = random(6)
    var scheme = Scheme.preset(.int8)
    scheme.activations = .calibrated
    scheme.clip = .minmax
    let model = try model(weights: weights, bias: bias)
    #expect(throws: QuantizationError.missingStatistic(value: "projector.x", statistic: "range")) {
      try Quantizer.quantized(model, scheme: scheme, statistics: nil)
    }
    let quantized = try Quantizer.quantized(
      model, scheme: scheme,
      statistics: GivenStatistics(ranges: ["projector.x": (-1, 4)]))
    #expect(
      quantized.plan.activations["projector.product"] == .fixed(scale: 5 / 255, zeroPoint: 51))
  }

  @Test func statisticsOfAnotherWidthAreRefused() throws {
    let (weights, bias) = random(7)
    #expect(
      throws: QuantizationError.statisticWidth(value: "projector.x", expected: 70, found: 3)
    ) {
      try Quantizer.quantized(
        model(weights: weights, bias: bias), scheme: .preset(.int8),
        statistics: GivenStatistics(means: ["projector.x": [1, 2, 3]]))
    }
  }

  @Test func numbersThatAreNotFiniteAreRefused() throws {
    var (weights, bias) = random(8)
    weights[77] = .nan
    let quantized = try Quantizer.quantized(
      model(weights: weights, bias: bias), scheme: .preset(.int8), statistics: nil)
    #expect(throws: ModelError.notFinite(parameter: "projector.product.weight", index: 77)) {
      try quantized.parameters.encoded("projector.product.weight")
    }
  }

  @Test func keptLayersKeepTheirPrecision() throws {
    let (weights, bias) = random(9)
    var scheme = Scheme.preset(.int8)
    scheme.keeps = [Keep(pattern: "projector.*", precision: .float32)]
    let model = try model(weights: weights, bias: bias)
    let quantized = try Quantizer.quantized(model, scheme: scheme, statistics: nil)
    #expect(quantized.plan.weights["projector.product.weight"] == .float32Panels)
    #expect(quantized.plan.activations["projector.product"] == .float32)
    scheme.keeps = [Keep(pattern: "projector.produkt", precision: .float32)]
    #expect(
      throws: QuantizationError.unmatchedPattern(
        pattern: "projector.produkt", nearest: "projector.product")
    ) {
      try Quantizer.quantized(model, scheme: scheme, statistics: nil)
    }
  }

  @Test(arguments: [
    ("vision.*", "vision.a.b", true), ("*.fc1", "vision.blocks.0.fc1", true), ("a?c", "abc", true),
    ("a?c", "ac", false), ("*", "", true), ("", "", true), ("", "a", false),
    ("a*b*c", "aXbYbc", true),
    ("a*b*c", "aXcYb", false),
  ])
  func patternsMatchAsShellsDo(pattern: String, name: String, expected: Bool) {
    #expect(LayerPattern(pattern).matches(name) == expected)
  }
}
