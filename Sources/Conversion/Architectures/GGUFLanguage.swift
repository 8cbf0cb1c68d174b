import MartletCheckpoints
import MartletModel
import MartletText

/// The language half of a FastVLM that lies in a GGUF file: what llama.cpp needs to run it, read as a checkpoint's
/// decoder, tokenizer and tensors.
///
/// Names and pairs are those that llama.cpp's `convert_hf_to_gguf.py` writes.
struct GGUFLanguage {
  let decoder: FastVLMConfiguration.Decoder
  let tokenizer: TokenizerSpecification
  let endIDs: [Int]
  /// Positions the model was trained for.
  let maximumTokens: Int?
  private let file: Checkpoint
  private let kind: Kind

  /// Values of `general.architecture`.
  enum Kind: String, CaseIterable {
    case qwen2
    /// Computes the same; llama.cpp rotates neighbors instead of halves, so queries and keys lie in pairs.
    case llama
  }

  /// - Throws: `configurationMissing`, `configurationValue`, `checkpoint`, `tokenizer`.
  init(_ file: Checkpoint) throws(ConversionError) {
    guard let metadata = file.gguf else {
      throw .unsupportedLayout(
        layout: file.format.rawValue, evidence: file.path, supported: ["gguf"])
    }
    let reader = GGUFReader(metadata)
    let architecture = try reader.text("general.architecture")
    guard let kind = Kind(rawValue: architecture) else {
      throw reader.wrong(
        "general.architecture", Kind.allCases.map(\.rawValue).joined(separator: " or "),
        found: architecture)
    }
    self.file = file
    self.kind = kind
    decoder = try Self.decoder(reader, kind, file)
    tokenizer = try Self.tokenizer(reader)
    endIDs = try reader.size("tokenizer.ggml.eos_token_id").map { [$0] } ?? []
    maximumTokens = try reader.size("\(kind.rawValue).context_length")
  }

  private static func decoder(
    _ reader: GGUFReader, _ kind: Kind, _ file: Checkpoint
  ) throws(ConversionError) -> FastVLMConfiguration.Decoder {
    func key(_ name: String) -> String { "\(kind.rawValue).\(name)" }
    guard let heads = try reader.size(key("attention.head_count")) else {
      throw reader.missing(key("attention.head_count"))
    }
    guard let eps = try reader.number(key("attention.layer_norm_rms_epsilon")) else {
      throw reader.missing(key("attention.layer_norm_rms_epsilon"))
    }
    let width = try reader.size(key("embedding_length"))
    let headSize = try reader.size(key("attention.key_length"))
    if let rotated = try reader.size(key("rope.dimension_count")),
      let size = headSize ?? width.map({ $0 / heads }), rotated != size
    {
      throw reader.wrong(key("rope.dimension_count"), "the head's \(size)", found: "\(rotated)")
    }
    for scaling in ["rope.scaling.type", "rope.scale_linear"] {
      if let found = try reader.scaling(key(scaling)) {
        throw reader.wrong(key(scaling), "no scaling", found: found)
      }
    }
    return FastVLMConfiguration.Decoder(
      hiddenSize: width, layers: try reader.size(key("block_count")), heads: heads,
      keyValueHeads: try reader.size(key("attention.head_count_kv")) ?? heads,
      headSize: headSize, innerSize: try reader.size(key("feed_forward_length")),
      vocabularyRows: nil, eps: eps, theta: try reader.number(key("rope.freq_base")) ?? 10000,
      isTied: file["output.weight"] == nil,
      hasAttentionBiases: kind == .qwen2 || file["blk.0.attn_q.bias"] != nil)
  }

  private static func tokenizer(
    _ reader: GGUFReader
  ) throws(ConversionError) -> TokenizerSpecification {
    for (key, expected) in [("tokenizer.ggml.model", "gpt2"), ("tokenizer.ggml.pre", "qwen2")] {
      let found = try reader.text(key)
      if found != expected { throw reader.wrong(key, expected, found: found) }
    }
    if try reader.bool("tokenizer.ggml.add_bos_token") == true {
      throw reader.wrong("tokenizer.ggml.add_bos_token", "false", found: "true")
    }
    let listed = TokenizerFiles.Listed(
      source: reader.path, tokens: try reader.texts("tokenizer.ggml.tokens"),
      kinds: try reader.sizes("tokenizer.ggml.token_type"),
      merges: try reader.texts("tokenizer.ggml.merges"))
    do throws(TextError) { return try TokenizerFiles.specification(listed) } catch {
      throw .tokenizer(error)
    }
  }

  // MARK: Tensors

  /// A checkpoint whose language model is this one.
  /// - Throws: `unknownTensors` where the file holds any that the architecture has not.
  func joined(
    to base: Checkpoint, names: FastVLMNames
  ) throws(ConversionError) -> Checkpoint {
    var tensors: [CheckpointTensor] = []
    var unknown: [String] = []
    for name in file.names {
      guard let tensor = file[name] else { continue }
      guard let new = Self.name(of: name, in: names) else {
        unknown.append(name)
        continue
      }
      tensors.append(halves(tensor).renamed(new))
    }
    if !unknown.isEmpty {
      throw .unknownTensors(count: unknown.count, names: Array(unknown.prefix(8)))
    }
    do throws(CheckpointError) {
      return try base.joined(
        with: file, leavingOut: { Self.isLanguage($0, in: names) }, tensors: tensors)
    } catch { throw .checkpoint(error) }
  }

