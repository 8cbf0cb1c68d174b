import MartletModel

/// The rules of Llama's tokenizer as `tokenizer.json` writes them.
extension TokenizerFiles {
  private static let space = "\u{2581}"

  /// - Throws: `unsupported` for every rule besides: a space in front of every text, spaces as U+2581, no cut, byte
  ///   fallback, one token in front (which the prompt's template holds), and the way back.
  static func checkLlama(_ root: JSONField) throws(TextError) {
    try checkNormalizer(root.field("normalizer"))
    try root["pre_tokenizer"]?.requireNull()
    try checkFront(root["post_processor"])
    try checkDecoder(root.field("decoder"))
    let model = try root.field("model")
    try model.allow([
      "type", "dropout", "unk_token", "continuing_subword_prefix", "end_of_word_suffix", "fuse_unk",
      "byte_fallback", "ignore_merges", "vocab", "merges",
    ])
    try model.field("type").require("BPE")
    try model["dropout"]?.requireNull()
    try model["continuing_subword_prefix"]?.require("")
    try model["end_of_word_suffix"]?.require("")
    try model["ignore_merges"]?.require(false)
    // `unk_token` and `fuse_unk` say what becomes of a byte without a token; there is none, `Tokenizer` checks.
  }

  private static func checkNormalizer(_ normalizer: JSONField) throws(TextError) {
    let steps = try steps(of: normalizer, "normalizers", count: 2)
    try steps[0].field("type").require("Prepend")
    try steps[0].allow(["type", "prepend"])
    try steps[0].field("prepend").require(space)
    try checkReplacement(steps[1], " ", by: space)
  }

  private static func checkDecoder(_ decoder: JSONField) throws(TextError) {
    let steps = try steps(of: decoder, "decoders", count: 4)
    try checkReplacement(steps[0], space, by: " ")
    try steps[1].field("type").require("ByteFallback")
    try steps[2].field("type").require("Fuse")
    try steps[3].field("type").require("Strip")
    try steps[3].field("content").require(" ")
  }

  private static func checkReplacement(
    _ step: JSONField, _ text: String, by other: String
  ) throws(TextError) {
    try step.field("type").require("Replace")
    try step.allow(["type", "pattern", "content"])
    try step.field("pattern").field("String").require(text)
    try step.field("content").require(other)
  }

  /// At most one token in front and none behind.
  private static func checkFront(_ step: JSONField?) throws(TextError) {
    guard let step else { return }
    try step.field("type").require("TemplateProcessing")
    let parts = try step.field("single").elements()
    guard let last = parts.last, last["Sequence"] != nil, parts.count <= 2 else {
      throw .unsupported(
        source: step.source, field: "\(step.path).single",
        expected: "at most one token, then the text", found: "\(parts.count) parts")
    }
  }

  private static func steps(
    of sequence: JSONField, _ key: String, count: Int
  ) throws(TextError) -> [JSONField] {
    try sequence.field("type").require("Sequence")
    try sequence.allow(["type", key])
    let steps = try sequence.field(key).elements()
    if steps.count != count {
      throw .unsupported(
        source: sequence.source, field: "\(sequence.path).\(key)", expected: "\(count) steps",
        found: "\(steps.count) steps")
    }
    return steps
  }
}
