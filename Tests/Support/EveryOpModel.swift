import MartletModel

/// A small model in which every runnable op, every weight encoding and every activation encoding occurs.
///
/// Its numbers are patterns, not weights: it is for what stores and describes models, not for what runs them.
/// `Tests/Fixtures/pack` holds a pack of it, so it does not change: a new op goes into a further model beside it.
package enum EveryOpModel {
  package static func description() throws(ModelError) -> ModelDescription {
    ModelDescription(
      architecture: "every_op",
      networks: [try vision(), try projector(), try language()],
      image: ImageSpecification(
        resolution: 64, fit: .crop, fill: [127, 1, 255], mean: [0.5, 0.25, 0],
        standardDeviation: [0.5, 1, 2]),
      tokenizer: TokenizerSpecification(
        splitter: .qwen2, tokens: [[0x61], [0x62], [0x61, 0x62], [], [0xC3, 0xA9]],
        merges: [.init(left: 0, right: 1, result: 2)],
        addedTokens: [
          .init(id: 7, content: "<|end|>", isSpecial: true),
          .init(id: 8, content: "<ü>", isSpecial: false),
        ]),
      prompt: PromptTemplate(
        opening: "<|user|>\n", separator: "\n", closing: "<|end|>\n", stopIDs: [7, 3],
        maximumTokens: 512))
  }

  private static func vision() throws(ModelError) -> Network {
    var net = NetworkBuilder(role: .vision)
    let pixels = net.input("pixels", .map(channels: 3, stride: 1))
    let affine = ChannelAffine(scale: [0.5, 0.25, 0.125], offset: [0, -1, 1])
    var x = net.layer("normalize", .normalize(affine), pixels)
    let stem = Convolution(
      inputChannels: 3, outputChannels: 8, kernel: 3, stride: 2,
      weight: net.parameter("stem.weight", [8, 3, 3, 3]), bias: net.parameter("stem.bias", [8]))
    x = net.layer("stem", .convolution(stem), x)
    x = net.layer("gelu", .activate(.gelu), x)
    let depthwise = Depthwise(
      channels: 8, multiplier: 2, kernel: 3, stride: 2,
      weight: net.parameter("dw.weight", [16, 1, 3, 3]), bias: nil)
    x = net.layer("dw", .depthwise(depthwise), x)
    let product = linear(&net, "mix", 16, 16, biased: true, x)
    x = net.layer("sum", .add, x, product)
    let gates = SqueezeExcite(
      channels: 16, reducedChannels: 4, reduceWeight: net.parameter("se.w1", [4, 16]),
      reduceBias: net.parameter("se.b1", [4]), expandWeight: net.parameter("se.w2", [16, 4]),
      expandBias: net.parameter("se.b2", [16]))
    x = net.layer("se", .squeezeExcite(gates), x)
    let norm = Normalization(
      channels: 16, eps: 1e-5, weight: net.parameter("norm.weight", [16]),
      bias: net.parameter("norm.bias", [16]))
    x = net.layer("norm", .layerNorm(norm), x)
    x = linear(&net, "qkv", 16, 48, biased: false, x)
    let heads = HeadLayout(heads: 2, keyValueHeads: 2, headSize: 8)
    x = net.layer("attention", .attention(.init(layout: heads, scale: 1, mask: .none)), x)
    x = linear(&net, "out", 16, 16, biased: false, x)
    return try net.finished(output: x)
  }

  private static func projector() throws(ModelError) -> Network {
    var net = NetworkBuilder(role: .projector)
    var x = net.input("features", .rows(channels: 16))
    x = linear(&net, "up", 16, 24, biased: true, x)
    x = net.layer("relu", .activate(.relu), x)
    x = linear(&net, "down", 24, 16, biased: false, x)
    return try net.finished(output: x)
  }

  private static func language() throws(ModelError) -> Network {
    var net = NetworkBuilder(role: .language)
    let ids = net.input("ids", .ids)
    let images = net.input("images", .rows(channels: 16))
    let table = net.parameter("embed.weight", [20, 16])
    var x = net.layer(
      "embed", .embed(Embedding(rows: 20, channels: 16, weight: table)), ids, images)
    let norm = Normalization(
      channels: 16, eps: 1e-6, weight: net.parameter("norm.weight", [16]), bias: nil)
    var y = net.layer("norm", .rmsNorm(norm), x)
    y = linear(&net, "qkv", 16, 32, biased: true, y)
    let heads = HeadLayout(heads: 2, keyValueHeads: 1, headSize: 8)
    y = net.layer("rotate", .rotate(Rotation(layout: heads, theta: 1e6)), y)
    y = net.layer("attention", .attention(.init(layout: heads, scale: 0.35, mask: .causal)), y)
    x = net.layer("sum", .add, x, y)
    y = linear(&net, "up", 16, 64, biased: false, x)
    y = net.layer("gate", .gate(width: 32), y)
    y = linear(&net, "down", 32, 16, biased: false, y)
    x = net.layer("sum2", .add, x, y)
    x = net.layer("last", .selectLast, x)
    let head = Linear(inputs: 16, outputs: 20, weight: table, bias: nil)
    x = net.layer("head", .linear(head), x)
    return try net.finished(output: x)
  }

  private static func linear(
    _ net: inout NetworkBuilder, _ name: String, _ inputs: Int, _ outputs: Int, biased: Bool,
    _ input: ValueID
  ) -> ValueID {
    let op = Linear(
      inputs: inputs, outputs: outputs, weight: net.parameter(name + ".weight", [outputs, inputs]),
      bias: biased ? net.parameter(name + ".bias", [outputs]) : nil)
    return net.layer(name, .linear(op), input)
  }

  /// Every encoding of weights and of activations occurs.
  package static func plan(for description: ModelDescription) -> QuantizationPlan {
    var weights: [String: WeightEncoding] = [:]
    for network in description.networks {
      for parameter in network.parameters { weights[parameter.name] = .float32 }
    }
    weights["vision.stem.weight"] = .float32Patches
    weights["vision.dw.weight"] = .float32Taps
    weights["vision.mix.weight"] = .int8Panels
    weights["vision.qkv.weight"] = .int8Panels
    weights["vision.out.weight"] = .float32Panels
    weights["projector.up.weight"] = .float32Panels
    weights["projector.down.weight"] = .int4Panels
    weights["language.embed.weight"] = .int8Panels
    weights["language.qkv.weight"] = .int4Panels
    weights["language.up.weight"] = .int4Panels
    weights["language.down.weight"] = .int8Panels
    return QuantizationPlan(
      weights: weights,
      activations: [
        "vision.mix": .dynamic, "vision.qkv": .fixed(scale: 0.03125, zeroPoint: 131),
        "projector.up": .float32, "projector.down": .dynamic, "language.qkv": .dynamic,
        "language.up": .fixed(scale: 0.5, zeroPoint: 0), "language.down": .dynamic,
        "language.head": .dynamic,
      ])
  }

  package static func quantized() throws(ModelError) -> QuantizedModel {
    let description = try description()
    let plan = plan(for: description)
    return try QuantizedModel(
      description: description, plan: plan,
      parameters: PatternParameters(description: description, plan: plan))
  }
}

