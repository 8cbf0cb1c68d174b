import MartletBytes
import MartletCheckpoints
import MartletModel

/// The layouts of a MobileCLIP image encoder (reference section 7.5).
package enum EncoderLayout: String, CaseIterable, Equatable, Sendable {
  /// Apple's `.pt` files of the first MobileCLIP.
  case apple = "MobileCLIP"
  /// MobileCLIP2 and S3, S4 as OpenCLIP has them.
  case openCLIP = "OpenCLIP"
  /// timm's `fastvit_mci*`.
  case timm

  /// Path of the encoder; empty where its names stand bare.
  var encoder: String {
    switch self {
    case .apple: "image_encoder.model"
    case .openCLIP: "visual.trunk"
    case .timm: ""
    }
  }

  /// The words in which the encoder's tensors are named.
  var names: FastVLMNames {
    switch self {
    case .apple: FastVLMNames.llava.withEncoder(at: encoder)
    case .openCLIP, .timm: FastVLMNames.native.withEncoder(at: encoder)
    }
  }

  /// The layout that tensor names spell.
  static func detect(_ names: [String]) -> EncoderLayout? {
    allCases.first { layout in
      let stem = layout.names.stem + "."
      return names.contains { $0.hasPrefix(stem) }
    }
  }
}

/// Reads the image encoder of a MobileCLIP: FastViT's MCi variants, whose last map becomes an embedding by
/// a mean over its pixels and a matrix (arXiv 2311.17049, 2508.20691).
///
/// The mean is left to whoever runs the encoder: it commutes with the matrix, which therefore is the model's projector.
/// An embedding is the mean of the projected rows, brought to length 1.
struct MobileCLIP {
  private let checkpoint: Checkpoint
  private let layout: EncoderLayout
  private let names: FastVLMNames
  private let tensors: TensorIndex
  /// Apple stores the matrix `[channels, width]`, turned around here.
  private static let appleHead = "head.proj"

  init(_ file: Checkpoint, layout: EncoderLayout) throws(ConversionError) {
    self.layout = layout
    names = layout.names
    let head = names.at(Self.appleHead)
    if layout == .apple, let tensor = file[head], tensor.shape.count == 2,
      tensor.elementType.isFloat
    {
      do throws(CheckpointError) {
        checkpoint = try file.joined(
          with: file, leavingOut: { $0 == head }, tensors: [file.transposed(tensor)])
      } catch { throw .checkpoint(error) }
    } else {
      checkpoint = file
    }
    tensors = TensorIndex(checkpoint)
  }

  func source() throws(ConversionError) -> (model: SourceModel, report: SourceReport) {
    try refuseOthers()
    var defaults: [SourceReport.Default] = []
    let image = try ContrastiveImage(checkpoint).specification(&defaults)
    var encoder = FastViTHD(tensors: tensors, names: names)
    let vision = try encoder.network(image: image)
    guard case .map(let width, let stride) = vision.network[vision.network.output].shape else {
      preconditionFailure("the encoder's output is a map")
    }
    if image.resolution % stride != 0 {
      throw .configurationValue(
        file: "config.json", key: "input_size", expected: "a multiple of \(stride)",
        found: "\(image.resolution)")
    }
    var networks = [vision.network]
    var bindings = vision.bindings
    if let head = try head(width: width) {
      networks.append(head.network)
      bindings.merge(head.bindings) { $1 }
    }
    let used = Set(bindings.values.joined())
    var report = SourceReport(
      layout: .encoder(layout), forms: encoder.forms, head: nil,
      ignored: try ignored(besides: used), defaults: defaults)
    for name in used { report.elementTypes[tensors[name]?.elementType ?? "", default: 0] += 1 }
    let description = ModelDescription(
      architecture: "mobileclip", networks: networks, image: image, tokenizer: nil, prompt: nil)
    let parameters = SourceParameters(checkpoint: checkpoint, bindings: bindings)
    do throws(ModelError) {
      return (try SourceModel(description: description, parameters: parameters), report)
    } catch { throw .model(error) }
  }

  /// FastViT's classifiers have the same names but compute otherwise: they skip the GELU behind the large kernels.
  private func refuseOthers() throws(ConversionError) {
    let stages = try names.stages(in: tensors)
    let isGated = stages.contains { stage in
      stage.downsample.map { tensors.contains("\($0).proj.0.se") } ?? false
    }
    if stages.count < 5, !isGated {
      throw .unsupportedLayout(
        layout: "FastViT classifier", evidence: "\(stages.last?.downsample ?? names.stem)",
        supported: ["MobileCLIP S0 to S4", "MobileCLIP2 S0 to S4"])
    }
  }

  /// The matrix from the mean of the map to the embedding; `nil` where the file has none.
  private func head(
    width: Int
  ) throws(ConversionError) -> (network: Network, bindings: [String: [String]])? {
    let path = names.at(layout == .apple ? Self.appleHead : "head.fc")
    let weight = layout == .apple ? path : "\(path).weight"
    if tensors[weight] == nil { return nil }
    var source = SourceBuilder(role: .projector, tensors: tensors)
    let rows = source.input("rows", .rows(channels: width))
    let outputs = try source.outputs(ofMatrix: weight, inputs: width)
    let hasBias = layout != .apple && tensors["\(path).bias"] != nil
    let op = Linear(
      inputs: width, outputs: outputs,
      weight: try source.matrix("0.weight", outputs: outputs, inputs: width, from: weight),
      bias: hasBias ? try source.vector("0.bias", outputs, from: "\(path).bias") : nil)
    let output = source.layer("0", .linear(op), rows)
    return try source.finished(output: output)
  }

  private func ignored(
    besides used: Set<String>
  ) throws(ConversionError) -> [SourceReport.IgnoredTensors] {
    var found: [SourceReport.Ignored: [String]] = [:]
    var unknown: [String] = []
    let counter = ".num_batches_tracked"
    for name in checkpoint.names where !used.contains(name) {
      if name.hasSuffix(counter), used.contains(name.dropLast(counter.count) + ".running_var") {
        found[.batchCounter, default: []].append(name)
      } else if ["text_encoder.", "text.", "logit_scale", "logit_bias"].contains(
        where: { name.hasPrefix($0) })
      {
        found[.textEncoder, default: []].append(name)
      } else {
        unknown.append(name)
      }
    }
    if !unknown.isEmpty {
      throw .unknownTensors(count: unknown.count, names: Array(unknown.prefix(8)))
    }
    return SourceReport.Ignored.allCases.compactMap { reason in
      found[reason].map { .init(reason: reason, names: $0) }
    }
  }
}
