import CFuzzGuard
import MartletText

/// Tokenizers: read, and used on a text.
enum Words {
  static func read(tokenizer input: [UInt8]) {
    let file = TextFile(path: "", bytes: input)
    guard let specification = try? TokenizerFiles.specification(tokenizer: file) else { return }
    if let tokenizer = try? Tokenizer(specification) { use(tokenizer) }
  }

  /// `vocab.json`, `merges.txt`, `added_tokens.json`, `tokenizer_config.json`, `special_tokens_map.json`; those at the
  /// end may be missing.
  static func read(separate input: [UInt8]) {
    let files = input.parts(5).map { TextFile(path: "", bytes: $0) }
    if files.count < 2 { return }
    let separate = TokenizerFiles.Separate(
      vocabulary: files[0], merges: files[1], addedTokens: files.count > 2 ? files[2] : nil,
      configuration: files.count > 3 ? files[3] : nil,
      specialTokens: files.count > 4 ? files[4] : nil)
    guard let specification = try? TokenizerFiles.specification(separate) else { return }
    if let tokenizer = try? Tokenizer(specification) { use(tokenizer) }
  }

  /// Text in, text out: byte-level BPE loses none of it that is in NFC.
  static func use(_ tokenizer: Tokenizer) {
    let text = "Read 12 words,\n don't  stop: <|im_end|> é 漢字 🙂"
    let ids = tokenizer.encode(text)
    for id in ids where id < 0 || id >= tokenizer.size {
      martlet_fuzz_fail("an id beyond the size")
    }
    if tokenizer.decode(ids, special: .verbatim) != text {
      martlet_fuzz_fail("a text that is lost")
    }
  }
}