/// Encoded parameters with bytes that follow from the parameter's name alone, of the right sizes.
///
/// Half of the bytes vary and half repeat, so that some components compress and others do not.
package final class PatternParameters: EncodedParameters {
  private let shapes: [String: [Int]]
  private let plan: QuantizationPlan

  package init(description: ModelDescription, plan: QuantizationPlan) {
    var shapes: [String: [Int]] = [:]
    for network in description.networks {
      for parameter in network.parameters { shapes[parameter.name] = parameter.shape }
    }
    self.shapes = shapes
    self.plan = plan
  }

  package func encoded(_ name: String) throws(ModelError) -> EncodedParameter {
    guard let shape = shapes[name], let encoding = plan.weights[name],
      let components = encoding.components(shape: shape)
    else { throw .parameterUnavailable(name: name, reason: "no such parameter") }
    return EncodedParameter(
      name: name, shape: shape, encoding: encoding,
      components: components.map { component, byteCount in
        (component, Self.bytes(seed: "\(name) \(component.rawValue)", count: byteCount))
      })
  }

  /// A linear congruential generator (Knuth's MMIX constants), seeded by a text.
  package static func bytes(seed: String, count: Int) -> [UInt8] {
    var state: UInt64 = 0
    for byte in seed.utf8 { state = state &* 31 &+ UInt64(byte) }
    let compressible = state % 2 == 0
    var bytes = [UInt8](repeating: 0, count: count)
    for index in 0..<count {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      let byte = UInt8(truncatingIfNeeded: state >> 56)
      bytes[index] = compressible ? byte & 0x07 : byte
    }
    return bytes
  }
}
