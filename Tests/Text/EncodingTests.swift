import MartletBytes
import MartletModel
import MartletTestSupport
import MartletText
import Testing

@Suite struct EncodingTests {
  @Test(arguments: [
    ("text/cases.json", 777), ("text/image-cases.json", 9), ("text/tool-cases.json", 12),
  ])
  func idsEqualTheOracle(file: String, count: Int) throws {
    let specification =
      switch file {
      case "text/cases.json": try Goldens.separate.get()
      case "text/image-cases.json": try Goldens.native.get()
      default: try Goldens.tools.get()
      }
    let tokenizer = try Tokenizer(specification)
    let cases = try GoldenCase.all(file)
    #expect(cases.count >= count)
    for golden in cases {
      let text = try #require(golden.text)
      #expect(tokenizer.encode(text) == golden.ids, "\(text.debugDescription)")
    }
  }

  @Test func wordsEqualTheOracle() throws {
    let cases = try #require(try Goldens.json("text/splits.json").array)
    #expect(cases.count >= 735)
    for golden in cases {
      let text = try #require(golden["text"]?.string)
      let pieces = try #require(golden["pieces"]?.array).map { bytes($0.string ?? "") }
      #expect(words(text) == pieces, "\(text.debugDescription)")
    }
  }

  /// 4096 texts strung together from hard fragments; the oracle's ids are kept as one hash for each 64 texts.
  @Test func idsOfRandomTextsEqualTheOracle() throws {
    let golden = try Goldens.json("text/random.json")
    let fragments = try #require(golden["fragments"]?.array).compactMap(\.string)
    let hashes = try #require(golden["hashes"]?.array).compactMap(\.string)
    #expect(hashes.count == 64)
    let tokenizer = try Tokenizer(Goldens.separate.get())
    var generator = SeededGenerator(seed: 11)
    for (block, expected) in hashes.enumerated() {
      var hash: UInt64 = 0xCBF2_9CE4_8422_2325
      for _ in 0..<64 {
        var text = ""
        for _ in 0...(generator.next() % 24) {
          text += fragments[Int(generator.next() % UInt64(fragments.count))]
        }
        // Ids are shorter than 16 bits; a number beyond them ends each text.
        for id in tokenizer.encode(text) + [0xFFFF] {
          hash = (hash ^ UInt64(id)) &* 0x100_0000_01B3
        }
      }
      #expect(String(hash, radix: 16) == expected, "texts \(block * 64)..<\(block * 64 + 64)")
    }
  }

  @Test func wordsCoverTheNormalizedText() {
    var generator = SeededGenerator(seed: 3)
    for _ in 0..<2000 {
      let text = randomText(&generator)
      let normal = NormalForm.composed(bytes(text)[...])
      #expect(Array(words(text).joined()) == normal)
    }
  }

  @Test func decodingGivesTheNormalizedTextBack() throws {
    let tokenizer = try Tokenizer(Goldens.separate.get())
    var generator = SeededGenerator(seed: 4)
    for _ in 0..<2000 {
      let text = randomText(&generator)
      let normal = NormalForm.composed(bytes(text)[...])
      #expect(bytes(tokenizer.decode(tokenizer.encode(text))) == normal)
    }
  }

  /// Long words take another path than short ones; both must equal the plain definition.
  @Test func mergingEqualsThePlainDefinition() throws {
    var generator = SeededGenerator(seed: 5)
    for _ in 0..<40 {
      let specification = randomSpecification(&generator)
      let tokenizer = try Tokenizer(specification)
      for length in [0, 1, 2, 3, 7, 46, 47, 48, 49, 50, 97, 400] {
        let word = String(decoding: (0..<length).map { _ in letter(&generator) }, as: UTF8.self)
        #expect(tokenizer.encode(word) == plainMerge(word, specification), "\(word)")
      }
    }
  }

