import MartletModel
import MartletTestSupport

/// A small network with random weights: every runnable op, in the arrangements that models use.
struct SmallNetwork {
  let network: Network
  let parameters: ParameterTable

  /// Convolutions, depthwise blocks, attention, squeeze-excite: what a vision encoder is made of.
  static func vision(seed: UInt64 = 1) throws -> SmallNetwork {
    var maker = Maker(role: .vision, seed: seed)
    let pixels = maker.builder.input("pixels", .map(channels: 3, stride: 1))
    var x = maker.builder.layer(
      "normalize",
      .normalize(ChannelAffine(scale: [1 / 255, 1 / 200, 1 / 255], offset: [0, -0.1, 0.2])), pixels)
    x = maker.convolution("stem", x, 3, 20)
    x = maker.builder.layer("stem.activation", .activate(.gelu), x)
    x = maker.feedForwardBlock("block0", x, channels: 20)
    x = maker.depthwise("down", x, channels: 20, multiplier: 2, kernel: 7, stride: 2)
    x = maker.builder.layer("down.activation", .activate(.gelu), x)
    x = maker.linear("down.linear", x, 40, 64)
    x = maker.builder.layer("down.activation2", .activate(.relu), x)
    // A product whose diagonal was taken out and is put back.
    let rest = maker.linear("mix.rest", x, 64, 64)
    let diagonal = maker.depthwise(
      "mix.diagonal", x, channels: 64, multiplier: 1, kernel: 1, stride: 1)
    x = maker.builder.layer("mix", .add, diagonal, rest)
    x = maker.builder.layer("mix.activation", .activate(.gelu), x)
    x = maker.attentionBlock("attention", x, channels: 64)
    x = maker.depthwise("head", x, channels: 64, multiplier: 2, kernel: 3, stride: 1)
    x = maker.squeezeExcite("gate", x, channels: 128, reduced: 9)
    x = maker.builder.layer("head.activation", .activate(.gelu), x)
    return try maker.finished(x)
  }

  /// Two decoder layers with grouped heads, a tied table of 70 rows.
  ///
  /// - Parameter keyBias: added to the biases of the keys with both signs: Qwen2's reach hundreds in a few channels.
  static func language(seed: UInt64 = 2, keyBias: Float = 0) throws -> SmallNetwork {
    var maker = Maker(role: .language, seed: seed)
    let hidden = 48
    let layout = HeadLayout(heads: 6, keyValueHeads: 2, headSize: 8)
    let ids = maker.builder.input("ids", .ids)
    let images = maker.builder.input("images", .rows(channels: hidden))
    let table = maker.parameter("embed.weight", [70, hidden], deviation: 1)
    var x = maker.builder.layer(
      "embed", .embed(Embedding(rows: 70, channels: hidden, weight: table)), ids, images)
    for index in 0..<2 {
      let name = "layers.\(index)"
      var y = maker.rmsNorm("\(name).norm1", x, hidden)
      y = maker.linear("\(name).qkv", y, hidden, layout.packedWidth)
      let keys = layout.heads * layout.headSize
      for channel in [1, 6, 11] {
        maker.table["\(NetworkRole.language.name).\(name).qkv.bias"]?[keys + channel] +=
          channel % 2 == 0 ? keyBias : -keyBias
      }
      y = maker.builder.layer(
        "\(name).rotate", .rotate(Rotation(layout: layout, theta: 10000)), y)
      y = maker.builder.layer(
        "\(name).core",
        .attention(Attention(layout: layout, scale: 0.35355338, mask: .causal)), y)
      y = maker.linear("\(name).output", y, layout.outputWidth, hidden)
      x = maker.builder.layer("\(name).add1", .add, x, y)
      y = maker.rmsNorm("\(name).norm2", x, hidden)
      y = maker.linear("\(name).gateUp", y, hidden, 2 * 72)
      y = maker.builder.layer("\(name).gate", .gate(width: 72), y)
      y = maker.linear("\(name).down", y, 72, hidden)
      x = maker.builder.layer("\(name).add2", .add, x, y)
    }
    x = maker.builder.layer("last", .selectLast, x)
    x = maker.rmsNorm("norm", x, hidden)
    x = maker.builder.layer(
      "head", .linear(Linear(inputs: hidden, outputs: 70, weight: table, bias: nil)), x)
    return try maker.finished(x)
  }

  var description: ModelDescription {
    ModelDescription(
      architecture: "test", networks: [network],
      image: ImageSpecification(resolution: 32, fit: .pad), tokenizer: nil, prompt: nil)
  }
}

private struct Maker {
  var builder: NetworkBuilder
  var generator: SeededGenerator
  var table: [String: [Float]] = [:]
  let role: NetworkRole

  init(role: NetworkRole, seed: UInt64) {
    builder = NetworkBuilder(role: role)
    generator = SeededGenerator(seed: seed)
    self.role = role
  }

