import MartletBytes
import MartletModel

/// The text of a file, read by the caller.
package struct TextFile: Sendable {
  /// Where it comes from, for errors.
  package var path: String
  package var bytes: [UInt8]

  package init(path: String, bytes: [UInt8]) {
    self.path = path
    self.bytes = bytes
  }
}

/// Builds tokenizers from the files of a checkpoint.
///
/// Two families are read: Qwen2's (reference section 6) and, where the model falls back to bytes, Llama's. Files that ask for
/// other rules are refused: another normalization or pattern, unknown tokens, added tokens that swallow neighboring space.
package enum TokenizerFiles {
  /// The tokenizer of a `tokenizer.json`, merges as `"a b"` or as `["a", "b"]`.
  ///
  /// `truncation` and `padding` are not looked at: they shape batches, and Transformers resets them too.
  /// - Throws: `unsupported` for a rule that differs, `missing` and `kind` for fields of the wrong form, `bytes` for
  ///   a text that is not JSON, and what tokens, merges and added tokens can have wrong, `Tokenizer`'s refusals
  ///   among it: what is returned makes a tokenizer.
  package static func specification(
    tokenizer file: TextFile
  ) throws(TextError) -> TokenizerSpecification {
    let root = try JSONField(file)
    try root.allow([
      "version", "truncation", "padding", "added_tokens", "normalizer", "pre_tokenizer",
      "post_processor", "decoder", "model",
    ])
    try root.field("version").require("1.0")
    // Llama's files put the marks for spaces in by their normalizer.
    let normalizer = try root["normalizer"]?["type"]?.text()
    let isSpelled =
      try root["model"]?["byte_fallback"]?.boolean() == true && normalizer == "Sequence"
    if isSpelled {
      try checkLlama(root)
    } else {
      try checkQwen2(root)
    }
    let model = try root.field("model")
    var vocabulary = try Vocabulary(
      model.field("vocab"), splitter: isSpelled ? .llama : .qwen2)
    for merge in try model.field("merges").elements() { try vocabulary.addMerge(merge) }
    var added: [TokenizerSpecification.AddedToken] = []
    for token in try root["added_tokens"]?.elements() ?? [] {
      added.append(try addedToken(token, id: token.field("id").integer()))
    }
    return try vocabulary.specification(addedTokens: added)
  }

  private static func checkQwen2(_ root: JSONField) throws(TextError) {
    try checkNormalizer(root.field("normalizer"))
    try checkSplitter(root.field("pre_tokenizer"))
    try checkByteLevel(root["post_processor"])
    try checkByteLevel(root["decoder"])
    try checkModel(root.field("model"))
  }

  /// An entry of `added_tokens` or of `added_tokens_decoder`.
  static func addedToken(
    _ entry: JSONField, id: Int
  ) throws(TextError) -> TokenizerSpecification.AddedToken {
    try entry.allow([
      "id", "content", "single_word", "lstrip", "rstrip", "normalized", "special", "__type",
    ])
    for rule in ["single_word", "lstrip", "rstrip", "normalized"] {
      try entry[rule]?.require(false)
    }
    return TokenizerSpecification.AddedToken(
      id: id, content: try entry.field("content").text(),
      isSpecial: try entry["special"]?.boolean() ?? false)
  }

  private static func checkNormalizer(_ normalizer: JSONField) throws(TextError) {
    try normalizer.field("type").require("NFC")
    try normalizer.allow(["type"])
  }

  private static func checkSplitter(_ splitter: JSONField) throws(TextError) {
    try splitter.field("type").require("Sequence")
    try splitter.allow(["type", "pretokenizers"])
    let steps = try splitter.field("pretokenizers").elements()
    if steps.count != 2 {
      throw .unsupported(
        source: splitter.source, field: "\(splitter.path).pretokenizers", expected: "2 steps",
        found: "\(steps.count) steps")
    }
    try steps[0].field("type").require("Split")
    try steps[0].allow(["type", "pattern", "behavior", "invert"])
    try steps[0].field("pattern").field("Regex").require(Qwen2Splitter.pattern)
    try steps[0].field("behavior").require("Isolated")
    try steps[0].field("invert").require(false)
    try steps[1].field("type").require("ByteLevel")
    try steps[1].allow(["type", "add_prefix_space", "trim_offsets", "use_regex"])
    try steps[1].field("add_prefix_space").require(false)
    try steps[1].field("use_regex").require(false)
  }

  /// The other steps named ByteLevel: as post-processor it only moves offsets, as decoder it only maps bytes, both
  /// whatever their options say.
  private static func checkByteLevel(_ step: JSONField?) throws(TextError) {
    guard let step else { return }
    try step.field("type").require("ByteLevel")
  }

  private static func checkModel(_ model: JSONField) throws(TextError) {
    try model.allow([
      "type", "dropout", "unk_token", "continuing_subword_prefix", "end_of_word_suffix", "fuse_unk",
      "byte_fallback", "ignore_merges", "vocab", "merges",
    ])
    try model.field("type").require("BPE")
    try model["dropout"]?.requireNull()
    try model["unk_token"]?.requireNull()
    try model["continuing_subword_prefix"]?.require("")
    try model["end_of_word_suffix"]?.require("")
    try model["byte_fallback"]?.require(false)
    try model["ignore_merges"]?.require(false)
  }
}
