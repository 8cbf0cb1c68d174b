import MartletModel
import MartletText
import Testing

@Suite struct PromptTests {
  private let sentinel = PromptTemplate.imageSentinel

  private func prompt(_ question: String, images: Int) throws -> Prompt {
    try Prompt(
      question: question, imageCount: images, template: .qwen2,
      tokenizer: Tokenizer(Goldens.separate.get()))
  }

  @Test func oneImageStandsBeforeTheQuestion() throws {
    let prompt = try prompt("What are these?", images: 1)
    #expect(
      prompt.text == """
        <|im_start|>system
        You are a helpful assistant.<|im_end|>
        <|im_start|>user
        <image>
        What are these?<|im_end|>
        <|im_start|>assistant

        """)
    #expect(prompt.ids.filter { $0 == sentinel }.count == 1)
    #expect(prompt.imageCount == 1)
  }

  /// The native layout has `<image>` as a token: the same prompt, its id in place of the sentinel.
  @Test func idsEqualTheOracleWithSentinels() throws {
    let golden = try #require(
      try GoldenCase.all("text/image-cases.json").first {
        $0.text?.contains("<image>\nWhat are these?") == true
          && $0.text?.contains("<image><image>") == false
      })
    let expected = golden.ids.map { $0 == 503 ? sentinel : $0 }
    #expect(try prompt("What are these?", images: 1).ids == expected)
    let native = try Prompt(
      question: "What are these?", imageCount: 1, template: .qwen2,
      tokenizer: Tokenizer(Goldens.native.get()))
    #expect(native.ids == expected)
  }

  /// "\n" and "\nWhat" are pieces of their own between images.
  @Test func severalImagesStandInOrder() throws {
    let tokenizer = try Tokenizer(Goldens.separate.get())
    let prompt = try prompt("What are these?", images: 3)
    let pieces = prompt.ids.split(separator: sentinel, omittingEmptySubsequences: false)
    #expect(pieces.count == 4)
    #expect(Array(pieces[0]) == tokenizer.encode(PromptTemplate.qwen2.opening))
    #expect(Array(pieces[1]) == tokenizer.encode("\n"))
    #expect(Array(pieces[2]) == tokenizer.encode("\n"))
    #expect(
      Array(pieces[3]) == tokenizer.encode("\nWhat are these?" + PromptTemplate.qwen2.closing))
  }

  @Test func promptWithoutImagesIsPlainText() throws {
    let tokenizer = try Tokenizer(Goldens.separate.get())
    let template = PromptTemplate.qwen2
    let prompt = try prompt("Hello!", images: 0)
    #expect(prompt.text == template.opening + "Hello!" + template.closing)
    #expect(prompt.ids == tokenizer.encode(prompt.text))
  }

  @Test func questionMayPlaceTheImages() throws {
    #expect(try prompt("<image>\nHi", images: 1) == prompt("Hi", images: 1))
    #expect(try prompt("<image>\n<image>\nHi", images: 2) == prompt("Hi", images: 2))
    #expect(try prompt("A: <image> B: <image>?", images: 2).text.contains("user\nA: <image> B: "))
  }

  @Test(arguments: [
    ("<image>", 0, 1), ("<image><image>", 1, 2), ("What is <image>?", 2, 1),
    ("<image>a<image>b<image>", 4, 3),
  ])
  func placeholdersThatDoNotMatchAreRefused(question: String, images: Int, found: Int) {
    #expect(throws: TextError.imagePlaceholders(images: images, placeholders: found)) {
      try prompt(question, images: images)
    }
  }

  @Test func placeholderInTheTemplateIsRefused() throws {
    var template = PromptTemplate.qwen2
    template.opening += "<ima"
    let tokenizer = try Tokenizer(Goldens.separate.get())
    #expect(throws: TextError.imagePlaceholders(images: 0, placeholders: 1)) {
      try Prompt(question: "ge>", imageCount: 0, template: template, tokenizer: tokenizer)
    }
  }

  @Test func nearPlaceholdersAreText() throws {
    let prompt = try prompt("<Image> < image> <image <imag<e> <image\u{301}>", images: 1)
    #expect(prompt.ids.filter { $0 == sentinel }.count == 1)
  }

  @Test func lengthCountsImageTokens() throws {
    let prompt = try prompt("What are these?", images: 2)
    let text = prompt.ids.count - 2
    #expect(try prompt.splicedLength(tokensPerImage: 256, maximum: 8192) == text + 512)
    #expect(try prompt.splicedLength(tokensPerImage: 256, maximum: text + 512) == text + 512)
    #expect(throws: TextError.promptTooLong(tokens: text + 512, maximum: text + 511)) {
      try prompt.splicedLength(tokensPerImage: 256, maximum: text + 511)
    }
    #expect(throws: TextError.promptTooLong(tokens: Int.max, maximum: 8192)) {
      try prompt.splicedLength(tokensPerImage: Int.max, maximum: 8192)
    }
  }
}
