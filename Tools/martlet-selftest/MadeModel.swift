import MartletModel
import MartletTestSupport

/// A small whole model with drawn numbers: every runnable op and every encoding of weights and activations occurs.
///
/// Nothing here computes a float in an order that a compiler or a library could change, so that the model is the same on
/// every machine.
struct MadeModel {
  private(set) var description: ModelDescription
  private(set) var plan = QuantizationPlan(weights: [:], activations: [:])
  private(set) var parameters: [NetworkRole: [EncodedParameter]] = [:]

  static let hidden = 64
  static let vocabulary = 90
  static let resolution = 64

  init() throws(ModelError) {
    var vision = Maker(.vision, seed: 21)
    let pixels = vision.net.input("pixels", .map(channels: 3, stride: 1))
    var x = vision.net.layer(
      "normalize",
      .normalize(ChannelAffine(scale: [1 / 256, 1 / 128, 1 / 256], offset: [0, -0.5, 0.25])), pixels
    )
    x = vision.convolution("stem", x, 3, 24)
    x = vision.net.layer("stem.activation", .activate(.gelu), x)
    x = vision.block("block", x, channels: 24, .int8Panels)
    x = vision.depthwise("down", x, channels: 24, multiplier: 2, kernel: 7, stride: 2)
    x = vision.net.layer("down.activation", .activate(.gelu), x)
    x = vision.linear("down.linear", x, 48, 64, .float32Panels)
    x = vision.attention("attention", x, channels: 64)
    x = vision.block("block2", x, channels: 64, .int4Panels)
    x = vision.depthwise("head", x, channels: 64, multiplier: 2, kernel: 3, stride: 2)
    x = vision.squeezeExcite("gate", x, channels: 128, reduced: 9)
    x = vision.net.layer("head.activation", .activate(.relu), x)

    var projector = Maker(.projector, seed: 22)
    let features = projector.net.input("features", .rows(channels: 128))
    var y = projector.linear("up", features, 128, Self.hidden, .int8Panels, calibrated: true)
    y = projector.net.layer("activation", .activate(.gelu), y)
    y = projector.linear("down", y, Self.hidden, Self.hidden, .int4Panels)

    var language = Maker(.language, seed: 23)
    let z = language.decoder(layers: 2, hidden: Self.hidden, vocabulary: Self.vocabulary)

    let networks = [
      try vision.net.finished(output: x), try projector.net.finished(output: y),
      try language.net.finished(output: z),
    ]
    description = ModelDescription(
      architecture: "selftest", networks: networks,
      image: ImageSpecification(resolution: Self.resolution, fit: .pad), tokenizer: nil, prompt: nil
    )
    for maker in [vision, projector, language] {
      parameters[maker.role] = maker.encoded
      for parameter in maker.encoded { plan.weights[parameter.name] = parameter.encoding }
      for (layer, encoding) in maker.activations { plan.activations[layer] = encoding }
    }
  }

  /// A drawn picture.
  static func picture(side: Int) -> Pixels {
    var generator = SeededGenerator(seed: 31)
    return Pixels(height: side, width: side, bytes: generator.bytes(side * side * 3))
  }
}

/// Grows one network and draws its parameters in their encodings.
private struct Maker {
  var net: NetworkBuilder
  let role: NetworkRole
  var encoded: [EncodedParameter] = []
  var activations: [(String, ActivationEncoding)] = []
  private var generator: SeededGenerator

  init(_ role: NetworkRole, seed: UInt64) {
    net = NetworkBuilder(role: role)
    self.role = role
    generator = SeededGenerator(seed: seed)
  }

  private func name(_ name: String) -> String { "\(role.name).\(name)" }

  /// Floats in −1…1 by powers of two around `center`.
  mutating func floats(
    _ name: String, _ shape: [Int], _ encoding: WeightEncoding = .float32, scale: Float = 0.125,
    center: Float = 0
  ) -> ParameterID {
    var count = 1
    for extent in shape { count *= extent }
    if let components = encoding.components(shape: shape) { count = components[0].byteCount / 4 }
    var bytes: [UInt8] = []
    for _ in 0..<count { append(center + generator.float() * scale, to: &bytes) }
    encoded.append(
      EncodedParameter(
        name: self.name(name), shape: shape, encoding: encoding,
        components: [(.codes, bytes)]))
    return net.parameter(name, shape)
  }

  mutating func matrix(_ name: String, _ outputs: Int, _ inputs: Int, _ encoding: WeightEncoding)
    -> ParameterID
  {
    if encoding == .float32Panels {
      return floats(name, [outputs, inputs], encoding, scale: 0.25)
    }
    let drawn = DrawnMatrix(outputs, inputs, isNarrow: encoding == .int4Panels, &generator)
    encoded.append(
      EncodedParameter(
        name: self.name(name), shape: [outputs, inputs], encoding: encoding,
        components: [
          (.codes, drawn.codes), (.scales, drawn.scales), (.offsets, drawn.offsets),
        ]))
    return net.parameter(name, [outputs, inputs])
  }

  mutating func linear(
    _ name: String, _ x: ValueID, _ inputs: Int, _ outputs: Int, _ encoding: WeightEncoding,
    calibrated: Bool = false
  ) -> ValueID {
    let weight = matrix("\(name).weight", outputs, inputs, encoding)
    let bias = floats("\(name).bias", [outputs])
    let input: ActivationEncoding =
      encoding == .float32Panels
      ? .float32 : calibrated ? .fixed(scale: 0.03125, zeroPoint: 101) : .dynamic
    activations.append((self.name(name), input))
    return net.layer(
      name, .linear(Linear(inputs: inputs, outputs: outputs, weight: weight, bias: bias)), x)
  }

