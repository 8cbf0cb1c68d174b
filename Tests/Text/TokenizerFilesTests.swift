import MartletBytes
import MartletModel
import MartletTestSupport
import MartletText
import Testing

@Suite struct TokenizerFilesTests {
  @Test func bothLayoutsGiveTheSameTokenizer() throws {
    let separate = try Goldens.separate.get()
    let native = try Goldens.native.get()
    let tools = try Goldens.tools.get()
    #expect(separate.tokens.count == 500)
    #expect(separate.merges.count == 244)
    #expect(separate.tokens == native.tokens)
    #expect(separate.merges == native.merges)
    #expect(separate.merges == tools.merges)
    let image = TokenizerSpecification.AddedToken(id: 503, content: "<image>", isSpecial: true)
    #expect(native.addedTokens == separate.addedTokens + [image])
    #expect(
      tools.addedTokens.map(\.isSpecial) == [true, true, true, true, false, false, false, false])
  }

  /// Where the configuration has no `added_tokens_decoder`, the roles say what is special.
  @Test func specialTokensAreFoundByTheirRoles() throws {
    var files = try Goldens.separateFiles()
    files.addedTokens = TextFile(
      path: "added_tokens.json",
      bytes: bytes(
        #"{"<|im_end|>": 502, "<|im_start|>": 501, "<|endoftext|>": 500, "<x>": 503}"#))
    files.configuration = nil
    let ordinary = TokenizerSpecification.AddedToken(id: 503, content: "<x>", isSpecial: false)
    let expected = try Goldens.separate.get().addedTokens + [ordinary]
    #expect(try TokenizerFiles.specification(files).addedTokens == expected)
  }

  @Test func vocabularyAndMergesAloneAreATokenizer() throws {
    let all = try Goldens.separateFiles()
    let files = TokenizerFiles.Separate(vocabulary: all.vocabulary, merges: all.merges)
    let specification = try TokenizerFiles.specification(files)
    #expect(specification.merges == (try Goldens.separate.get().merges))
    #expect(specification.addedTokens.isEmpty)
  }

  @Test func mergeLinesMayEndInTwoCharacters() throws {
    var files = try Goldens.separateFiles()
    let text = String(decoding: files.merges.bytes, as: UTF8.self)
    let lines = text.split(separator: "\n")
    files.merges.bytes = bytes(lines.joined(separator: "\r\n") + "\r\n\r\n")
    #expect(try TokenizerFiles.specification(files) == Goldens.separate.get())
    files.merges.bytes = bytes(lines.dropFirst().joined(separator: "\n"))
    #expect(try TokenizerFiles.specification(files) == Goldens.separate.get())
  }

  // MARK: Refusals

  struct Fault: CustomTestStringConvertible, Sendable {
    let text: String
    let replacement: String
    let error: TextError

    init(_ text: String, _ replacement: String, _ error: TextError) {
      self.text = text
      self.replacement = replacement
      self.error = error
    }

    var testDescription: String { replacement }
  }

  private static let source = "t.json"

  private static func unsupported(
    _ field: String, _ expected: String, _ found: String
  ) -> TextError {
    .unsupported(source: source, field: field, expected: expected, found: found)
  }

  private static let pattern = Qwen2Splitter.pattern
  private static let splitPath = "pre_tokenizer.pretokenizers[0]"
  private static let bytePath = "pre_tokenizer.pretokenizers[1]"

  private static let faults: [Fault] = [
    Fault(
      #""version":"1.0""#, #""version":"2.0""#, unsupported("version", "1.0", "2.0")),
    Fault(
      #"{"type":"NFC"}"#, #"{"type":"NFKC"}"#, unsupported("normalizer.type", "NFC", "NFKC")),
    Fault(
      #"{"type":"NFC"}"#, #"null"#, .missing(source: source, field: "normalizer")),
    Fault(
      #"{"type":"NFC"}"#, #"{"type":"NFC","x":1}"#,
      unsupported("normalizer.x", "no such field", "number")),
    Fault(
      #"{"Regex":"(?i:"#, #"{"Regex":"(?:"#,
      unsupported("\(splitPath).pattern.Regex", pattern, "(?:" + pattern.dropFirst(4))),
    Fault(
      #"{"Regex":"#, #"{"String":"#,
      .missing(source: source, field: "\(splitPath).pattern.Regex")),
    Fault(
      #""behavior":"Isolated""#, #""behavior":"Removed""#,
      unsupported("\(splitPath).behavior", "Isolated", "Removed")),
    Fault(
      #""invert":false"#, #""invert":true"#, unsupported("\(splitPath).invert", "false", "true")),
    Fault(
      #""add_prefix_space":false,"#, #""add_prefix_space":true,"#,
      unsupported("\(bytePath).add_prefix_space", "false", "true")),
    Fault(
      #""use_regex":false"#, #""use_regex":true"#,
      unsupported("\(bytePath).use_regex", "false", "true")),
    Fault(
      #","use_regex":false"#, "", .missing(source: source, field: "\(bytePath).use_regex")),
    Fault(
      #""post_processor":null"#, #""post_processor":{"type":"TemplateProcessing"}"#,
      unsupported("post_processor.type", "ByteLevel", "TemplateProcessing")),
    Fault(
      #""decoder":{"type":"ByteLevel""#, #""decoder":{"type":"Metaspace""#,
      unsupported("decoder.type", "ByteLevel", "Metaspace")),
    Fault(#""type":"BPE""#, #""type":"Unigram""#, unsupported("model.type", "BPE", "Unigram")),
    Fault(#""dropout":null"#, #""dropout":0.1"#, unsupported("model.dropout", "null", "number")),
    Fault(
      #""unk_token":null"#, #""unk_token":"?""#, unsupported("model.unk_token", "null", "string")),
    Fault(
      #""continuing_subword_prefix":null"#, #""continuing_subword_prefix":"@""#,
      unsupported("model.continuing_subword_prefix", "", "@")),
    Fault(
      #""end_of_word_suffix":null"#, #""end_of_word_suffix":"@""#,
      unsupported("model.end_of_word_suffix", "", "@")),
    Fault(
      #""byte_fallback":false"#, #""byte_fallback":true"#,
      unsupported("model.byte_fallback", "false", "true")),
    Fault(
      #""ignore_merges":false"#, #""ignore_merges":true"#,
      unsupported("model.ignore_merges", "false", "true")),
    Fault(
      #""ignore_merges":false"#, #""novelty":[]"#,
      unsupported("model.novelty", "no such field", "array")),
    Fault(
      #""padding":null"#, #""novelty":{}"#, unsupported("novelty", "no such field", "object")),
    Fault(
      #""lstrip":false"#, #""lstrip":true"#,
      unsupported("added_tokens[0].lstrip", "false", "true")),
    Fault(
      #""single_word":false"#, #""single_word":true"#,
      unsupported("added_tokens[0].single_word", "false", "true")),
    Fault(
      #""rstrip":false"#, #""rstrip":true"#,
      unsupported("added_tokens[0].rstrip", "false", "true")),
    Fault(
      #""normalized":false"#, #""normalized":true"#,
      unsupported("added_tokens[0].normalized", "false", "true")),
    Fault(
      #""special":true"#, #""special":1"#,
      .kind(
        source: source, field: "added_tokens[0].special", expected: "boolean", found: "number")),
    Fault(
      #"{"id":500,"#, #"{"id":"500","#,
      .kind(source: source, field: "added_tokens[0].id", expected: "integer", found: "string")),
    Fault(#"{"id":500,"#, "{", .missing(source: source, field: "added_tokens[0].id")),
    Fault(
      #""content":"<|endoftext|>""#, #""content":7"#,
      .kind(
        source: source, field: "added_tokens[0].content", expected: "string", found: "number")),
    Fault(
      #""model":{"#, #""model":[],"x":{"#, unsupported("x", "no such field", "object")),
    Fault(
      #""he":256"#, #""he":255"#, .duplicateID(255, first: "\u{FFFD}", second: "he")),
    Fault(#""he":256"#, #""he":-1"#, .idOutOfRange(id: -1, limit: Tokenizer.largestSize)),
    Fault(
      #""he":256"#, #""he":4194304"#, .idOutOfRange(id: 4_194_304, limit: Tokenizer.largestSize)),
    // Twice the number of tokens, and 1024.
    Fault(
      #""he":256"#, #""he":4000000"#, .idOutOfRange(id: 4_000_000, limit: 2024)),
    Fault(
      #""he":256"#, #""he":2.5"#,
      .kind(source: source, field: "model.vocab.he", expected: "integer", found: "number")),
    Fault(#""he":256"#, #""h e":256"#, .notByteLevel(source: source, token: "h e", id: 256)),
    Fault(#""he":256"#, #""":256"#, .notByteLevel(source: source, token: "", id: 256)),
    Fault(#""a":64"#, #""aaa":64"#, .mergeUnknownToken(source: source, rank: 4, token: "a")),
    Fault(#""\\":59,"#, "", .missingByte(0x5C)),
    Fault(
      #"["Ġ","t"]"#, #"["h","e"]"#, .duplicateMerge(firstRank: 0, secondRank: 1)),
    Fault(
      #"{"id":501,"#, #"{"id":500,"#,
      .duplicateID(500, first: "<|endoftext|>", second: "<|im_start|>")),
    Fault(
      #"["h","e"]"#, #"["h","e","l"]"#, .mergeSyntax(source: source, rank: 0, text: "3 parts")),
    Fault(#"["h","e"]"#, #""he""#, .mergeSyntax(source: source, rank: 0, text: "he")),
    Fault(#"["h","e"]"#, #""h e x""#, .mergeSyntax(source: source, rank: 0, text: "h e x")),
    Fault(
      #"["h","e"]"#, #""h  e""#, .mergeSyntax(source: source, rank: 0, text: "h  e")),
    Fault(
      #"["h","e"]"#, #"["h",5]"#,
      .kind(source: source, field: "model.merges[0][1]", expected: "string", found: "number")),
    Fault(
      #"["h","e"]"#, #"["hex","e"]"#, .mergeUnknownToken(source: source, rank: 0, token: "hex")),
    Fault(
      #"["h","e"]"#, #"["h","中"]"#, .mergeUnknownToken(source: source, rank: 0, token: "中")),
    Fault(
      #"["h","e"]"#, #"["h","h"]"#, .mergeUnknownToken(source: source, rank: 0, token: "hh")),
  ]

  @Test(arguments: faults)
  func otherRulesAreRefused(fault: Fault) throws {
    var file = try Goldens.text("tiny/native/tokenizer.json")
    file.path = Self.source
    var text = String(decoding: file.bytes, as: UTF8.self)
    let place = try #require(text.firstRange(of: fault.text))
    text.replaceSubrange(place, with: fault.replacement)
    file.bytes = bytes(text)
    #expect(throws: fault.error) { try TokenizerFiles.specification(tokenizer: file) }
  }

  @Test func missingPartsAreNamed() {
    for (text, field) in [("{}", "version"), (#"{"version":"1.0"}"#, "normalizer")] {
      #expect(throws: TextError.missing(source: "t", field: field)) {
        try TokenizerFiles.specification(tokenizer: TextFile(path: "t", bytes: bytes(text)))
      }
    }
    #expect(throws: TextError.kind(source: "t", field: "", expected: "object", found: "array")) {
      try TokenizerFiles.specification(tokenizer: TextFile(path: "t", bytes: bytes("[]")))
    }
    #expect(
      throws: TextError.bytes(.json(source: "t", offset: 1, problem: .unexpectedEnd))
    ) {
      try TokenizerFiles.specification(tokenizer: TextFile(path: "t", bytes: bytes("{")))
    }
  }

  @Test(arguments: [
    (
      #"{"tokenizer_class": "LlamaTokenizer"}"#,
      TextError.unsupported(
        source: "c", field: "tokenizer_class", expected: "Qwen2Tokenizer", found: "LlamaTokenizer")
    ),
    (
      #"{"add_prefix_space": true}"#,
      .unsupported(source: "c", field: "add_prefix_space", expected: "false", found: "true")
    ),
    (
      #"{"split_special_tokens": true}"#,
      .unsupported(source: "c", field: "split_special_tokens", expected: "false", found: "true")
    ),
    (
      #"{"added_tokens_decoder": {"x": {"content": "<x>"}}}"#,
      .unsupported(
        source: "c", field: "added_tokens_decoder", expected: "ids as keys", found: "x")
    ),
    (
      #"{"added_tokens_decoder": {"500": {"content": "<x>", "rstrip": true}}}"#,
      .unsupported(
        source: "c", field: "added_tokens_decoder.500.rstrip", expected: "false", found: "true")
    ),
    (
      #"{"added_tokens_decoder": {"500": {"content": "<|im_end|>"}}}"#,
      .addedTokensDisagree(source: "added", content: "<|im_end|>", id: 502)
    ),
    (
      #"{"added_tokens_decoder": {"502": {"content": "<|im_start|>"}}}"#,
      .addedTokensDisagree(source: "added", content: "<|im_end|>", id: 502)
    ),
  ])
  func otherConfigurationsAreRefused(configuration: String, error: TextError) throws {
    var files = try Goldens.separateFiles()
    files.configuration = TextFile(path: "c", bytes: bytes(configuration))
    files.addedTokens = TextFile(path: "added", bytes: bytes(#"{"<|im_end|>": 502}"#))
    #expect(throws: error) { try TokenizerFiles.specification(files) }
  }

  @Test(arguments: [
    ("#version: 0.2\nh e\nhe\n", TextError.mergeSyntax(source: "m", rank: 1, text: "he")),
    ("h e\n#version: 0.2\n", .mergeUnknownToken(source: "m", rank: 1, token: "#version:")),
    ("h e\n h\n", .mergeUnknownToken(source: "m", rank: 1, token: "")),
    ("h zz\n", .mergeUnknownToken(source: "m", rank: 0, token: "zz")),
  ])
  func brokenMergeLinesAreRefused(text: String, error: TextError) throws {
    var files = try Goldens.separateFiles()
    files.merges = TextFile(path: "m", bytes: bytes(text))
    #expect(throws: error) { try TokenizerFiles.specification(files) }
  }

  @Test func mergesThatAreNotTextAreRefused() throws {
    var files = try Goldens.separateFiles()
    files.merges = TextFile(path: "m", bytes: [0x68, 0x20, 0x65, 0x0A, 0xFF])
    #expect(throws: TextError.bytes(.notUTF8(source: "m", offset: 4))) {
      try TokenizerFiles.specification(files)
    }
  }

  // MARK: Damage

  /// A damaged file is an error or another tokenizer that works; what it never does is crash or hang.
  @Test(.timeLimit(.minutes(10)))
  func damagedTokenizerIsAnErrorOrWorks() throws {
    let file = try Goldens.text("tiny/native/tokenizer.json")
    let damaged =
      Array(Corruption.cuts(of: file.bytes, step: 31))
      + Corruption.flips(of: file.bytes, count: 700, seed: 7)
      + Corruption.lies(of: file.bytes, count: 300, seed: 8) + Corruption.extensions(of: file.bytes)
    var errors = 0
    for damage in damaged {
      do throws(TextError) {
        try use(
          TokenizerFiles.specification(tokenizer: TextFile(path: "t", bytes: damage.bytes)))
      } catch {
        errors += 1
      }
    }
    // A cut file never works, flips mostly do not.
    #expect(errors > damaged.count / 2)
  }

  @Test(.timeLimit(.minutes(10)))
  func damagedSeparateFilesAreAnErrorOrWork() throws {
    let files = try Goldens.separateFiles()
    var errors = 0
    for part in 0..<5 {
      let original =
        [
          files.vocabulary.bytes, files.merges.bytes, files.addedTokens?.bytes,
          files.configuration?.bytes, files.specialTokens?.bytes,
        ][part] ?? []
      let damaged =
        Array(Corruption.cuts(of: original, step: 29))
        + Corruption.flips(of: original, count: 150, seed: 9)
        + Corruption.lies(of: original, count: 80, seed: 10)
      for damage in damaged {
        var files = files
        let file = TextFile(path: "t", bytes: damage.bytes)
        switch part {
        case 0: files.vocabulary = file
        case 1: files.merges = file
        case 2: files.addedTokens = file
        case 3: files.configuration = file
        default: files.specialTokens = file
        }
        do throws(TextError) {
          try use(TokenizerFiles.specification(files))
        } catch {
          errors += 1
        }
      }
    }
    #expect(errors > 500)
  }

  private func use(_ specification: TokenizerSpecification) throws(TextError) {
    let tokenizer = try Tokenizer(specification)
    let text = "Describe the image. <|im_end|>\n  12 中\u{301}"
    let ids = tokenizer.encode(text)
    #expect(
      bytes(tokenizer.decode(ids, special: .verbatim)) == NormalForm.composed(bytes(text)[...]))
  }
}
