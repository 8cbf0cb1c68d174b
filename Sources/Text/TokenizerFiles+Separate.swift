import MartletBytes
import MartletModel

extension TokenizerFiles {
  /// The files of a tokenizer that was saved without a `tokenizer.json`.
  package struct Separate: Sendable {
    /// `vocab.json`
    package var vocabulary: TextFile
    /// `merges.txt`
    package var merges: TextFile
    /// `added_tokens.json`
    package var addedTokens: TextFile?
    /// `tokenizer_config.json`
    package var configuration: TextFile?
    /// `special_tokens_map.json`
    package var specialTokens: TextFile?

    package init(
      vocabulary: TextFile, merges: TextFile, addedTokens: TextFile? = nil,
      configuration: TextFile? = nil, specialTokens: TextFile? = nil
    ) {
      self.vocabulary = vocabulary
      self.merges = merges
      self.addedTokens = addedTokens
      self.configuration = configuration
      self.specialTokens = specialTokens
    }
  }

  /// The tokenizer of `vocab.json` and `merges.txt` with their neighbors.
  ///
  /// These files do not say how text is split; the class in the configuration, if there is one, must be Qwen2's.
  /// Added tokens come from `added_tokens_decoder` of the configuration, which `added_tokens.json` must not contradict.
  /// Without it they come from `added_tokens.json`, and those named as special in the configuration or in
  /// `special_tokens_map.json` are special.
  /// - Throws: as `specification(tokenizer:)`, and `addedTokensDisagree`.
  package static func specification(
    _ files: Separate
  ) throws(TextError) -> TokenizerSpecification {
    var vocabulary = try Vocabulary(JSONField(files.vocabulary))
    try vocabulary.addMerges(files.merges)
    var added: [TokenizerSpecification.AddedToken] = []
    var isDecided = false
    var special: Set<[UInt8]> = []
    if let file = files.configuration {
      let configuration = try JSONField(file)
      try checkConfiguration(configuration)
      for entry in try configuration["added_tokens_decoder"]?.members() ?? [] {
        guard let id = Int(entry.key) else {
          throw .unsupported(
            source: file.path, field: "added_tokens_decoder", expected: "ids as keys",
            found: entry.key)
        }
        added.append(try addedToken(entry.value, id: id))
        isDecided = true
      }
      try collectSpecial(configuration, into: &special)
    }
    if let file = files.specialTokens { try collectSpecial(JSONField(file), into: &special) }
    for entry in try files.addedTokens.map(members) ?? [] {
      let id = try entry.value.integer()
      if isDecided {
        try check(entry.key, id: id, isAmong: added, source: entry.value.source)
      } else {
        let isSpecial = special.contains(Array(entry.key.utf8))
        added.append(.init(id: id, content: entry.key, isSpecial: isSpecial))
      }
    }
    return try vocabulary.specification(addedTokens: added.sorted { $0.id < $1.id })
  }

  private static func members(
    _ file: TextFile
  ) throws(TextError) -> [(key: String, value: JSONField)] {
    try JSONField(file).members()
  }

  private static func checkConfiguration(_ configuration: JSONField) throws(TextError) {
    if let name = configuration["tokenizer_class"] {
      let text = try name.text()
      if text != "Qwen2Tokenizer", text != "Qwen2TokenizerFast" {
        throw .unsupported(
          source: name.source, field: name.path, expected: "Qwen2Tokenizer", found: text)
      }
    }
    for rule in ["add_prefix_space", "add_bos_token", "add_eos_token", "split_special_tokens"] {
      try configuration[rule]?.require(false)
    }
  }

  /// Adds the texts that `…_token` and `additional_special_tokens` name.
  private static func collectSpecial(
    _ map: JSONField, into special: inout Set<[UInt8]>
  ) throws(TextError) {
    for role in ["bos", "eos", "unk", "sep", "pad", "cls", "mask"] {
      if let token = map["\(role)_token"] { special.insert(try specialText(token)) }
    }
    for token in try map["additional_special_tokens"]?.elements() ?? [] {
      special.insert(try specialText(token))
    }
  }

  /// A special token given as a text or as an entry.
  private static func specialText(_ token: JSONField) throws(TextError) -> [UInt8] {
    if token.isObject { return Array(try addedToken(token, id: 0).content.utf8) }
    return Array(try token.text().utf8)
  }

  private static func check(
    _ content: String, id: Int, isAmong added: [TokenizerSpecification.AddedToken], source: String
  ) throws(TextError) {
    for token in added where token.id == id {
      if token.content.utf8.elementsEqual(content.utf8) { return }
    }
    throw .addedTokensDisagree(source: source, content: content, id: id)
  }
}
