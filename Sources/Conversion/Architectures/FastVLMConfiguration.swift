import MartletBytes
import MartletModel

/// What `config.json` and its neighbors say about a FastVLM, typed. Sizes are optional where tensors tell them too; what is
/// stated is compared with the tensors when the networks are built.
struct FastVLMConfiguration: Equatable {
  /// The decoder, Qwen2 or of Llama's form, which computes the same without biases.
  struct Decoder: Equatable {
    var family = Family.qwen2
    var hiddenSize: Int?
    var layers: Int?
    var heads: Int
    var keyValueHeads: Int?
    var headSize: Int?
    var innerSize: Int?
    var vocabularyRows: Int?
    var eps: Float
    var theta: Float
    var isTied: Bool
    /// Whether queries, keys and values have biases: Qwen2's have.
    var hasAttentionBiases = true
  }

  var decoder: Decoder
  /// Linear layers of the projector, if stated.
  var projectorDepth: Int?
  /// LLaVA's always has; transformers' can be told not to.
  var projectorHasBiases = true
  /// Width of the encoder's rows, if stated.
  var encoderWidth: Int?
  var image: ImageSpecification
  var endIDs: [Int]
  var maximumTokens: Int
  /// Settings that no file states.
  var defaults: [SourceReport.Default] = []

  private static let file = "config.json"
  /// The only resolution that was ever released; for checkpoints that do not say.
  private static let releasedResolution = 1024
  /// `tokenizer_model_max_length` of every release.
  private static let releasedMaximumTokens = 8192

  /// - Parameters:
  ///   - preprocessor: `preprocessor_config.json`, if the checkpoint has one.
  ///   - generation: `generation_config.json`, if the checkpoint has one.
  init(
    _ value: JSONValue, layout: FastVLMLayout, preprocessor: JSONValue?, generation: JSONValue?
  ) throws(ConversionError) {
    let top = ConfigurationReader(file: Self.file, value)
    var text = top
    if layout == .native {
      guard let nested = try top.object("text_config") else { throw top.missing("text_config") }
      text = nested
    }
    let family: Decoder.Family =
      try top.string("model_type") == Decoder.Family.llamaModelType ? .llama : .qwen2
    if family == .llama { try LlamaSettings.check(top) }
    try Self.refuseUnsupported(top, text, layout)
    var defaults: [SourceReport.Default] = []
    decoder = try Self.decoder(text, top, family, &defaults)
    projectorDepth = try Self.projectorDepth(top, layout)
    if layout == .native {
      projectorHasBiases = try top.bool("multimodal_projector_bias") ?? true
    }
    if layout != .native { encoderWidth = try top.size("mm_hidden_size") }
    if let vision = try top.object("vision_config"), layout == .native {
      encoderWidth = try vision.size("hidden_size")
    }
    image = try Self.image(top, preprocessor, &defaults)
    endIDs = try text.ids("eos_token_id")
    if layout == .native { endIDs += try top.ids("eos_token_id") }
    if let generation {
      let reader = ConfigurationReader(file: "generation_config.json", generation)
      endIDs += try reader.ids("eos_token_id")
    }
    if let stated = try top.size("tokenizer_model_max_length") {
      maximumTokens = stated
    } else {
      maximumTokens = Self.releasedMaximumTokens
      defaults.append(.init(setting: "tokenizer_model_max_length", value: "\(maximumTokens)"))
    }
    if let positions = try text.size("max_position_embeddings") {
      maximumTokens = min(maximumTokens, positions)
    }
    self.defaults = defaults
  }

  private static func decoder(
    _ text: ConfigurationReader, _ top: ConfigurationReader, _ family: Decoder.Family,
    _ defaults: inout [SourceReport.Default]
  ) throws(ConversionError) -> Decoder {
    guard let heads = try text.size("num_attention_heads") else {
      throw text.missing("num_attention_heads")
    }
    // transformers 5 moved theta into an object of its own.
    var theta = try text.positive("rope_theta")
    if let rope = try text.object("rope_parameters"), rope.has("rope_theta") {
      theta = try rope.positive("rope_theta")
    }
    if theta == nil, family == .llama {
      theta = LlamaSettings.theta
      defaults.append(.init(setting: "rope_theta", value: "\(Int(LlamaSettings.theta))"))
    }
    guard let theta else { throw text.missing("rope_theta") }
    var eps = try text.positive("rms_norm_eps")
    if eps == nil {
      eps = 1e-6
      defaults.append(.init(setting: "rms_norm_eps", value: "1e-06"))
    }
    var isTied = try text.bool("tie_word_embeddings") ?? false
    if try top.bool("tie_word_embeddings") ?? false { isTied = true }
    return Decoder(
      family: family, hiddenSize: try text.size("hidden_size"),
      layers: try text.size("num_hidden_layers"),
      heads: heads, keyValueHeads: try text.size("num_key_value_heads"),
      headSize: try text.size("head_dim"), innerSize: try text.size("intermediate_size"),
      vocabularyRows: try text.size("vocab_size"), eps: eps ?? 1e-6, theta: theta, isTied: isTied,
      hasAttentionBiases: family == .qwen2)
  }

  /// LLaVA's names of projectors: `linear`, `mlp<N>x_gelu`. transformers' FastVLM always has two layers.
  private static func projectorDepth(
    _ top: ConfigurationReader, _ layout: FastVLMLayout
  ) throws(ConversionError) -> Int? {
    if layout == .native { return 2 }
    guard let type = try top.string("mm_projector_type") else { return nil }
    if type == "linear" { return 1 }
    if type.hasPrefix("mlp"), type.hasSuffix("x_gelu"),
      let depth = Int(type.dropFirst(3).dropLast(6)), depth > 0, depth <= 16
    {
      return depth
    }
    throw top.wrong("mm_projector_type", "linear or mlp<N>x_gelu", found: type)
  }

