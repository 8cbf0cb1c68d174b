/// The on-disk layouts of FastVLM that are read (reference sections 7.1 to 7.3).
package enum FastVLMLayout: String, CaseIterable, Equatable, Sendable {
  /// Apple's repositories, after LLaVA: `model_type: llava_qwen2`.
  case llava
  /// transformers' own: `model_type: fast_vlm`, the encoder as timm names it.
  case native
  /// Apple's export for mlx: the language model and projector, without an encoder.
  case mlx
  /// mlx-vlm's export: the encoder included, its kernels with channels last.
  case mlxCommunity = "mlx-community"

  /// The `model_type` of `config.json`.
  package var modelType: String {
    switch self {
    case .llava, .mlx, .mlxCommunity: "llava_qwen2"
    case .native: "fast_vlm"
    }
  }
}

/// The words in which a layout names the same tensors.
struct FastVLMNames: Sendable {
  /// Of language model and projector.
  let layout: FastVLMLayout
  private(set) var encoderLayout: FastVLMLayout
  /// Path of the encoder; empty where its names stand bare.
  private(set) var encoder: String
  private(set) var stem: String
  private(set) var head: String
  /// ConvFFN inside a block.
  private(set) var feedForward: String
  private(set) var squeezeReduce: String
  private(set) var squeezeExpand: String
  /// MobileOne branches in train-time form.
  private(set) var convolutionBranches: String
  private(set) var scaleBranch: String
  private(set) var skipBranch: String
  /// Downsampling kernel, fused and in train-time form.
  private(set) var largeKernel: String
  private(set) var largeBranch: String
  private(set) var smallBranch: String
  /// Positional kernel in train-time form.
  private(set) var positionBranch: String
  /// What follows the name of a layer scale.
  private(set) var scaleSuffix: String
  /// Fused kernel of everything but the downsampling.
  let fused = "reparam_conv"
  /// Path of the Qwen2 decoder.
  let language: String
  let languageHead: String
  /// Path of the projector.
  let projector: String

  static let llava = FastVLMNames(
    layout: .llava, encoder: "model.vision_tower.vision_tower.model", stem: "patch_embed",
    head: "conv_exp", feedForward: "convffn", squeezeReduce: "se.reduce",
    squeezeExpand: "se.expand", convolutionBranches: "rbr_conv", scaleBranch: "rbr_scale",
    skipBranch: "rbr_skip", largeKernel: "lkb_reparam", largeBranch: "lkb_origin",
    smallBranch: "small_conv", positionBranch: "pe", scaleSuffix: "", language: "model",
    projector: "model.mm_projector")

  static let native = FastVLMNames(
    layout: .native, encoder: "model.vision_tower.timm_model", stem: "stem", head: "final_conv",
    feedForward: "mlp", squeezeReduce: "se.fc1", squeezeExpand: "se.fc2",
    convolutionBranches: "conv_kxk", scaleBranch: "conv_scale", skipBranch: "identity",
    largeKernel: "reparam_conv", largeBranch: "large_conv", smallBranch: "small_conv",
    positionBranch: "pos_enc", scaleSuffix: ".gamma", language: "model.language_model",
    projector: "model.multi_modal_projector")

  /// Apple's words under other paths. The encoder, which lies elsewhere, is found there.
  static let mlx = FastVLMNames(
    layout: .mlx, encoder: llava.encoder, stem: "patch_embed", language: "language_model.model",
    languageHead: "language_model.lm_head.weight", projector: "multi_modal_projector.linear")

  static let mlxCommunity = FastVLMNames(
    layout: .mlxCommunity, encoder: "vision_tower.vision_model", stem: "patch_embed.blocks",
    language: "language_model.model", languageHead: "language_model.lm_head.weight",
    projector: "mm_projector")

  /// Apple's words for the parts of the encoder.
  private init(
    layout: FastVLMLayout, encoder: String, stem: String, language: String, languageHead: String,
    projector: String
  ) {
    self.init(
      layout: layout, encoder: encoder, stem: stem, head: "conv_exp", feedForward: "convffn",
      squeezeReduce: "se.reduce", squeezeExpand: "se.expand", convolutionBranches: "rbr_conv",
      scaleBranch: "rbr_scale", skipBranch: "rbr_skip", largeKernel: "lkb_reparam",
      largeBranch: "lkb_origin", smallBranch: "small_conv", positionBranch: "pe", scaleSuffix: "",
      language: language, languageHead: languageHead, projector: projector)
  }

  /// The words of a layout, the encoder's in those of another.
  static func names(_ layout: FastVLMLayout, encoder: FastVLMLayout) -> FastVLMNames {
    var names = names(layout)
    let other = self.names(encoder)
    names.encoderLayout = encoder
    names.encoder = other.encoder
    names.stem = other.stem
    names.head = other.head
    names.feedForward = other.feedForward
    names.squeezeReduce = other.squeezeReduce
    names.squeezeExpand = other.squeezeExpand
    names.convolutionBranches = other.convolutionBranches
    names.scaleBranch = other.scaleBranch
    names.skipBranch = other.skipBranch
    names.largeKernel = other.largeKernel
    names.largeBranch = other.largeBranch
    names.smallBranch = other.smallBranch
    names.positionBranch = other.positionBranch
    names.scaleSuffix = other.scaleSuffix
    return names
  }

