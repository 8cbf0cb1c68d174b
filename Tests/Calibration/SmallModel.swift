import MartletBytes
import MartletCalibration
import MartletModel
import MartletReference
import MartletTestSupport

/// A model with all three parts, a byte-level tokenizer and seeded weights, and pictures for it.
enum SmallModel {
  static let resolution = 8

  static func description(tokenizer: Bool = true) throws -> ModelDescription {
    ModelDescription(
      architecture: "small", networks: [try vision(), try projector(), try language()],
      image: ImageSpecification(resolution: resolution, fit: .pad),
      tokenizer: tokenizer
        ? TokenizerSpecification(
          splitter: .qwen2, tokens: (0..<256).map { [UInt8($0)] }, merges: [], addedTokens: [])
        : nil,
      prompt: PromptTemplate(
        opening: "Q:", separator: "\n", closing: "\nA:", stopIDs: [], maximumTokens: 100))
  }

  static func model(tokenizer: Bool = true, seed: UInt64 = 3) throws -> FoldedModel {
    let description = try description(tokenizer: tokenizer)
    var generator = SeededGenerator(seed: seed)
    var table: [String: [Float]] = [:]
    for parameter in description.networks.flatMap(\.parameters) {
      table[parameter.name] = generator.floats(parameter.count)
    }
    return try FoldedModel(description: description, parameters: ParameterTable(table))
  }

  private static func vision() throws(ModelError) -> Network {
    var net = NetworkBuilder(role: .vision)
    var x = net.input("pixels", .map(channels: 3, stride: 1))
    let affine = ChannelAffine(
      scale: [1.0 / 255, 1.0 / 255, 1.0 / 255], offset: [0, -0.25, -0.5])
    x = net.layer("normalize", .normalize(affine), x)
    let stem = Convolution(
      inputChannels: 3, outputChannels: 4, kernel: 3, stride: 2,
      weight: net.parameter("stem.weight", [4, 3, 3, 3]), bias: net.parameter("stem.bias", [4]))
    x = net.layer("stem", .convolution(stem), x)
    return try net.finished(output: x)
  }

  private static func projector() throws(ModelError) -> Network {
    var net = NetworkBuilder(role: .projector)
    let x = net.input("features", .rows(channels: 4))
    let op = Linear(
      inputs: 4, outputs: 6, weight: net.parameter("weight", [6, 4]), bias: nil)
    let y = net.layer("linear", .linear(op), x)
    return try net.finished(output: y)
  }

  private static func language() throws(ModelError) -> Network {
    var net = NetworkBuilder(role: .language)
    let ids = net.input("ids", .ids)
    let images = net.input("images", .rows(channels: 6))
    let table = net.parameter("table", [256, 6])
    var x = net.layer(
      "embed", .embed(Embedding(rows: 256, channels: 6, weight: table)), ids, images)
    x = net.layer("last", .selectLast, x)
    x = net.layer(
      "head", .linear(Linear(inputs: 6, outputs: 256, weight: table, bias: nil)), x)
    return try net.finished(output: x)
  }

  /// A picture that needs no preparation; `brightness` is its largest byte.
  static func picture(_ seed: UInt64, brightness: Int = 255) -> CalibrationPicture {
    var generator = SeededGenerator(seed: seed)
    let bytes = (0..<resolution * resolution * 3).map { _ in
      UInt8(generator.int(in: 0...brightness))
    }
    let pixels = Pixels(height: resolution, width: resolution, bytes: bytes)
    return CalibrationPicture(name: "picture \(seed)", path: nil) {
      () throws(UnreadableImage.Reason) in
      CalibrationPicture.Content(pixels: pixels, digest: SHA256.digest(bytes))
    }
  }

  /// A picture that cannot be read.
  static func broken(_ name: String) -> CalibrationPicture {
    CalibrationPicture(name: name, path: nil) { () throws(UnreadableImage.Reason) in
      throw .image(.unknownFormat(name: name, firstBytes: [1, 2]))
    }
  }

  static func requests(_ value: String) -> [StatisticRequest] {
    Statistic.allCases.map { StatisticRequest(value: value, statistic: $0) }
  }
}