  /// Whether a tensor of the base belongs to its language model.
  private static func isLanguage(_ name: String, in names: FastVLMNames) -> Bool {
    name == names.languageHead
      || ["embed_tokens.", "layers.", "norm."].contains {
        name.hasPrefix("\(names.language).\($0)")
      }
  }

  /// Parts of a layer: GGUF's word, then transformers'.
  static let parts = [
    ("attn_norm", "input_layernorm"), ("attn_q", "self_attn.q_proj"),
    ("attn_k", "self_attn.k_proj"), ("attn_v", "self_attn.v_proj"),
    ("attn_output", "self_attn.o_proj"), ("ffn_norm", "post_attention_layernorm"),
    ("ffn_gate", "mlp.gate_proj"), ("ffn_up", "mlp.up_proj"), ("ffn_down", "mlp.down_proj"),
  ]

  /// The checkpoint's name of a tensor; `nil` for one that the architecture has not.
  private static func name(of stored: String, in names: FastVLMNames) -> String? {
    switch stored {
    case "token_embd.weight": return "\(names.language).embed_tokens.weight"
    case "output_norm.weight": return "\(names.language).norm.weight"
    case "output.weight": return names.languageHead
    default: break
    }
    let words = stored.split(separator: ".", omittingEmptySubsequences: false)
    guard words.count == 4, words[0] == "blk", words[3] == "weight" || words[3] == "bias",
      let index = Int(words[1]), index >= 0, "\(index)" == words[1],
      let part = parts.first(where: { $0.0 == words[2] })
    else { return nil }
    return "\(names.language).layers.\(index).\(part.1).\(words[3])"
  }

  /// Queries and keys of a llama file with the halves of every head apart again.
  ///
  /// The converter stores row `half · size / 2 + i` of a head of `size` rows as row `2 i + half`.
  private func halves(_ tensor: CheckpointTensor) -> CheckpointTensor {
    let heads =
      tensor.name.contains(".attn_q.")
      ? decoder.heads : tensor.name.contains(".attn_k.") ? decoder.keyValueHeads : nil
    let rows = tensor.shape.first ?? 0
    guard kind == .llama, let heads, rows > 0, rows % (2 * heads) == 0 else { return tensor }
    let size = rows / heads
    return file.reordered(tensor) { row in
      let (head, inner) = (row / size, row % size)
      let (half, index) = (inner / (size / 2), inner % (size / 2))
      return head * size + 2 * index + half
    }
  }
}

/// Settings out of a GGUF file's pairs, with the errors of a configuration.
private struct GGUFReader {
  private let metadata: GGUFMetadata
  var path: String { metadata.path }

  init(_ metadata: GGUFMetadata) { self.metadata = metadata }

  private func read<R>(
    _ body: () throws(CheckpointError) -> R
  ) throws(ConversionError) -> R {
    do throws(CheckpointError) { return try body() } catch { throw .checkpoint(error) }
  }

  func missing(_ key: String) -> ConversionError { .configurationMissing(file: path, key: key) }

  func wrong(_ key: String, _ expected: String, found: String) -> ConversionError {
    .configurationValue(file: path, key: key, expected: expected, found: found)
  }

  func text(_ key: String) throws(ConversionError) -> String {
    guard let text = try read({ () throws(CheckpointError) in try metadata.string(key) }) else {
      throw missing(key)
    }
    return text
  }

  func texts(_ key: String) throws(ConversionError) -> [[UInt8]] {
    guard let texts = try read({ () throws(CheckpointError) in try metadata.strings(key) }) else {
      throw missing(key)
    }
    return texts
  }

  func sizes(_ key: String) throws(ConversionError) -> [Int] {
    guard let sizes = try read({ () throws(CheckpointError) in try metadata.integers(key) }) else {
      throw missing(key)
    }
    return sizes
  }

  func bool(_ key: String) throws(ConversionError) -> Bool? {
    try read { () throws(CheckpointError) in try metadata.bool(key) }
  }

  /// A size, from 1 to what a configuration may state; ids may be 0.
  func size(_ key: String) throws(ConversionError) -> Int? {
    guard let size = try read({ () throws(CheckpointError) in try metadata.integer(key) }) else {
      return nil
    }
    let least = key.hasSuffix("_id") ? 0 : 1
    if size < least || size > ConfigurationReader.largestInteger {
      throw wrong(
        key, "an integer from \(least) to \(ConfigurationReader.largestInteger)", found: "\(size)")
    }
    return size
  }

  /// A positive number that f32 holds.
  func number(_ key: String) throws(ConversionError) -> Float? {
    guard let number = try read({ () throws(CheckpointError) in try metadata.number(key) }) else {
      return nil
    }
    guard Float(number) > 0, Float(number).isFinite else {
      throw wrong(key, "a positive number", found: "\(number)")
    }
    return Float(number)
  }

  /// A kind of rotary scaling other than none.
  func scaling(_ key: String) throws(ConversionError) -> String? {
    guard metadata.keys.contains(key) else { return nil }
    if key.hasSuffix("type") {
      let type = try text(key)
      return type == "none" ? nil : type
    }
    return try number(key).flatMap { $0 == 1 ? nil : "\($0)" }
  }
}
