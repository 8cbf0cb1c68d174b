import MartletBytes
import MartletModel
import MartletText

/// A small file beside the weights.
struct TextBeside: Equatable, Sendable {
  var name: String
  var text: String

  init(_ name: String, _ json: JSONValue, _ layout: JSONValue.Layout = .indented) {
    self.name = name
    text = json.text(layout) + "\n"
  }

  init(_ name: String, text: String) {
    self.name = name
    self.text = text
  }
}

extension SyntheticVocabulary {
  /// The tokenizer's files in a layout (reference section 6).
  func files(_ layout: SynthesisLayout) -> [TextBeside] {
    var files: [TextBeside]
    switch layout {
    case .llava, .llavaTrain: files = separateFiles()
    case .native: files = [TextBeside("tokenizer.json", wholeFile(), .compact)]
    }
    files.append(TextBeside("tokenizer_config.json", configuration()))
    files.append(TextBeside("special_tokens_map.json", specialTokens()))
    return files
  }

  /// `vocab.json`, `merges.txt`, `added_tokens.json`: what LLaVA saves.
  private func separateFiles() -> [TextBeside] {
    var lines = "#version: 0.2\n"
    for (left, right) in merges {
      lines += ByteAlphabet.spelling(tokens[left]) + " " + ByteAlphabet.spelling(tokens[right])
      lines += "\n"
    }
    var ids = JSONObject()
    for token in added { _ = ids.append(token.content, JSONValue(token.id)) }
    return [
      TextBeside("vocab.json", .object(spelledTokens()), .compact),
      TextBeside("merges.txt", text: lines),
      TextBeside("added_tokens.json", .object(ids)),
    ]
  }

  private func spelledTokens() -> JSONObject {
    var object = JSONObject()
    for (id, token) in tokens.enumerated() {
      let isNew = object.append(ByteAlphabet.spelling(token), JSONValue(id))
      precondition(isNew, "words are made once")
    }
    return object
  }

  /// `tokenizer.json`.
  private func wholeFile() -> JSONValue {
    let pairs = merges.map { left, right -> JSONValue in
      [
        .string(ByteAlphabet.spelling(tokens[left])), .string(ByteAlphabet.spelling(tokens[right])),
      ]
    }
    let byteLevel: JSONValue = [
      "type": "ByteLevel", "add_prefix_space": false, "trim_offsets": false, "use_regex": false,
    ]
    return [
      "version": "1.0", "truncation": .null, "padding": .null,
      "added_tokens": .array(
        added.map { token in
          [
            "id": JSONValue(token.id), "content": .string(token.content), "single_word": false,
            "lstrip": false, "rstrip": false, "normalized": false,
            "special": JSONValue(token.isSpecial),
          ]
        }),
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
        "ignore_merges": false, "vocab": .object(spelledTokens()), "merges": .array(pairs),
      ],
    ]
  }

  private func configuration() -> JSONValue {
    var decoder = JSONObject()
    for token in added {
      let entry: JSONValue = [
        "content": .string(token.content), "lstrip": false, "normalized": false, "rstrip": false,
        "single_word": false, "special": JSONValue(token.isSpecial),
      ]
      _ = decoder.append("\(token.id)", entry)
    }
    return [
      "add_prefix_space": false, "added_tokens_decoder": .object(decoder),
      "additional_special_tokens": ["<|im_start|>", "<|im_end|>"], "bos_token": .null,
      "clean_up_tokenization_spaces": false, "eos_token": "<|im_end|>", "errors": "replace",
      "model_max_length": 8192, "pad_token": "<|endoftext|>", "padding_side": "right",
      "split_special_tokens": false, "tokenizer_class": "Qwen2Tokenizer", "unk_token": .null,
    ]
  }

  private func specialTokens() -> JSONValue {
    func entry(_ content: JSONValue) -> JSONValue {
      [
        "content": content, "lstrip": false, "normalized": false, "rstrip": false,
        "single_word": false,
      ]
    }
    return [
      "additional_special_tokens": ["<|im_start|>", "<|im_end|>"],
      "eos_token": entry("<|im_end|>"), "pad_token": entry("<|endoftext|>"),
    ]
  }
}