  mutating func parameter(
    _ name: String, _ shape: [Int], deviation: Float, mean: Float = 0
  ) -> ParameterID {
    let id = builder.parameter(name, shape)
    let count = shape.reduce(1, *)
    table["\(role.name).\(name)"] = generator.normals(count, deviation: deviation).map { $0 + mean }
    return id
  }

  mutating func finished(_ output: ValueID) throws -> SmallNetwork {
    let network = try builder.finished(output: output)
    return SmallNetwork(network: network, parameters: ParameterTable(table))
  }

  mutating func linear(_ name: String, _ x: ValueID, _ inputs: Int, _ outputs: Int) -> ValueID {
    let weight = parameter(
      "\(name).weight", [outputs, inputs], deviation: 1 / Float(inputs).squareRoot())
    let bias = parameter("\(name).bias", [outputs], deviation: 0.2)
    return builder.layer(
      name, .linear(Linear(inputs: inputs, outputs: outputs, weight: weight, bias: bias)), x)
  }

  mutating func convolution(
    _ name: String, _ x: ValueID, _ inputs: Int, _ outputs: Int
  ) -> ValueID {
    let weight = parameter("\(name).weight", [outputs, inputs, 3, 3], deviation: 0.3)
    let bias = parameter("\(name).bias", [outputs], deviation: 0.2)
    return builder.layer(
      name,
      .convolution(
        Convolution(
          inputChannels: inputs, outputChannels: outputs, kernel: 3, stride: 2, weight: weight,
          bias: bias)), x)
  }

  mutating func depthwise(
    _ name: String, _ x: ValueID, channels: Int, multiplier: Int, kernel: Int, stride: Int
  ) -> ValueID {
    let outputs = channels * multiplier
    let weight = parameter(
      "\(name).weight", [outputs, 1, kernel, kernel], deviation: 1 / Float(kernel))
    let bias = parameter("\(name).bias", [outputs], deviation: 0.2)
    return builder.layer(
      name,
      .depthwise(
        Depthwise(
          channels: channels, multiplier: multiplier, kernel: kernel, stride: stride,
          weight: weight, bias: bias)), x)
  }

  mutating func feedForwardBlock(_ name: String, _ x: ValueID, channels: Int) -> ValueID {
    let t = depthwise(
      "\(name).mixer", x, channels: channels, multiplier: 1, kernel: 3, stride: 1)
    return feedForward(name, t, channels: channels)
  }

  mutating func feedForward(_ name: String, _ t: ValueID, channels: Int) -> ValueID {
    var y = depthwise(
      "\(name).ffn", t, channels: channels, multiplier: 1, kernel: 7, stride: 1)
    y = linear("\(name).fc1", y, channels, 4 * channels)
    y = builder.layer("\(name).activation", .activate(.gelu), y)
    y = linear("\(name).fc2", y, 4 * channels, channels)
    return builder.layer("\(name).add", .add, t, y)
  }

  mutating func attentionBlock(_ name: String, _ x: ValueID, channels: Int) -> ValueID {
    let layout = HeadLayout(heads: channels / 32, keyValueHeads: channels / 32, headSize: 32)
    let weight = parameter("\(name).norm.weight", [channels], deviation: 0.1, mean: 1)
    let bias = parameter("\(name).norm.bias", [channels], deviation: 0.1)
    var y = builder.layer(
      "\(name).norm",
      .layerNorm(Normalization(channels: channels, eps: 1e-5, weight: weight, bias: bias)), x)
    y = linear("\(name).qkv", y, channels, 3 * channels)
    y = builder.layer(
      "\(name).core", .attention(Attention(layout: layout, scale: 0.17677669, mask: .none)), y)
    y = linear("\(name).projection", y, channels, channels)
    let u = builder.layer("\(name).add1", .add, x, y)
    return feedForward(name, u, channels: channels)
  }

  mutating func rmsNorm(_ name: String, _ x: ValueID, _ channels: Int) -> ValueID {
    let weight = parameter("\(name).weight", [channels], deviation: 0.1, mean: 1)
    return builder.layer(
      name,
      .rmsNorm(Normalization(channels: channels, eps: 1e-6, weight: weight, bias: nil)), x)
  }

  mutating func squeezeExcite(
    _ name: String, _ x: ValueID, channels: Int, reduced: Int
  ) -> ValueID {
    let gate = SqueezeExcite(
      channels: channels, reducedChannels: reduced,
      reduceWeight: parameter("\(name).reduce.weight", [reduced, channels], deviation: 0.1),
      reduceBias: parameter("\(name).reduce.bias", [reduced], deviation: 0.1),
      expandWeight: parameter("\(name).expand.weight", [channels, reduced], deviation: 0.5),
      expandBias: parameter("\(name).expand.bias", [channels], deviation: 0.5))
    return builder.layer(name, .squeezeExcite(gate), x)
  }
}
