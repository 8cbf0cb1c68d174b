import MartletBytes
import MartletCheckpoints

/// `config.json` and its neighbors, with the keys of the real repositories (reference sections 7.1 and 7.2).
struct ConfigurationTexts {
  let shape: ModelShape
  let layout: SynthesisLayout
  /// The type of the stored floats.
  let type: ElementType
  let vocabulary: SyntheticVocabulary

  private static let endOfText = 0
  private static let imEnd = 2

  private func id(_ added: Int) -> JSONValue { JSONValue(shape.vocabulary + added) }

  var files: [TextBeside] {
    switch layout {
    case .llava, .llavaTrain:
      [TextBeside("config.json", llava), TextBeside("generation_config.json", generation)]
    case .native:
      [
        TextBeside("config.json", native), TextBeside("generation_config.json", generation),
        TextBeside("preprocessor_config.json", preprocessor),
        TextBeside("processor_config.json", processor),
      ]
    }
  }

  /// How transformers names the type.
  private var typeName: JSONValue { type == .bfloat16 ? "bfloat16" : "float32" }

  private var llava: JSONValue {
    let decoder = shape.decoder
    return [
      "architectures": ["LlavaQwen2ForCausalLM"], "attention_dropout": 0,
      "bos_token_id": id(Self.endOfText), "eos_token_id": id(Self.imEnd),
      "freeze_mm_mlp_adapter": false, "hidden_act": "silu",
      "hidden_size": JSONValue(decoder.hidden), "image_aspect_ratio": "pad",
      "image_grid_pinpoints": .null, "initializer_range": JSONValue(0.02),
      "intermediate_size": JSONValue(decoder.inner), "max_position_embeddings": 32768,
      "max_window_layers": JSONValue(decoder.layers),
      "mm_hidden_size": JSONValue(shape.encoder.outputWidth), "mm_patch_merge_type": "flat",
      "mm_projector_lr": .null, "mm_projector_type": "mlp2x_gelu", "mm_use_im_patch_token": false,
      "mm_use_im_start_end": false, "mm_vision_select_feature": "patch",
      "mm_vision_select_layer": -2,
      "mm_vision_tower": .string("mobileclip_l_\(shape.resolution)"),
      "model_type": "llava_qwen2", "num_attention_heads": JSONValue(decoder.heads),
      "num_hidden_layers": JSONValue(decoder.layers),
      "num_key_value_heads": JSONValue(decoder.keyValueHeads), "rms_norm_eps": JSONValue(1e-6),
      "rope_theta": JSONValue(1e6), "sliding_window": 32768,
      "tie_word_embeddings": JSONValue(decoder.isTied), "tokenizer_model_max_length": 8192,
      "tokenizer_padding_side": "right", "torch_dtype": typeName,
      "transformers_version": "4.39.3", "tune_mm_mlp_adapter": false,
      "unfreeze_mm_vision_tower": true, "use_cache": true, "use_mm_proj": true,
      "use_sliding_window": false, "vocab_size": JSONValue(shape.embeddingRows(layout)),
    ]
  }

  private var native: JSONValue {
    let decoder = shape.decoder
    let side = shape.resolution / 64
    let text: JSONValue = [
      "attention_dropout": 0, "bos_token_id": id(Self.endOfText),
      "eos_token_id": id(Self.imEnd), "hidden_act": "silu",
      "hidden_size": JSONValue(decoder.hidden), "initializer_range": JSONValue(0.02),
      "intermediate_size": JSONValue(decoder.inner),
      "layer_types": .array(
        [JSONValue](repeating: "full_attention", count: decoder.layers)),
      "max_position_embeddings": 32768, "max_window_layers": 28, "model_type": "qwen2",
      "num_attention_heads": JSONValue(decoder.heads),
      "num_hidden_layers": JSONValue(decoder.layers),
      "num_key_value_heads": JSONValue(decoder.keyValueHeads),
      "pad_token_id": id(Self.endOfText), "rms_norm_eps": JSONValue(1e-6),
      "rope_parameters": ["rope_theta": JSONValue(1e6), "rope_type": "default"],
      "sliding_window": .null, "tie_word_embeddings": JSONValue(decoder.isTied),
      "use_cache": true, "use_sliding_window": false,
      "vocab_size": JSONValue(shape.embeddingRows(layout)),
    ]
    let vision: JSONValue = [
      "architecture": "fastvit_mci3", "do_pooling": true, "global_pool": "avg",
      "hidden_size": JSONValue(shape.encoder.outputWidth), "initializer_range": JSONValue(0.02),
      "label_names": ["LABEL_0", "LABEL_1"],
      "model_args": [
        "embed_dims": .array(shape.encoder.widths.map { JSONValue($0) }),
        "inference_mode": true, "layers": .array(shape.encoder.depths.map { JSONValue($0) }),
      ],
      "model_type": "timm_wrapper", "num_classes": 2,
    ]
    return [
      "architectures": ["FastVlmForConditionalGeneration"], "dtype": typeName,
      "image_seq_length": JSONValue(side * side),
      "image_token_index": JSONValue(vocabulary.imageID),
      "model_type": "fast_vlm", "multimodal_projector_bias": true,
      "projector_hidden_act": "gelu", "text_config": text,
      "tie_word_embeddings": JSONValue(decoder.isTied), "transformers_version": "5.23.0",
      "vision_config": vision, "vision_feature_layer": -1,
      "vision_feature_select_strategy": "full",
    ]
  }

  private var generation: JSONValue {
    [
      "bos_token_id": id(Self.endOfText), "do_sample": true,
      "eos_token_id": [id(Self.imEnd), id(Self.endOfText)], "pad_token_id": id(Self.endOfText),
      "temperature": .null, "top_p": .null,
    ]
  }

  private var preprocessor: JSONValue {
    let side = JSONValue(shape.resolution)
    return [
      "crop_size": ["height": side, "width": side], "do_center_crop": true,
      "do_convert_rgb": true, "do_normalize": true, "do_rescale": true, "do_resize": true,
      "image_mean": [JSONValue(0.0), JSONValue(0.0), JSONValue(0.0)],
      "image_processor_type": "CLIPImageProcessor",
      "image_std": [JSONValue(1.0), JSONValue(1.0), JSONValue(1.0)],
      "processor_class": "LlavaProcessor", "resample": 3,
      "rescale_factor": JSONValue(1.0 / 255), "size": ["shortest_edge": side],
    ]
  }

  private var processor: JSONValue {
    [
      "image_token": "<image>", "num_additional_image_tokens": 0, "patch_size": 64,
      "processor_class": "LlavaProcessor", "vision_feature_select_strategy": "full",
    ]
  }
}