  /// Anything quadratic takes hours here; the limit is wide because the machine may be busy.
  @Test(
    .timeLimit(.minutes(10)),
    arguments: [
      "a", "ab", " ", "\n", " \n", "!", "1", "\u{301}", "\u{323}\u{301}", "\u{F73}",
      "\u{1100}\u{1161}",
      "e\u{301}", "中", "'", "<|im_end|>", "<", "<|im_",
    ])
  func longRunsEncodeInTime(unit: String) throws {
    let tokenizer = try Tokenizer(Goldens.separate.get())
    let text = "x" + String(repeating: unit, count: 1_000_000 / unit.utf8.count)
    let ids = tokenizer.encode(text)
    #expect(
      bytes(tokenizer.decode(ids, special: .verbatim)) == NormalForm.composed(bytes(text)[...]))
  }

  @Test func addedTokensAreFoundByContent() throws {
    let tokenizer = try Tokenizer(Goldens.tools.get())
    #expect(tokenizer.id(ofAddedToken: "<|im_end|>") == 502)
    #expect(tokenizer.id(ofAddedToken: "</tool_call>") == 505)
    #expect(tokenizer.id(ofAddedToken: "<image>") == nil)
    #expect(tokenizer.id(ofAddedToken: "") == nil)
    #expect(tokenizer.size == 508)
  }

  private func words(_ text: String) -> [[UInt8]] {
    let normal = NormalForm.composed(bytes(text)[...])
    var splitter = Qwen2Splitter(normal)
    var words: [[UInt8]] = []
    while let word = splitter.next() { words.append(Array(normal[word])) }
    return words
  }
}

/// Characters of every kind the splitter knows, and any scalar at all.
private func randomText(_ generator: inout SeededGenerator) -> String {
  let kinds: [[Unicode.Scalar]] = [
    ["a", "S", "t", "é", "ſ", "中", "ß", "\u{1100}", "\u{1161}"], ["1", "٣", "½", "Ⅷ"],
    [" ", "\t", "\u{A0}", "\u{3000}", "\u{85}"], ["\n", "\r", "\u{2028}"],
    ["'", "!", "-", "\u{200D}", "🙂"],
    ["\u{301}", "\u{323}", "\u{338}", "\u{F73}", "\u{5AE}"],
  ]
  var text = String.UnicodeScalarView()
  for _ in 0..<generator.int(in: 0...12) {
    let kind = generator.int(in: 0...kinds.count)
    if kind < kinds.count {
      text.append(kinds[kind][generator.int(in: 0...kinds[kind].count - 1)])
    } else if let scalar = Unicode.Scalar(UInt32(generator.int(in: 0...0x10FFFF))) {
      text.append(scalar)
    }
  }
  return String(text)
}

private func letter(_ generator: inout SeededGenerator) -> UInt8 {
  UInt8(ascii: "a") + UInt8(generator.int(in: 0...2))
}

/// All bytes, and random merges over a, b and c, each with a token of its own.
private func randomSpecification(_ generator: inout SeededGenerator) -> TokenizerSpecification {
  var tokens = (UInt8.min...UInt8.max).map { [$0] }
  var usable: [Int] = Array("abc".utf8).map(Int.init)
  var merges: [TokenizerSpecification.Merge] = []
  for _ in 0..<60 {
    let left = usable[generator.int(in: 0...usable.count - 1)]
    let right = usable[generator.int(in: 0...usable.count - 1)]
    let joined = tokens[left] + tokens[right]
    if joined.count > 12 || merges.contains(where: { $0.left == left && $0.right == right }) {
      continue
    }
    let result = tokens.firstIndex(of: joined) ?? tokens.count
    if result == tokens.count {
      tokens.append(joined)
      usable.append(result)
    }
    merges.append(.init(left: Int32(left), right: Int32(right), result: Int32(result)))
  }
  merges.shuffle(using: &generator)
  return TokenizerSpecification(splitter: .qwen2, tokens: tokens, merges: merges, addedTokens: [])
}

/// Reference section 6, step 5, word for word.
private func plainMerge(_ word: String, _ specification: TokenizerSpecification) -> [Int] {
  var symbols = word.utf8.map(Int.init)
  while true {
    var best: (rank: Int, position: Int)?
    for position in symbols.indices.dropLast() {
      let rank = specification.merges.firstIndex {
        $0.left == symbols[position] && $0.right == symbols[position + 1]
      }
      if let rank, rank < best?.rank ?? Int.max { best = (rank, position) }
    }
    guard let best else { return symbols }
    symbols[best.position] = Int(specification.merges[best.rank].result)
    symbols.remove(at: best.position + 1)
  }
}
