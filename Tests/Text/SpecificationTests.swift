import MartletModel
import MartletText
import Testing

@Suite struct SpecificationTests {
  /// All bytes, then "ab" by one merge, then two added tokens.
  private static let sound = TokenizerSpecification(
    splitter: .qwen2, tokens: (UInt8.min...UInt8.max).map { [$0] } + [[0x61, 0x62]],
    merges: [.init(left: 0x61, right: 0x62, result: 256)],
    addedTokens: [
      .init(id: 257, content: "<end>", isSpecial: true),
      .init(id: 258, content: "<end>!", isSpecial: false),
    ])

  @Test func soundSpecificationIsTaken() throws {
    let tokenizer = try Tokenizer(Self.sound)
    #expect(tokenizer.encode("abc<end>!<end>") == [256, 0x63, 258, 257])
  }

  struct Fault: CustomTestStringConvertible, Sendable {
    let testDescription: String
    let error: TextError
    let change: @Sendable (inout TokenizerSpecification) -> Void

    init(
      _ name: String, _ error: TextError,
      _ change: @escaping @Sendable (inout TokenizerSpecification) -> Void
    ) {
      testDescription = name
      self.error = error
      self.change = change
    }
  }

  private static let faults: [Fault] = [
    Fault("negative added id", .idOutOfRange(id: -1, limit: Tokenizer.largestSize)) {
      $0.addedTokens[0].id = -1
    },
    Fault(
      "huge added id", .idOutOfRange(id: Tokenizer.largestSize, limit: Tokenizer.largestSize)
    ) {
      $0.addedTokens[0].id = Tokenizer.largestSize
    },
    // Twice the 259 tokens there are, and 1024.
    Fault("added id far off", .idOutOfRange(id: 1542, limit: 1542)) {
      $0.addedTokens[0].id = 1542
    },
    Fault(
      "too many tokens", .idOutOfRange(id: Tokenizer.largestSize, limit: Tokenizer.largestSize)
    ) {
      $0.tokens += [[UInt8]](repeating: [], count: Tokenizer.largestSize - 256)
    },
    Fault("missing byte", .missingByte(0x80)) { $0.tokens[0x80] = [] },
    Fault("byte twice", .duplicateByte(0x41, firstID: 0x41, secondID: 257)) {
      $0.tokens.append([0x41])
    },
    Fault("merge of an id beyond", .mergeUnknownID(rank: 0, id: 257)) { $0.merges[0].left = 257 },
    Fault("merge of a negative id", .mergeUnknownID(rank: 0, id: -5)) { $0.merges[0].right = -5 },
    Fault("merge into an unused id", .mergeUnknownID(rank: 0, id: 256)) { $0.tokens[256] = [] },
    Fault(
      "merge into other bytes", .mergeMismatch(rank: 0, left: 0x61, right: 0x62, result: 256)
    ) {
      $0.tokens[256] = [0x61, 0x63]
    },
    Fault(
      "merge into more bytes", .mergeMismatch(rank: 0, left: 0x61, right: 0x62, result: 256)
    ) {
      $0.tokens[256] = [0x61, 0x62, 0x62]
    },
    Fault("merge twice", .duplicateMerge(firstRank: 0, secondRank: 1)) {
      $0.merges.append($0.merges[0])
    },
    Fault("empty added token", .emptyAddedToken(id: 258)) { $0.addedTokens[1].content = "" },
    Fault(
      "added text twice", .duplicateAddedToken(content: "<end>", firstID: 257, secondID: 258)
    ) {
      $0.addedTokens[1].content = "<end>"
    },
    Fault("added id twice", .duplicateID(257, first: "<end>", second: "<end>!")) {
      $0.addedTokens[1].id = 257
    },
    Fault("added id of another token", .duplicateID(256, first: "ab", second: "<end>")) {
      $0.addedTokens[0].id = 256
    },
  ]

  @Test(arguments: faults)
  func contradictionIsRefused(fault: Fault) {
    var specification = Self.sound
    fault.change(&specification)
    #expect(throws: fault.error) { try Tokenizer(specification) }
  }

  @Test func addedTokenMayAlsoBeInTheVocabulary() throws {
    var specification = Self.sound
    specification.addedTokens[0] = .init(id: 256, content: "ab", isSpecial: true)
    let tokenizer = try Tokenizer(specification)
    #expect(tokenizer.encode("ab") == [256])
    #expect(tokenizer.decode([256, 0x63]) == "c")
  }

  /// Texts that Swift calls equal are different tokens.
  @Test func addedTokensAreComparedByTheirBytes() throws {
    var specification = Self.sound
    specification.addedTokens[0].content = "<é>"
    specification.addedTokens[1].content = "<e\u{301}>"
    let tokenizer = try Tokenizer(specification)
    #expect(tokenizer.encode("<é><e\u{301}>") == [257, 258])
    #expect(tokenizer.id(ofAddedToken: "<e\u{301}>") == 258)
  }
}
