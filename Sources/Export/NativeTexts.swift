import MartletBytes
import MartletModel
import MartletText

/// The files beside the weights in transformers' native layout.
struct NativeTexts {
  let description: ModelDescription
  let outline: DecoderOutline
  let tokenizer: TokenizerSpecification
  let template: PromptTemplate
  /// The id of `<image>`.
  let imageID: Int
  /// Of the embedding as it is written.
  let rows: Int
  let widths: [Int]
  let depths: [Int]

  var files: [(name: String, text: String)] {
    [
      ("config.json", configuration), ("generation_config.json", generation),
      ("preprocessor_config.json", preprocessor), ("processor_config.json", processor),
      ("tokenizer_config.json", tokenizerConfiguration), ("tokenizer.json", tokenizerFile),
    ].map { ($0.0, $0.1.text(.indented) + "\n") }
  }

  /// Tokens in front of the vocabulary, `<image>` among them.
  private var added: [TokenizerSpecification.AddedToken] {
    var added = tokenizer.addedTokens
    if !added.contains(where: { $0.id == imageID }) {
      added.append(.init(id: imageID, content: "<image>", isSpecial: true))
    }
    return added
  }

  private func id(_ content: String) -> JSONValue {
    added.first { $0.content == content }.map { JSONValue($0.id) } ?? .null
  }

  private var configuration: JSONValue {
    let layout = outline.layout
    let isTied = JSONValue.bool(outline.head.weight == outline.embedding.weight)
    let text: JSONValue = [
      "attention_dropout": 0, "bos_token_id": id("<|endoftext|>"),
      "eos_token_id": template.stopIDs.first.map { JSONValue($0) } ?? .null, "hidden_act": "silu",
      "hidden_size": JSONValue(outline.embedding.channels),
      "head_dim": JSONValue(layout.headSize), "intermediate_size": JSONValue(outline.innerSize),
      "layer_types": .array(
        [JSONValue](repeating: "full_attention", count: outline.blocks.count)),
      "max_position_embeddings": JSONValue(max(32768, template.maximumTokens)),
      "model_type": "qwen2", "num_attention_heads": JSONValue(layout.heads),
      "num_hidden_layers": JSONValue(outline.blocks.count),
      "num_key_value_heads": JSONValue(layout.keyValueHeads),
      "pad_token_id": id("<|endoftext|>"), "rms_norm_eps": JSONValue(Double(outline.eps)),
      "rope_parameters": [
        "rope_theta": JSONValue(Double(outline.theta)), "rope_type": "default",
      ],
      "sliding_window": .null, "tie_word_embeddings": isTied, "use_cache": true,
      "use_sliding_window": false, "vocab_size": JSONValue(rows),
    ]
    let encoder = description.network(.vision)
    let width = encoder.map { $0[$0.output].shape.channels } ?? 0
    let vision: JSONValue = [
      "architecture": "fastvit_mci3", "do_pooling": true, "global_pool": "avg",
      "hidden_size": JSONValue(width),
      "model_args": [
        "embed_dims": .array(widths.map { JSONValue($0) }), "inference_mode": true,
        "layers": .array(depths.map { JSONValue($0) }),
      ],
      "model_type": "timm_wrapper",
    ]
    let side = description.image.resolution / 64
    return [
      "architectures": ["FastVlmForConditionalGeneration"], "dtype": "float32",
      "image_aspect_ratio": .string(description.image.fit == .pad ? "pad" : "crop"),
      "image_seq_length": JSONValue(side * side), "image_token_index": JSONValue(imageID),
      "model_type": "fast_vlm", "multimodal_projector_bias": true,
      "projector_hidden_act": "gelu", "text_config": text, "tie_word_embeddings": isTied,
      "tokenizer_model_max_length": JSONValue(template.maximumTokens), "vision_config": vision,
      "vision_feature_layer": -1, "vision_feature_select_strategy": "full",
    ]
  }

  private var generation: JSONValue {
    [
      "bos_token_id": id("<|endoftext|>"), "do_sample": false,
      "eos_token_id": .array(template.stopIDs.map { JSONValue($0) }),
      "pad_token_id": id("<|endoftext|>"),
    ]
  }

  private var preprocessor: JSONValue {
    let side = JSONValue(description.image.resolution)
    return [
      "crop_size": ["height": side, "width": side], "do_center_crop": true,
      "do_convert_rgb": true, "do_normalize": true, "do_rescale": true, "do_resize": true,
      "image_mean": .array(description.image.mean.map { JSONValue(Double($0)) }),
      "image_processor_type": "CLIPImageProcessor",
      "image_std": .array(description.image.standardDeviation.map { JSONValue(Double($0)) }),
      "processor_class": "LlavaProcessor", "resample": 3, "rescale_factor": JSONValue(1.0 / 255),
      "size": ["shortest_edge": side],
    ]
  }

  private var processor: JSONValue {
    [
      "image_token": "<image>", "num_additional_image_tokens": 0, "patch_size": 64,
      "processor_class": "LlavaProcessor", "vision_feature_select_strategy": "full",
    ]
  }

  // MARK: Tokenizer

  private func entry(_ token: TokenizerSpecification.AddedToken) -> [(String, JSONValue)] {
    [
      ("content", .string(token.content)), ("single_word", false), ("lstrip", false),
      ("rstrip", false), ("normalized", false), ("special", .bool(token.isSpecial)),
    ]
  }

  private func object(_ members: [(String, JSONValue)]) -> JSONValue {
    var object = JSONObject()
    for (key, value) in members { _ = object.append(key, value) }
    return .object(object)
  }

  private var tokenizerConfiguration: JSONValue {
    [
      "add_prefix_space": false,
      "added_tokens_decoder": object(added.map { ("\($0.id)", object(entry($0))) }),
      "bos_token": .null, "clean_up_tokenization_spaces": false, "eos_token": "<|im_end|>",
      "errors": "replace", "image_token": "<image>",
      "model_max_length": JSONValue(template.maximumTokens), "pad_token": "<|endoftext|>",
      "padding_side": "right", "split_special_tokens": false, "tokenizer_class": "Qwen2Tokenizer",
      "unk_token": .null,
    ]
  }

  private var tokenizerFile: JSONValue {
    let spelled = tokenizer.tokens.map(ByteAlphabet.spelling)
    let byteLevel: JSONValue = [
      "type": "ByteLevel", "add_prefix_space": false, "trim_offsets": false, "use_regex": false,
    ]
    let vocabulary = spelled.enumerated().filter { !$0.element.isEmpty }
      .map { ($0.element, JSONValue($0.offset)) }
    let merges = tokenizer.merges.map { merge -> JSONValue in
      [.string(spelled[Int(merge.left)]), .string(spelled[Int(merge.right)])]
    }
    return [
      "version": "1.0", "truncation": .null, "padding": .null,
      "added_tokens": .array(
        added.map { object([("id", JSONValue($0.id))] + entry($0)) }),
      "normalizer": ["type": "NFC"],
      "pre_tokenizer": [
        "type": "Sequence",
        "pretokenizers": [
          [
            "type": "Split", "pattern": ["Regex": .string(Qwen2Splitter.pattern)],
            "behavior": "Isolated", "invert": false,
          ],
          byteLevel,
        ],
      ],
      "post_processor": byteLevel, "decoder": byteLevel,
      "model": [
        "type": "BPE", "dropout": .null, "unk_token": .null, "continuing_subword_prefix": "",
        "end_of_word_suffix": "", "fuse_unk": false, "byte_fallback": false,
        "ignore_merges": false, "vocab": object(vocabulary), "merges": .array(merges),
      ],
    ]
  }
}
