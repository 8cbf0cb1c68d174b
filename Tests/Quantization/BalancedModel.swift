import MartletCalibration
import MartletModel
import MartletQuantization
import MartletReference
import MartletTestSupport

/// A small encoder with what preparation looks for: depthwise and norm layers before products, and a square product whose
/// diagonal stands out. Its channels differ widely in size, as those of folded encoders do.
struct BalancedModel {
  static let channels = 32
  let folded: FoldedModel

  /// - Parameter tiny: channels that come 256 times as large out of the norm and are read with weights as much smaller.
  init(seed: UInt64 = 11, tiny: [Int] = []) throws {
    let width = Self.channels
    var net = NetworkBuilder(role: .vision)
    var table: [String: [Float]] = [:]
    var generator = SeededGenerator(seed: seed)
    func parameter(_ name: String, _ shape: [Int], _ scale: Float) -> ParameterID {
      table["vision." + name] = generator.normals(shape.reduce(1, *)).map { $0 * scale }
      return net.parameter(name, shape)
    }
    var x = net.input("pixels", .map(channels: 3, stride: 1))
    let affine = ChannelAffine(scale: [1.0 / 128, 1.0 / 128, 1.0 / 128], offset: [-1, -1, -1])
    x = net.layer("normalize", .normalize(affine), x)
    let stem = Convolution(
      inputChannels: 3, outputChannels: width, kernel: 3, stride: 2,
      weight: parameter("stem.weight", [width, 3, 3, 3], 0.3),
      bias: parameter("stem.bias", [width], 0.5))
    x = net.layer("stem", .convolution(stem), x)
    let depthwise = Depthwise(
      channels: width, multiplier: 1, kernel: 3, stride: 1,
      weight: parameter("mix.weight", [width, 1, 3, 3], 0.3),
      bias: parameter("mix.bias", [width], 0.1))
    for channel in 0..<width {
      // Sizes from 1 to 100.
      let size = Float(100).squareRoot() * Float(channel % 4 == 0 ? 10 : 0.1)
      for tap in 0..<9 { table["vision.mix.weight"]?[channel * 9 + tap] *= size }
    }
    x = net.layer("mix", .depthwise(depthwise), x)
    let square = Linear(
      inputs: width, outputs: width, weight: parameter("square.weight", [width, width], 0.05),
      bias: parameter("square.bias", [width], 0.1))
    for channel in 0..<width { table["vision.square.weight"]?[channel * (width + 1)] += 2 }
    x = net.layer("square", .linear(square), x)
    x = net.layer("gelu", .activate(.gelu), x)
    let norm = Normalization(
      channels: width, eps: 1e-5, weight: parameter("norm.weight", [width], 1),
      bias: parameter("norm.bias", [width], 0.3))
    x = net.layer("norm", .layerNorm(norm), x)
    let wide = Linear(
      inputs: width, outputs: 3 * width,
      weight: parameter("wide.weight", [3 * width, width], 0.2), bias: nil)
    x = net.layer("wide", .linear(wide), x)
    for channel in tiny {
      table["vision.norm.weight"]?[channel] *= 256
      table["vision.norm.bias"]?[channel] *= 256
      for output in 0..<3 * width { table["vision.wide.weight"]?[output * width + channel] /= 256 }
    }
    let description = ModelDescription(
      architecture: "test", networks: [try net.finished(output: x)],
      image: ImageSpecification(resolution: 64, fit: .pad), tokenizer: nil, prompt: nil)
    folded = try FoldedModel(description: description, parameters: ParameterTable(table))
  }

  /// Pixels that vary smoothly, so that channels are correlated.
  static func picture(_ seed: UInt64) -> ReferenceTensor {
    var generator = SeededGenerator(seed: seed)
    let phases = generator.floats(6).map { $0 * 6 }
    var pixels: [Float] = []
    for y in 0..<64 {
      for x in 0..<64 {
        for channel in 0..<3 {
          let wave = Float(y) * phases[channel] + Float(x) * phases[channel + 3]
          pixels.append((128 + 100 * (wave / 64).remainder(dividingBy: 1)).rounded())
        }
      }
    }
    return ReferenceTensor(height: 64, width: 64, channels: 3, data: pixels)
  }

  static func output(of model: FoldedModel, _ picture: ReferenceTensor) throws -> [Float] {
    try ReferenceModel(description: model.description, parameters: model.parameters)
      .executor(.vision).run([.tensor(picture)]).data
  }

  /// Rows of every value over a few pictures.
  func statistics(pictures: Int = 2) throws -> SampledStatistics {
    let reference = try ReferenceModel(
      description: folded.description, parameters: folded.parameters)
    var rows: [String: [[Float]]] = [:]
    let tap = ReferenceTap(
      wants: { _ in true },
      receive: { name, tensor in
        for row in 0..<tensor.rows { rows[name, default: []].append(Array(tensor.row(row))) }
      })
    for seed in 0..<pictures {
      _ = try reference.executor(.vision).run(
        [.tensor(Self.picture(UInt64(seed) + 1))], tap: tap)
    }
    return SampledStatistics(rows.mapValues(RowSample.init(rows:)))
  }
}

/// Statistics that are nothing but rows.
struct SampledStatistics: ActivationStatistics {
  let samples: [String: RowSample]

  init(_ samples: [String: RowSample]) { self.samples = samples }

  func range(of value: String) -> (lowest: Float, highest: Float)? { nil }
  func channelMeans(of value: String) -> [Double]? { nil }
  func rows(of value: String) -> RowSample? { samples[value] }
}

extension RowSample {
  init(rows: [[Float]]) {
    let scales = rows.map { $0.map { abs($0) }.max() ?? 0 }
    var numbers: [Float16] = []
    for (row, scale) in zip(rows, scales) {
      numbers += row.map { Float16($0 / max(scale, 1e-30)) }
    }
    self.init(channels: rows[0].count, scales: scales, numbers: numbers)
  }
}