  /// What this layout calls LLaVA's `mm_projector.<rest>`.
  func projectorTensor(_ rest: String) -> String {
    switch layout {
    case .llava, .mlxCommunity: return "\(projector).\(rest)"
    case .mlx: return "\(projector)_\(rest)"
    case .native:
      let parts = rest.split(separator: ".", maxSplits: 1)
      guard parts.count == 2, let number = Int(parts[0]) else { return "\(projector).\(rest)" }
      return "\(projector).linear_\(number / 2 + 1).\(parts[1])"
    }
  }

  init(
    layout: FastVLMLayout, encoder: String, stem: String, head: String, feedForward: String,
    squeezeReduce: String, squeezeExpand: String, convolutionBranches: String,
    scaleBranch: String, skipBranch: String, largeKernel: String, largeBranch: String,
    smallBranch: String, positionBranch: String, scaleSuffix: String, language: String,
    languageHead: String = "lm_head.weight", projector: String
  ) {
    self.layout = layout
    encoderLayout = layout
    self.encoder = encoder
    self.stem = "\(encoder).\(stem)"
    self.head = "\(encoder).\(head)"
    self.feedForward = feedForward
    self.squeezeReduce = squeezeReduce
    self.squeezeExpand = squeezeExpand
    self.convolutionBranches = convolutionBranches
    self.scaleBranch = scaleBranch
    self.skipBranch = skipBranch
    self.largeKernel = largeKernel
    self.largeBranch = largeBranch
    self.smallBranch = smallBranch
    self.positionBranch = positionBranch
    self.scaleSuffix = scaleSuffix
    self.language = language
    self.languageHead = languageHead
    self.projector = projector
  }

  /// The path of something inside the encoder.
  func at(_ path: String) -> String { encoder.isEmpty ? path : "\(encoder).\(path)" }

  /// The same words for an encoder that lies elsewhere.
  func withEncoder(at path: String) -> FastVLMNames {
    let (stem, head) = (stem.dropFirst(encoder.count + 1), head.dropFirst(encoder.count + 1))
    var moved = self
    moved.encoder = path
    moved.stem = moved.at(String(stem))
    moved.head = moved.at(String(head))
    return moved
  }

  static func names(_ layout: FastVLMLayout) -> FastVLMNames {
    switch layout {
    case .llava: llava
    case .native: native
    case .mlx: mlx
    case .mlxCommunity: mlxCommunity
    }
  }

  /// Where the parts of a stage lie.
  struct Stage: Equatable {
    var downsample: String?
    var position: String?
    var blocks: String
  }

  /// The stages that a checkpoint has.
  /// - Throws: `missingTensor` where the numbering has a hole or a stage no blocks.
  func stages(in tensors: TensorIndex) throws(ConversionError) -> [Stage] {
    switch encoderLayout {
    case .llava, .mlx, .mlxCommunity: try llavaStages(in: tensors)
    case .native: try nativeStages(in: tensors)
    }
  }

  /// LLaVA numbers downsampling, positional kernel and blocks of all stages in one flat list.
  private func llavaStages(in tensors: TensorIndex) throws(ConversionError) -> [Stage] {
    var stages: [Stage] = []
    var (downsample, position): (String?, String?)
    let count = try tensors.count(under: at("network"))
    for index in 0..<count {
      let path = at("network.\(index)")
      if tensors.contains("\(path).proj") {
        downsample = path
      } else if tensors.contains("\(path).\(fused)")
        || tensors.contains("\(path).\(positionBranch)")
      {
        position = path
      } else {
        stages.append(Stage(downsample: downsample, position: position, blocks: path))
        (downsample, position) = (nil, nil)
      }
    }
    if stages.isEmpty || downsample != nil || position != nil {
      throw .missingTensor(name: at("network.\(count)"), shape: nil, nearest: nil)
    }
    return stages
  }

  private func nativeStages(in tensors: TensorIndex) throws(ConversionError) -> [Stage] {
    var stages: [Stage] = []
    for index in 0..<max(1, try tensors.count(under: at("stages"))) {
      let path = at("stages.\(index)")
      if !tensors.contains("\(path).blocks") {
        throw .missingTensor(name: "\(path).blocks.0", shape: nil, nearest: nil)
      }
      stages.append(
        Stage(
          downsample: tensors.contains("\(path).downsample") ? "\(path).downsample" : nil,
          position: tensors.contains("\(path).pos_emb") ? "\(path).pos_emb" : nil,
          blocks: "\(path).blocks"))
    }
    return stages
  }
}
