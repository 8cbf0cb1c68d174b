import MartletCheckpoints
import MartletModel
import MartletText

extension GGUFExport {
  /// The pairs of a file: sizes, and the tokenizer by lists.
  func pairs(name: String, _ report: Report) -> [(key: String, value: GGUFValue)] {
    let layout = outline.layout
    var pairs: [(key: String, value: GGUFValue)] = [
      ("general.architecture", .string("qwen2")),
      ("general.type", .string("model")),
      ("general.name", .string(name)),
      ("general.file_type", .uint32(fileType(report))),
      ("general.quantization_version", .uint32(2)),
      ("qwen2.context_length", .uint32(template.maximumTokens)),
      ("qwen2.embedding_length", .uint32(outline.embedding.channels)),
      ("qwen2.block_count", .uint32(outline.blocks.count)),
      ("qwen2.feed_forward_length", .uint32(outline.innerSize)),
      ("qwen2.attention.head_count", .uint32(layout.heads)),
      ("qwen2.attention.head_count_kv", .uint32(layout.keyValueHeads)),
      ("qwen2.rope.freq_base", .float32(outline.theta)),
      ("qwen2.attention.layer_norm_rms_epsilon", .float32(outline.eps)),
    ]
    if layout.heads * layout.headSize != outline.embedding.channels {
      pairs.append(("qwen2.attention.key_length", .uint32(layout.headSize)))
      pairs.append(("qwen2.attention.value_length", .uint32(layout.headSize)))
    }
    return pairs + vocabulary()
  }

  /// llama.cpp's number for what most matrices are (`llama_ftype`); it is shown and used for nothing.
  private func fileType(_ report: Report) -> Int {
    let numbers: [GGUFDeclaration.StoredType: Int] = [.float32: 0, .float16: 1, .q4: 2, .q8: 7]
    let matrices = report.types.filter { $0.key != .float32 }
    let most = matrices.max { ($0.value, $0.key.rawValue) < ($1.value, $1.key.rawValue) }
    return most.flatMap { numbers[$0.key] } ?? 0
  }

  private func vocabulary() -> [(key: String, value: GGUFValue)] {
    var tokens: [String] = []
    var kinds: [Int] = []
    var added: [Int: TokenizerSpecification.AddedToken] = [:]
    for token in tokenizer.addedTokens { added[token.id] = token }
    // One for each row of the embedding: llama.cpp takes the vocabulary's size from this list.
    for id in 0..<outline.embedding.rows {
      if let token = added[id] {
        tokens.append(token.content)
        let kind: TokenizerFiles.ListedKind = token.isSpecial ? .control : .userDefined
        kinds.append(kind.rawValue)
      } else if id < tokenizer.tokens.count, !tokenizer.tokens[id].isEmpty {
        tokens.append(ByteAlphabet.spelling(tokenizer.tokens[id]))
        kinds.append(TokenizerFiles.ListedKind.normal.rawValue)
      } else {
        tokens.append("[PAD\(id)]")
        kinds.append(TokenizerFiles.ListedKind.unused.rawValue)
      }
    }
    let spelled = tokenizer.tokens.map(ByteAlphabet.spelling)
    var pairs: [(key: String, value: GGUFValue)] = [
      ("tokenizer.ggml.model", .string("gpt2")),
      ("tokenizer.ggml.pre", .string("qwen2")),
      ("tokenizer.ggml.tokens", .strings(tokens)),
      ("tokenizer.ggml.token_type", .integers(kinds)),
      (
        "tokenizer.ggml.merges",
        .strings(
          tokenizer.merges.map { "\(spelled[Int($0.left)]) \(spelled[Int($0.right)])" })
      ),
      ("tokenizer.ggml.add_bos_token", .bool(false)),
      ("tokenizer.chat_template", .string(Self.chatTemplate)),
    ]
    if let end = template.stopIDs.first {
      pairs.append(("tokenizer.ggml.eos_token_id", .uint32(end)))
    }
    if let padding = tokenizer.addedTokens.first(where: { $0.content == "<|endoftext|>" }) {
      pairs.append(("tokenizer.ggml.bos_token_id", .uint32(padding.id)))
      pairs.append(("tokenizer.ggml.padding_token_id", .uint32(padding.id)))
    }
    return pairs
  }

  /// Qwen2's conversation (reference section 4.6) in Jinja.
  private static let chatTemplate = """
    {% for message in messages %}{% if loop.first and message['role'] != 'system' %}\
    {{ '<|im_start|>system\\nYou are a helpful assistant.<|im_end|>\\n' }}{% endif %}\
    {{ '<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>\\n' }}\
    {% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}
    """
}
