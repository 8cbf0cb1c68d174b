import MartletModel
import MartletTestSupport
import MartletText
import Testing

@Suite struct DecodingTests {
  @Test(arguments: ["text/cases.json", "text/decode.json"])
  func textEqualsTheOracle(file: String) throws {
    let tokenizer = try Tokenizer(Goldens.separate.get())
    for golden in try GoldenCase.all(file) {
      #expect(bytes(tokenizer.decode(golden.ids)) == bytes(golden.decoded), "\(golden.ids)")
      #expect(
        bytes(tokenizer.decode(golden.ids, special: .verbatim)) == bytes(golden.verbatim),
        "\(golden.ids)")
    }
  }

  @Test func addedTokensThatAreNotSpecialStay() throws {
    let tokenizer = try Tokenizer(Goldens.tools.get())
    for golden in try GoldenCase.all("text/tool-cases.json") {
      #expect(bytes(tokenizer.decode(golden.ids)) == bytes(golden.decoded))
      #expect(bytes(tokenizer.decode(golden.ids, special: .verbatim)) == bytes(golden.verbatim))
    }
  }

  @Test func idsWithoutATokenGiveNothing() throws {
    var specification = try Goldens.separate.get()
    specification.addedTokens.append(.init(id: 600, content: "<far>", isSpecial: false))
    let tokenizer = try Tokenizer(specification)
    #expect(tokenizer.size == 601)
    #expect(tokenizer.decode([64, 550, -1, -200, Int.min, 601, Int.max, 65, 600]) == "ab<far>")
  }

  /// Every way to stop between two ids, on goldens with cut and malformed UTF-8.
  @Test(arguments: [SpecialTokens.omitted, .verbatim])
  func streamedTextEqualsTheWhole(special: SpecialTokens) throws {
    let tokenizer = try Tokenizer(Goldens.separate.get())
    let cases = try GoldenCase.all("text/cases.json") + GoldenCase.all("text/decode.json")
    for golden in cases {
      for end in 0...golden.ids.count where golden.ids.count < 40 || end == golden.ids.count {
        expectStream(golden.ids[..<end], tokenizer, special)
      }
    }
  }

  @Test func streamOfRandomBytesNeverSplitsACharacter() throws {
    let tokenizer = try Tokenizer(byteSpecification())
    let telling: [UInt8] = [
      0x00, 0x41, 0x7F, 0x80, 0x8F, 0x90, 0x9F, 0xA0, 0xBF, 0xC0, 0xC1, 0xC2, 0xDF, 0xE0, 0xE1,
      0xEC,
      0xED, 0xEE, 0xEF, 0xF0, 0xF1, 0xF3, 0xF4, 0xF5, 0xFF,
    ]
    var generator = SeededGenerator(seed: 6)
    for _ in 0..<20_000 {
      let ids = (0..<generator.int(in: 1...9)).map { _ in
        Int(telling[generator.int(in: 0...telling.count - 1)])
      }
      expectStream(ids[...], tokenizer, .omitted)
    }
  }

  @Test func characterAppearsWithItsLastByte() throws {
    var decoder = StreamingDecoder(try Tokenizer(byteSpecification()))
    let pieces = bytes("a🙂é").map { decoder.append(Int($0)) }
    #expect(pieces == ["a", "", "", "", "🙂", "", "é"])
    #expect(decoder.finish() == "")
    #expect([0xF0, 0x9F, 0x99].map { decoder.append($0) } == ["", "", ""])
    #expect(decoder.finish() == "\u{FFFD}")
    #expect(decoder.append(0x41) == "A")
  }

  private func expectStream(
    _ ids: ArraySlice<Int>, _ tokenizer: Tokenizer, _ special: SpecialTokens
  ) {
    let whole = tokenizer.decode(Array(ids), special: special)
    var decoder = StreamingDecoder(tokenizer, special: special)
    var streamed: [UInt8] = []
    for id in ids {
      streamed += bytes(decoder.append(id))
      // What is out stays: it begins the whole text.
      #expect(bytes(whole).starts(with: streamed), "\(ids)")
    }
    streamed += bytes(decoder.finish())
    #expect(streamed == bytes(whole), "\(ids)")
  }

  /// Ids are bytes.
  private func byteSpecification() -> TokenizerSpecification {
    TokenizerSpecification(
      splitter: .qwen2, tokens: (UInt8.min...UInt8.max).map { [$0] }, merges: [], addedTokens: [])
  }
}
