import MartletBytes
import MartletCheckpoints
import MartletModel

/// What a checkpoint is. A new architecture is a case here and a file beside this one.
package enum Architecture: Equatable, Sendable {
  /// Apple's FastVLM: FastViTHD, a projector and Qwen2 (arXiv 2412.13303).
  case fastVLM(FastVLMLayout)
  /// The image encoder of MobileCLIP or MobileCLIP2, S0 to S4.
  case mobileCLIP(EncoderLayout)

  /// The values of `model_type` that are read.
  package static let supportedModelTypes =
    [FastVLMLayout.llava, .native].map(\.modelType)
    + [FastVLMConfiguration.Decoder.Family.llamaModelType]

  /// Recognizes a checkpoint by its tensor names, then by its configuration (reference section 7.6).
  /// - Throws: `unsupportedLayout` for layouts that are known but not read, `unknownArchitecture` for everything else.
  package static func detect(_ checkpoint: Checkpoint) throws(ConversionError) -> Architecture {
    let modelType = checkpoint.config?["model_type"]?.string
    for foreign in ForeignLayout.allCases {
      if let evidence = foreign.evidence(in: checkpoint.names) {
        throw .unsupportedLayout(
          layout: foreign.rawValue, evidence: evidence, supported: supportedModelTypes)
      }
    }
    if let layout = EncoderLayout.detect(checkpoint.names) { return .mobileCLIP(layout) }
    if let modelType {
      if modelType == FastVLMConfiguration.Decoder.Family.llamaModelType { return .fastVLM(.llava) }
      for layout in FastVLMLayout.allCases where layout.modelType == modelType {
        // A native file under Apple's `model_type` is still native, and the other way round.
        return .fastVLM(storedLayout(checkpoint.names) ?? layout)
      }
    } else if let layout = storedLayout(checkpoint.names) {
      return .fastVLM(layout)
    }
    throw .unknownArchitecture(
      modelType: modelType,
      architectures: (checkpoint.config?["architectures"]?.array ?? []).compactMap(\.string),
      supported: supportedModelTypes,
      nearest: modelType.flatMap { NearestName.nearest(to: $0, among: supportedModelTypes) })
  }

  /// The layout in whose words language model and projector are named or, without either, the encoder.
  static func storedLayout(_ names: [String]) -> FastVLMLayout? {
    if names.contains(where: { $0.hasPrefix("language_model.model.") }) {
      let apple = FastVLMNames.mlx.projector + "_"
      return names.contains { $0.hasPrefix(apple) } ? .mlx : .mlxCommunity
    }
    return encoderLayout(names)
  }

  /// The layout in whose words the encoder is named; `nil` without one.
  static func encoderLayout(_ names: [String]) -> FastVLMLayout? {
    for layout in [FastVLMLayout.llava, .native, .mlxCommunity] {
      let prefix = FastVLMNames.names(layout).encoder + "."
      if names.contains(where: { $0.hasPrefix(prefix) }) { return layout }
    }
    return nil
  }

  /// Builds the networks of a checkpoint.
  ///
  /// - Parameter languageSource: a GGUF file that takes the place of the checkpoint's language model.
  func source(
    of checkpoint: Checkpoint, languageSource: Checkpoint? = nil
  ) throws(ConversionError) -> (model: SourceModel, report: SourceReport) {
    switch self {
    case .mobileCLIP(let layout):
      if let languageSource {
        throw .unsupportedLayout(
          layout: "encoder without a projector", evidence: checkpoint.path,
          supported: ["a FastVLM to join '\(languageSource.path)' to"])
      }
      return try MobileCLIP(checkpoint, layout: layout).source()
    case .fastVLM(let layout):
      return try FastVLM(
        checkpoint, layout: layout,
        languageSource: languageSource.map { (file) throws(ConversionError) in
          try GGUFLanguage(file)
        }
      ).source()
    }
  }
}

/// Layouts of FastVLM and its encoder that exist but are not read, told by a prefix of tensor names.
private enum ForeignLayout: String, CaseIterable {
  case adapter = "LLaVA adapter"
  case transformer = "MobileCLIP-B, a vision transformer"
  case gguf = "GGUF language model"

  private var prefixes: [String] {
    switch self {
    case .adapter: ["base_model.model."]
    case .gguf: ["token_embd."]
    case .transformer:
      [
        "image_encoder.model.patch_emb.", "image_encoder.model.transformer.",
        "visual.trunk.blocks.", "visual.trunk.patch_embed.",
      ]
    }
  }

  /// The first name that shows the layout.
  func evidence(in names: [String]) -> String? {
    names.first { name in prefixes.contains { name.hasPrefix($0) } }
  }
}
