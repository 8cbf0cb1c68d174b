import MartletBytes
import MartletModel

extension FastVLMConfiguration.Decoder {
  /// Whose conventions a decoder follows: what is stated, what is assumed, how it is spoken to.
  enum Family: Equatable {
    case qwen2
    /// Llama and its descendants, Vicuna among them, as in LLaVA-1.5: no biases, a tokenizer after SentencePiece.
    case llama

    /// `model_type` of LLaVA checkpoints with such a decoder.
    static let llamaModelType = "llava_llama"
  }
}

/// What `config.json` of a LLaVA checkpoint with Llama's decoder may say.
enum LlamaSettings {
  /// transformers' own default (`LlamaConfig`).
  static let theta: Float = 10000

  /// Settings that are read or compared elsewhere, and those that do not touch what is computed here.
  private static let known: Set<String> = [
    "_name_or_path", "architectures", "attention_bias", "attention_dropout", "bos_token_id",
    "dtype",
    "eos_token_id", "freeze_mm_mlp_adapter", "freeze_mm_vision_resampler", "head_dim", "hidden_act",
    "hidden_size", "image_aspect_ratio", "image_grid_pinpoints", "initializer_range",
    "intermediate_size", "max_length", "max_position_embeddings", "mlp_bias", "mm_hidden_size",
    "mm_patch_merge_type", "mm_projector_lr", "mm_projector_type", "mm_resampler_type",
    "mm_use_im_patch_token", "mm_use_im_start_end", "mm_vision_select_feature",
    "mm_vision_select_layer", "mm_vision_tower", "mm_vision_tower_lr", "model_type",
    "num_attention_heads", "num_hidden_layers", "num_key_value_heads", "pad_token_id",
    "pretraining_tp", "quantization", "quantization_config", "rms_norm_eps", "rope_parameters",
    "rope_scaling", "rope_theta", "tie_word_embeddings", "tokenizer_model_max_length",
    "tokenizer_padding_side", "torch_dtype", "transformers_version", "tune_mm_mlp_adapter",
    "tune_mm_vision_resampler", "unfreeze_mm_vision_tower", "use_cache", "use_mm_proj",
    "vision_tower_pretrained", "vocab_size",
  ]

  /// - Throws: `configurationValue` for a setting that is not known, or that asks for what is not built.
  static func check(_ top: ConfigurationReader) throws(ConversionError) {
    for key in top.keys where !known.contains(key) && top.has(key) {
      throw top.wrong(key, "no such setting", found: "a setting that this version does not know")
    }
    for key in ["attention_bias", "mlp_bias"] where try top.bool(key) == true {
      throw top.wrong(key, "false", found: "true")
    }
    if let parts = try top.size("pretraining_tp"), parts != 1 {
      // Products in so many parts round otherwise.
      throw top.wrong("pretraining_tp", "1", found: "\(parts)")
    }
    if let resampler = try top.string("mm_resampler_type") {
      throw top.wrong("mm_resampler_type", "null", found: resampler)
    }
  }

  /// `conv_vicuna_v1` of LLaVA's conversation templates, which LLaVA-1.5 is trained and used with.
  ///
  /// The first token is written out, as the tokenizer puts nothing in front by itself.
  static func prompt(begin: String) -> PromptTemplate {
    PromptTemplate(
      opening: begin
        + "A chat between a curious user and an artificial intelligence assistant. "
        + "The assistant gives helpful, detailed, and polite answers to the user's questions. USER: ",
      separator: "\n", closing: " ASSISTANT:", stopIDs: [], maximumTokens: 0)
  }
}
