/// The two on-disk layouts of FastVLM that are read (reference sections 7.1 and 7.2).
package enum FastVLMLayout: String, CaseIterable, Equatable, Sendable {
  /// Apple's repositories, after LLaVA: `model_type: llava_qwen2`.
  case llava
  /// transformers' own: `model_type: fast_vlm`, the encoder as timm names it.
  case native

  /// The `model_type` of `config.json`.
  package var modelType: String {
    switch self {
    case .llava: "llava_qwen2"
    case .native: "fast_vlm"
    }
  }
}

/// The words in which a layout names the same tensors.
struct FastVLMNames: Sendable {
  let layout: FastVLMLayout
  /// Path of the encoder; empty where its names stand bare.
  private(set) var encoder: String
  private(set) var stem: String
  private(set) var head: String
  /// ConvFFN inside a block.
  let feedForward: String
  let squeezeReduce: String
  let squeezeExpand: String
  /// MobileOne branches in train-time form.
  let convolutionBranches: String
  let scaleBranch: String
  let skipBranch: String
  /// Downsampling kernel, fused and in train-time form.
  let largeKernel: String
  let largeBranch: String
  let smallBranch: String
  /// Positional kernel in train-time form.
  let positionBranch: String
  /// What follows the name of a layer scale.
  let scaleSuffix: String
  /// Fused kernel of everything but the downsampling.
  let fused = "reparam_conv"
  /// Path of the Qwen2 decoder.
  let language: String
  let languageHead = "lm_head.weight"
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

  init(
    layout: FastVLMLayout, encoder: String, stem: String, head: String, feedForward: String,
    squeezeReduce: String, squeezeExpand: String, convolutionBranches: String,
    scaleBranch: String, skipBranch: String, largeKernel: String, largeBranch: String,
    smallBranch: String, positionBranch: String, scaleSuffix: String, language: String,
    projector: String
  ) {
    self.layout = layout
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
    switch layout {
    case .llava: try llavaStages(in: tensors)
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
