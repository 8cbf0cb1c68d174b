import MartletBytes
import MartletTestSupport
import Testing

@Suite struct JSONTests {
  @Test func readsEveryKindOfValue() throws {
    let value = try JSONValue(
      parsing: " {\"a\":[1,-2.5e3,true,false,null],\"b\":{\"c\":\"d\"},\"e\":\"\"}\n", source: "t")
    let elements = try #require(value["a"]?.array)
    #expect(elements.count == 5)
    #expect(elements[1].double == -2500)
    #expect(Array(elements[2...]) == [true, false, .null])
    #expect(elements[0].int == 1)
    #expect(elements[1].int == nil)
    #expect(value["b"]?["c"]?.string == "d")
    #expect(value["e"] == "")
    #expect(value["x"] == nil)
    #expect(value.object?.members.map { $0.key } == ["a", "b", "e"])
  }

  @Test(arguments: [
    ("\"\\u00e9\\n\\\"\\\\\\/\\b\\f\\r\\t\"", "é\n\"\\/\u{8}\u{C}\r\t"),
    ("\"\\ud83d\\uDE00\"", "😀"), ("\"a\\u0000b\"", "a\u{0}b"), ("\"é😀\u{7F}\"", "é😀\u{7F}"),
    ("\"\\uFFFF\"", "\u{FFFF}"),
  ])
  func escapesAreResolved(text: String, expected: String) throws {
    #expect(
      Array(try JSONValue(parsing: text, source: "t").string?.utf8 ?? "".utf8)
        == Array(expected.utf8))
  }

  @Test(
    arguments: [
      ("0", 0x0000_0000_0000_0000),
      ("-0", 0x8000_0000_0000_0000),
      ("1e5", 0x40F8_6A00_0000_0000),
      ("1E+2", 0x4059_0000_0000_0000),
      ("0.1", 0x3FB9_9999_9999_999A),
      ("123456789012345678", 0x437B_69B4_BA63_0F35),
      ("2.2250738585072011e-308", 0x000F_FFFF_FFFF_FFFF),
      ("5e-324", 0x0000_0000_0000_0001),
      ("2e-324", 0x0000_0000_0000_0000),
      ("1e400", 0x7FF0_0000_0000_0000),
      ("-1e400", 0xFFF0_0000_0000_0000),
      ("9007199254740993", 0x4340_0000_0000_0000),
      ("1.7976931348623157e308", 0x7FEF_FFFF_FFFF_FFFF),
      ("0.000001e-330", 0x0000_0000_0000_0000),
    ] as [(String, UInt64)])
  func numbersAreTheNearestDoubles(text: String, expected: UInt64) throws {
    #expect(try JSONValue(parsing: text, source: "t").double?.bitPattern == expected)
  }

  @Test func integersKeepAllTheirDigits() throws {
    #expect(try JSONValue(parsing: "9223372036854775807", source: "t").int == .max)
    #expect(try JSONValue(parsing: "-9223372036854775808", source: "t").int == .min)
    #expect(try JSONValue(parsing: "9223372036854775808", source: "t").int == nil)
    #expect(try JSONValue(parsing: "1.0", source: "t").int == nil)
    #expect(try JSONValue(parsing: "1e2", source: "t").int == nil)
  }

  @Test(arguments: [
    ("", 0, JSONProblem.unexpectedEnd), ("  ", 2, .unexpectedEnd), ("{", 1, .unexpectedEnd),
    ("[1", 2, .unexpectedEnd), ("\"abc", 4, .unexpectedEnd), ("tru", 3, .unexpectedEnd),
    ("{\"a\"", 4, .unexpectedEnd), ("{\"a\":", 5, .unexpectedEnd), ("-", 1, .unexpectedEnd),
    ("1.", 2, .unexpectedEnd), ("1e", 2, .unexpectedEnd), ("\"\\", 2, .unexpectedEnd),
    ("\"\\u12", 5, .unexpectedEnd), ("[1,]", 3, .unexpectedByte(0x5D)),
    ("{\"a\":1,}", 7, .unexpectedByte(0x7D)), ("{a:1}", 1, .unexpectedByte(0x61)),
    ("[1 2]", 3, .unexpectedByte(0x32)), ("01", 1, .trailingBytes), ("1 x", 2, .trailingBytes),
    ("+1", 0, .unexpectedByte(0x2B)), (".5", 0, .unexpectedByte(0x2E)),
    ("NaN", 0, .unexpectedByte(0x4E)),
    ("nul1", 3, .unexpectedByte(0x31)), ("[1}", 2, .unexpectedByte(0x7D)),
    ("// c", 0, .unexpectedByte(0x2F)),
    ("{\"a\":1,\"b\":2,\"a\":3}", 13, .duplicateKey("a")), ("\"\\x\"", 1, .badEscape),
    ("\"\\u12g4\"", 5, .badEscape), ("\"\\ud800\"", 1, .loneSurrogate),
    ("\"\\udc00\"", 1, .loneSurrogate),
    ("\"\\ud800\\u0041\"", 1, .loneSurrogate), ("\"a\u{1}\"", 2, .controlCharacter(1)),
    ("\"a\nb\"", 2, .controlCharacter(10)), ("[\u{0}]", 1, .unexpectedByte(0)),
    ("\u{FEFF}1", 0, .unexpectedByte(0xEF)),
    ("{1:2}", 1, .unexpectedByte(0x31)), ("]", 0, .unexpectedByte(0x5D)),
  ])
  func whatIsNotJSONIsRefused(text: String, offset: Int, problem: JSONProblem) {
    let error = bytesError { () throws(BytesError) in _ = try JSONValue(parsing: text, source: "t")
    }
    #expect(error == .json(source: "t", offset: offset, problem: problem))
  }

  @Test(
    arguments: [
      ([0x22, 0xFF, 0x22], 1), ([0x22, 0x61, 0xC3, 0x22], 2), ([0x22, 0xED, 0xA0, 0x80, 0x22], 1),
      ([0x22, 0xC3, 0x5C, 0x6E, 0x22], 1), ([0x22, 0x5C, 0x6E, 0x80, 0x22], 3),
    ] as [([UInt8], Int)])
  func stringsThatAreNotUTF8AreRefused(bytes: [UInt8], offset: Int) {
    let error = bytesError { () throws(BytesError) in _ = try JSONValue(parsing: bytes, source: "t")
    }
    #expect(error == .json(source: "t", offset: offset, problem: .notUTF8))
  }

  @Test func nestingHasALimit() throws {
    let limit = JSONValue.depthLimit
    func nested(_ depth: Int) -> String {
      String(repeating: "[", count: depth) + String(repeating: "]", count: depth)
    }
    _ = try JSONValue(parsing: nested(limit), source: "t")
    let error = bytesError { () throws(BytesError) in
      _ = try JSONValue(parsing: nested(limit + 1), source: "t")
    }
    #expect(error == .json(source: "t", offset: limit, problem: .tooDeep))
    let endless = bytesError { () throws(BytesError) in
      _ = try JSONValue(parsing: String(repeating: "{\"a\":", count: 1_000_000), source: "t")
    }
    #expect(endless == .json(source: "t", offset: limit * 5, problem: .tooDeep))
  }

  @Test func numbersHaveALimit() {
    let text = "1" + String(repeating: "0", count: 2000)
    let error = bytesError { () throws(BytesError) in _ = try JSONValue(parsing: text, source: "t")
    }
    #expect(error == .json(source: "t", offset: 0, problem: .numberTooLong))
  }

  @Test func offsetsCountFromTheBase() {
    let bytes = Array("[x]".utf8)
    let error = bytesError { () throws(BytesError) in
      _ = try JSONValue(parsing: bytes.span.bytes, source: "f", base: 8)
    }
    #expect(error == .json(source: "f", offset: 9, problem: .unexpectedByte(0x78)))
  }

  @Test func largeObjectsFindTheirKeysAndDuplicates() throws {
    let members = (0..<100_000).map { "\"key\($0)\":\($0)" }.joined(separator: ",")
    let value = try JSONValue(parsing: "{" + members + "}", source: "t")
    #expect(value["key99999"]?.int == 99_999)
    #expect(value["key0"]?.int == 0)
    #expect(value["key100000"] == nil)
    for repeated in ["key3", "key99999"] {
      let error = bytesError { () throws(BytesError) in
        _ = try JSONValue(parsing: "{" + members + ",\"\(repeated)\":0}", source: "t")
      }
      #expect(
        error
          == .json(
            source: "t", offset: 2 + members.utf8.count, problem: .duplicateKey(repeated)))
    }
  }

  @Test func keysAreComparedByTheirBytes() throws {
    // One scalar, and a letter with a combining accent: equal as Swift strings.
    for filler in [0, 20] {
      let members = (0..<filler).map { "\"k\($0)\":0," }.joined()
      let value = try JSONValue(
        parsing: "{" + members + "\"\\u00e9\":1,\"e\\u0301\":2}", source: "t")
      #expect(value["\u{E9}"]?.int == 1)
      #expect(value["e\u{301}"]?.int == 2)
    }
  }

  @Test func writtenTextIsReadBackTheSame() throws {
    let value: JSONValue = [
      "text": "a\"b\\c\n\r\t\u{8}\u{C}\u{1}\u{7F}é😀/", "empty": [], "none": [:],
      "numbers": [
        0, -1, .init(0.1), .init(1e300), .init(Double.leastNonzeroMagnitude), .init(1.0),
        .init(-0.0),
      ],
      "flags": [true, false, .null], "nested": [["a": [1, [2]]]],
    ]
    for layout in [JSONValue.Layout.compact, .indented] {
      #expect(try JSONValue(parsing: value.text(layout), source: "t") == value)
    }
    #expect(
      (["a": [1, "x"], "b": [:]] as JSONValue).text() == "{\"a\":[1,\"x\"],\"b\":{}}")
    #expect(
      (["a": [1, "x"], "b": [:]] as JSONValue).text(.indented)
        == "{\n  \"a\": [\n    1,\n    \"x\"\n  ],\n  \"b\": {}\n}")
  }

  @Test func doublesAreWrittenShortestAndReadBackExactly() throws {
    var generator = SeededGenerator(seed: 3)
    var wrong: [Double] = []
    for _ in 0..<20_000 {
      let value = Double(bitPattern: generator.next())
      if !value.isFinite { continue }
      let text = JSONValue(value).text()
      let read = try JSONValue(parsing: text, source: "t").double
      if read?.bitPattern != value.bitPattern { wrong.append(value) }
    }
    #expect(wrong == [])
    #expect(JSONValue(0.1).text() == "0.1")
    #expect(JSONValue(Double.nan) == .null)
    #expect(JSONValue(-Double.infinity) == .null)
    #expect(JSONNumber(Double.infinity) == nil)
  }

  @Test func damagedTextIsAValueOrAnError() throws {
    let text = Array(
      "{\"a\":[1,-2.5e3,true,null,\"x\\u00e9\\ud83d\\ude00é\"],\"b\":{\"c\":{}}}".utf8)
    var refused = 0
    var tried = 0
    for damaged in Corruption.cuts(of: text) {
      tried += 1
      if bytesError({ () throws(BytesError) in
        _ = try JSONValue(parsing: damaged.bytes, source: "t")
      })
        != nil
      {
        refused += 1
      }
    }
    #expect(refused == tried)
    for damaged in Corruption.flips(of: text, count: 5000, seed: 5) {
      if bytesError({ () throws(BytesError) in
        _ = try JSONValue(parsing: damaged.bytes, source: "t")
      })
        != nil
      {
        refused += 1
      }
    }
    for damaged in Corruption.lies(of: text, count: 5000, seed: 6) {
      if bytesError({ () throws(BytesError) in
        _ = try JSONValue(parsing: damaged.bytes, source: "t")
      })
        != nil
      {
        refused += 1
      }
    }
    #expect(refused > tried)
  }
}
