import MartletModel
import MartletTestSupport

/// A network under construction whose parameters get random numbers as they are declared.
struct RandomNetwork {
  private(set) var builder: NetworkBuilder
  private(set) var table: [String: [Float]] = [:]
  private var generator: SeededGenerator

  init(role: NetworkRole = .vision, seed: UInt64) {
    builder = NetworkBuilder(role: role)
    generator = SeededGenerator(seed: seed)
  }

  mutating func input(_ shape: ValueShape) -> ValueID { builder.input("x", shape) }

  mutating func layer(_ name: String, _ op: Op, _ inputs: ValueID...) -> ValueID {
    inputs.count == 1
      ? builder.layer(name, op, inputs[0]) : builder.layer(name, op, inputs[0], inputs[1])
  }

  mutating func parameter(
    _ name: String, _ shape: [Int], in range: ClosedRange<Float> = -1...1
  ) -> ParameterID {
    let id = builder.parameter(name, shape)
    table[builder.network[id].name] = generator.floats(shape.reduce(1, *), in: range)
    return id
  }

  /// Statistics as training leaves them: variances over two decades, means of both signs.
  mutating func batchNorm(_ name: String, _ channels: Int) -> BatchNorm {
    BatchNorm(
      channels: channels, eps: 1e-5, gamma: parameter("\(name).gamma", [channels], in: -1.5...1.5),
      beta: parameter("\(name).beta", [channels]), mean: parameter("\(name).mean", [channels]),
      variance: parameter("\(name).variance", [channels], in: 0.02...2))
  }

  mutating func depthwise(
    _ name: String, _ channels: Int, kernel: Int, stride: Int = 1, multiplier: Int = 1,
    bias: Bool = true
  ) -> Op {
    let outputs = channels * multiplier
    return .depthwise(
      Depthwise(
        channels: channels, multiplier: multiplier, kernel: kernel, stride: stride,
        weight: parameter("\(name).weight", [outputs, 1, kernel, kernel]),
        bias: bias ? parameter("\(name).bias", [outputs]) : nil))
  }

  mutating func convolution(
    _ name: String, _ inputs: Int, _ outputs: Int, kernel: Int, stride: Int = 1
  ) -> Op {
    .convolution(
      Convolution(
        inputChannels: inputs, outputChannels: outputs, kernel: kernel, stride: stride,
        weight: parameter("\(name).weight", [outputs, inputs, kernel, kernel]),
        bias: parameter("\(name).bias", [outputs])))
  }

  mutating func linear(_ name: String, _ inputs: Int, _ outputs: Int, bias: Bool = true) -> Op {
    .linear(
      Linear(
        inputs: inputs, outputs: outputs, weight: parameter("\(name).weight", [outputs, inputs]),
        bias: bias ? parameter("\(name).bias", [outputs]) : nil))
  }

  mutating func layerScale(_ name: String, _ channels: Int) -> Op {
    .layerScale(LayerScale(channels: channels, gamma: parameter("\(name).gamma", [channels])))
  }

  mutating func numbers(_ count: Int, in range: ClosedRange<Float> = -1...1) -> [Float] {
    generator.floats(count, in: range)
  }

  /// The network up to a value, as a model of this one network.
  func model(output: ValueID) throws -> SourceModel {
    let network = try builder.finished(output: output)
    return try SourceModel(
      description: .of(network), parameters: ParameterTable(table))
  }
}

extension ModelDescription {
  /// A description of one network and nothing else.
  static func of(_ network: Network) -> ModelDescription {
    ModelDescription(
      architecture: "test", networks: [network],
      image: ImageSpecification(resolution: 64, fit: .pad), tokenizer: nil, prompt: nil)
  }
}