  /// Settings that would change the computation in ways that are not built.
  private static func refuseUnsupported(
    _ top: ConfigurationReader, _ text: ConfigurationReader, _ layout: FastVLMLayout
  ) throws(ConversionError) {
    func only(
      _ reader: ConfigurationReader, _ key: String, _ allowed: [String]
    ) throws(ConversionError) {
      if let found = try reader.string(key), !allowed.contains(found) {
        throw reader.wrong(key, allowed.joined(separator: " or "), found: found)
      }
    }
    func never(_ reader: ConfigurationReader, _ key: String) throws(ConversionError) {
      if try reader.bool(key) == true { throw reader.wrong(key, "false", found: "true") }
    }
    if let rope = try text.object("rope_parameters") { try only(rope, "rope_type", ["default"]) }
    if let scaling = try text.object("rope_scaling") {
      try only(scaling, "type", ["default"])
      try only(scaling, "rope_type", ["default"])
    }
    try only(text, "hidden_act", ["silu"])
    try never(text, "use_sliding_window")
    switch layout {
    case .llava, .mlx, .mlxCommunity:
      try only(top, "mm_patch_merge_type", ["flat"])
      try never(top, "mm_use_im_start_end")
      try never(top, "mm_use_im_patch_token")
    case .native:
      try only(top, "projector_hidden_act", ["gelu"])
      try only(top, "vision_feature_select_strategy", ["full"])
      try only(text, "model_type", ["qwen2"])
    }
    // mlx's was undone where the tensors were read.
    if layout == .mlx || layout == .mlxCommunity { return }
    if top.has("quantization") || top.has("quantization_config") {
      throw top.wrong("quantization", "a checkpoint in float", found: "quantized weights")
    }
  }

  // MARK: Pictures

  private static func image(
    _ top: ConfigurationReader, _ preprocessor: JSONValue?,
    _ defaults: inout [SourceReport.Default]
  ) throws(ConversionError) -> ImageSpecification {
    var processor: ConfigurationReader?
    if let preprocessor {
      // transformers 5 nests the image part in `processor_config.json`.
      let reader = ConfigurationReader(file: "preprocessor_config.json", preprocessor)
      processor = try reader.object("image_processor") ?? reader
    }
    if let processor { try refuseUnsupported(processor) }
    var specification = ImageSpecification(
      resolution: try resolution(top, processor, &defaults), fit: try fit(top, &defaults))
    guard let processor else {
      defaults.append(.init(setting: "image_mean and image_std", value: "0 and 1"))
      return specification
    }
    if try processor.bool("do_normalize") == false { return specification }
    specification.mean = try processor.perChannel("image_mean") ?? specification.mean
    if let deviations = try processor.perChannel("image_std") {
      if deviations.contains(where: { $0 <= 0 }) {
        throw processor.wrong("image_std", "three positive numbers", found: "\(deviations)")
      }
      specification.standardDeviation = deviations
    }
    // LLaVA pads with the mean color: `int(mean · 255)` per channel.
    specification.fill = specification.mean.map { UInt8(min(255, max(0, $0 * 255))) }
    return specification
  }

  /// Settings of an image processor that would give other pixels.
  private static func refuseUnsupported(
    _ processor: ConfigurationReader
  ) throws(ConversionError) {
    if let rescale = try processor.positive("rescale_factor"), abs(rescale * 255 - 1) > 1e-4 {
      throw processor.wrong("rescale_factor", "1 / 255", found: "\(rescale)")
    }
    if try processor.bool("do_rescale") == false {
      throw processor.wrong("do_rescale", "true", found: "false")
    }
    if let resample = try processor.size("resample"), resample != 3 {
      throw processor.wrong("resample", "3 (bicubic)", found: "\(resample)")
    }
  }

  /// Side of the network's picture: the processor's crop, or the last piece of the tower's name.
  private static func resolution(
    _ top: ConfigurationReader, _ processor: ConfigurationReader?,
    _ defaults: inout [SourceReport.Default]
  ) throws(ConversionError) -> Int {
    if let processor, let crop = try processor.side("crop_size") {
      // Resized to one side and cut to another, the picture would lose its border.
      if let resized = try processor.side("size"), resized != crop {
        throw processor.wrong("size", "the crop's \(crop)", found: "\(resized)")
      }
      return crop
    }
    if let tower = try top.string("mm_vision_tower"),
      let side = tower.split(separator: "_").last.flatMap({ Int($0) })
    {
      if side <= 0 || side > 1 << 16 {
        throw top.wrong("mm_vision_tower", "a name ending in _<resolution>", found: tower)
      }
      return side
    }
    defaults.append(.init(setting: "resolution", value: "\(releasedResolution)"))
    return releasedResolution
  }

  private static func fit(
    _ top: ConfigurationReader, _ defaults: inout [SourceReport.Default]
  ) throws(ConversionError) -> ImageSpecification.Fit {
    guard let ratio = try top.string("image_aspect_ratio") else {
      defaults.append(.init(setting: "image_aspect_ratio", value: "pad"))
      return .pad
    }
    if ratio == "pad" { return .pad }
    if ratio.hasPrefix("anyres") {
      throw top.wrong("image_aspect_ratio", "pad, square or crop", found: ratio)
    }
    return .crop
  }
}
