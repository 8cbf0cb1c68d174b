import MartletModel
import MartletSynthesis
import MartletText
import Testing

/// The made-up tokenizer behaves as a trained one.
@Suite struct SyntheticVocabularyTests {
  private func tokenizer(_ size: ModelSize, _ layout: SynthesisLayout) throws -> Tokenizer {
    let files = SyntheticCheckpoint(size: size, layout: layout, seed: 0).texts
    func file(_ name: String) -> TextFile? {
      files[name].map { TextFile(path: name, bytes: Array($0.utf8)) }
    }
    if let whole = file("tokenizer.json") {
      return try Tokenizer(TokenizerFiles.specification(tokenizer: whole))
    }
    return try Tokenizer(
      TokenizerFiles.specification(
        .init(
          vocabulary: try #require(file("vocab.json")), merges: try #require(file("merges.txt")),
          addedTokens: file("added_tokens.json"), configuration: file("tokenizer_config.json"),
          specialTokens: file("special_tokens_map.json"))))
  }

  @Test(arguments: [
    (ModelSize.half, SynthesisLayout.llava, 151646), (.half, .native, 151647),
    (.seven, .llava, 151665), (.seven, .native, 151666),
  ])
  func idsLieWhereTheRealOnesDo(size: ModelSize, layout: SynthesisLayout, count: Int) throws {
    let tokenizer = try tokenizer(size, layout)
    #expect(tokenizer.size == count)
    #expect(tokenizer.id(ofAddedToken: "<|endoftext|>") == 151643)
    #expect(tokenizer.id(ofAddedToken: "<|im_start|>") == 151644)
    #expect(tokenizer.id(ofAddedToken: "<|im_end|>") == 151645)
    #expect(tokenizer.id(ofAddedToken: "<image>") == (layout == .native ? count - 1 : nil))
    #expect(tokenizer.id(ofAddedToken: "<|file_sep|>") == (size == .seven ? 151664 : nil))
  }

  @Test(arguments: [ModelSize.tiny, .half])
  func textComesBackAndWordsAreFewTokens(_ size: ModelSize) throws {
    let tokenizer = try tokenizer(size, .llava)
    for text in ["What are these?", "été 图片 🙂\n\n  x = 3;", "the quick brown fox"] {
      #expect(tokenizer.decode(tokenizer.encode(text)) == text)
    }
    if size == .half {
      #expect(tokenizer.encode(" fox").count == 1)
      #expect(tokenizer.encode("what is the red fox").count <= 10)
    }
  }

  @Test func everyIDDecodesToText() throws {
    let tokenizer = try tokenizer(.half, .llava)
    for id in stride(from: 256, to: 151643, by: 977) {
      let text = tokenizer.decode([id])
      #expect(!text.isEmpty && text.unicodeScalars.allSatisfy { $0.isASCII })
    }
  }
}