  mutating func convolution(_ name: String, _ x: ValueID, _ inputs: Int, _ outputs: Int) -> ValueID
  {
    let op = Convolution(
      inputChannels: inputs, outputChannels: outputs, kernel: 3, stride: 2,
      weight: floats("\(name).weight", [outputs, inputs, 3, 3], .float32Patches, scale: 0.25),
      bias: floats("\(name).bias", [outputs]))
    return net.layer(name, .convolution(op), x)
  }

  mutating func depthwise(
    _ name: String, _ x: ValueID, channels: Int, multiplier: Int, kernel: Int, stride: Int
  ) -> ValueID {
    let outputs = channels * multiplier
    let op = Depthwise(
      channels: channels, multiplier: multiplier, kernel: kernel, stride: stride,
      weight: floats("\(name).weight", [outputs, 1, kernel, kernel], .float32Taps, scale: 0.25),
      bias: floats("\(name).bias", [outputs]))
    return net.layer(name, .depthwise(op), x)
  }

  mutating func block(
    _ name: String, _ x: ValueID, channels: Int, _ encoding: WeightEncoding
  ) -> ValueID {
    let t = depthwise("\(name).mixer", x, channels: channels, multiplier: 1, kernel: 3, stride: 1)
    var y = depthwise("\(name).ffn", t, channels: channels, multiplier: 1, kernel: 7, stride: 1)
    y = linear("\(name).fc1", y, channels, 4 * channels, encoding)
    y = net.layer("\(name).activation", .activate(.gelu), y)
    y = linear("\(name).fc2", y, 4 * channels, channels, encoding)
    return net.layer("\(name).add", .add, t, y)
  }

  mutating func attention(_ name: String, _ x: ValueID, channels: Int) -> ValueID {
    let layout = HeadLayout(heads: channels / 32, keyValueHeads: channels / 32, headSize: 32)
    let norm = Normalization(
      channels: channels, eps: 1e-5, weight: floats("\(name).norm.weight", [channels], center: 1),
      bias: floats("\(name).norm.bias", [channels]))
    var y = net.layer("\(name).norm", .layerNorm(norm), x)
    y = linear("\(name).qkv", y, channels, 3 * channels, .int8Panels)
    y = net.layer(
      "\(name).core", .attention(Attention(layout: layout, scale: 0.1767767, mask: .none)), y)
    y = linear("\(name).projection", y, channels, channels, .int8Panels)
    return net.layer("\(name).add", .add, x, y)
  }

  mutating func squeezeExcite(
    _ name: String, _ x: ValueID, channels: Int, reduced: Int
  ) -> ValueID {
    let gate = SqueezeExcite(
      channels: channels, reducedChannels: reduced,
      reduceWeight: floats("\(name).reduce.weight", [reduced, channels], .float32Panels),
      reduceBias: floats("\(name).reduce.bias", [reduced]),
      expandWeight: floats("\(name).expand.weight", [channels, reduced], .float32Panels),
      expandBias: floats("\(name).expand.bias", [channels]))
    return net.layer(name, .squeezeExcite(gate), x)
  }

  mutating func rmsNorm(_ name: String, _ x: ValueID, _ channels: Int) -> ValueID {
    let weight = floats("\(name).weight", [channels], center: 1)
    return net.layer(
      name, .rmsNorm(Normalization(channels: channels, eps: 1e-6, weight: weight, bias: nil)), x)
  }

  mutating func decoder(layers: Int, hidden: Int, vocabulary: Int) -> ValueID {
    let layout = HeadLayout(heads: 4, keyValueHeads: 2, headSize: 16)
    let ids = net.input("ids", .ids)
    let images = net.input("images", .rows(channels: hidden))
    let table = matrix("embed.weight", vocabulary, hidden, .int8Panels)
    var x = net.layer(
      "embed", .embed(Embedding(rows: vocabulary, channels: hidden, weight: table)), ids, images)
    for index in 0..<layers {
      let part = "layers.\(index)"
      let encoding: WeightEncoding = index == 0 ? .int4Panels : .int8Panels
      var y = rmsNorm("\(part).norm1", x, hidden)
      y = linear("\(part).qkv", y, hidden, layout.packedWidth, encoding)
      y = net.layer("\(part).rotate", .rotate(Rotation(layout: layout, theta: 10_000)), y)
      y = net.layer(
        "\(part).core", .attention(Attention(layout: layout, scale: 0.25, mask: .causal)), y)
      y = linear("\(part).output", y, layout.outputWidth, hidden, encoding)
      x = net.layer("\(part).add1", .add, x, y)
      y = rmsNorm("\(part).norm2", x, hidden)
      y = linear("\(part).gateUp", y, hidden, 2 * 96, encoding)
      y = net.layer("\(part).gate", .gate(width: 96), y)
      y = linear("\(part).down", y, 96, hidden, encoding)
      x = net.layer("\(part).add2", .add, x, y)
    }
    x = net.layer("last", .selectLast, x)
    x = rmsNorm("norm", x, hidden)
    activations.append((name("head"), .dynamic))
    return net.layer(
      "head", .linear(Linear(inputs: hidden, outputs: vocabulary, weight: table, bias: nil)), x)
  }
}

/// The little-endian bytes of a float.
func append(_ value: Float, to bytes: inout [UInt8]) {
  for shift in 0..<4 { bytes.append(UInt8(truncatingIfNeeded: value.bitPattern >> (8 * shift))) }
}
