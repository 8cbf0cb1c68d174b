import Foundation
import FoundationXML
import MartletBytes
import MartletTestSupport
import Testing

/// Verification in parts, gone on with, put together, and told as a page.
@Suite struct VerifyResultsTests {
  private let directory: TemporaryDirectory
  private let words: [String]

  /// Five questions about four pictures; names and words as hostile as files can hold.
  init() throws {
    directory = try TemporaryDirectory()
    let names = ["a.png", "b.png", "c.png", "d&'<b>.png"]
    for (index, name) in names.enumerated() {
      let source = Tiny.path(index % 2 == 0 ? "wide.png" : "tall.png")
      try directory.write(try SmallFile.bytes(of: source), to: name)
    }
    let hostile = "</td><script>alert(1)</script>\"'&\u{202E}"
    let questions = [
      ["image": names[0], "question": "What?", "answer": "x", "group": "plain"],
      ["image": names[1], "question": hostile, "answer": hostile, "group": hostile],
      ["image": names[0], "question": "Where?", "answer": "y", "group": "plain"],
      ["image": names[3], "question": "Who?", "answer": "z"],
      ["image": names[2], "question": "When?"],
    ]
    let lines = try questions.map {
      String(decoding: try JSONEncoder().encode($0), as: UTF8.self)
    }
    try directory.write(lines.joined(separator: "\n"), to: "q.jsonl")
    words = [
      "verify", Tiny.pack, "--reference", Tiny.llava, "--questions", directory.path("q.jsonl"),
      "--max-tokens", "4", "--quiet",
    ]
  }

  /// Keys that tell time and memory, which no two runs share.
  private static let measured = ["reference_ms.", "packed_ms.", "peak_rss_bytes", "what_if."]

  /// Every number and text of an object by its key.
  private func leaves(_ value: JSONValue, _ key: String = "") -> [String: JSONValue] {
    var leaves: [String: JSONValue] = [:]
    if let object = value.object {
      for (name, value) in object.members {
        leaves.merge(self.leaves(value, key + name + ".")) { first, _ in first }
      }
    } else if let array = value.array {
      for (index, value) in array.enumerated() {
        leaves.merge(self.leaves(value, key + "\(index).")) { first, _ in first }
      }
    } else {
      leaves[String(key.dropLast())] = value
    }
    return leaves
  }

  private func lasting(_ output: String) throws -> [String: JSONValue] {
    leaves(try JSONValue.only(in: output)).filter { key, _ in
      !Self.measured.contains { (key + ".").hasPrefix($0) || key.hasPrefix($0) }
        && !key.hasPrefix("blame.")
    }
  }

  @Test func shardsMergeIntoTheSingleRun() throws {
    let single = try Program.martlet.run(words + ["--json"])
    #expect(single.code == 0, "\(single.error)")
    var parts: [String] = []
    for index in 1...3 {
      parts.append(directory.path("part-\(index)"))
      let part = try Program.martlet.run(
        words + ["--shard", "\(index)/3", "--output", parts[index - 1]])
      #expect(part.code == 0, "\(part.error)")
      #expect(part.output == "")
    }
    let merged = try Program.martlet.run(["verify", "--merge"] + parts + ["--json"])
    #expect(merged.code == 0, "\(merged.error)")
    #expect(try lasting(merged.output) == lasting(single.output))
    let limited = try Program.martlet.run(["verify", "--merge"] + parts + ["--min-cosine", "1"])
    #expect(limited.code == 1)

    let lacking = try Program.martlet.run("verify", "--merge", parts[0], parts[2])
    #expect(lacking.code == 65)
    #expect(lacking.report.contains("2/3"))
    let otherwise = try Program.martlet.run(
      words + ["--max-tokens", "3", "--shard", "2/3", "--output", parts[1]])
    #expect(otherwise.code == 65)
    #expect(otherwise.report.contains("--max-tokens: expected 3, found 4"))
  }

  @Test func aKilledVerificationGoesOn() throws {
    let path = directory.path("results")
    let single = try Program.martlet.run(words + ["--output", path, "--json"])
    #expect(single.code == 0, "\(single.error)")
    let bytes = try SmallFile.bytes(of: path)
    try directory.write(Array(bytes.dropLast(40)), to: "results")
    let again = try Program.martlet.run(
      words.filter { $0 != "--quiet" } + ["--output", path, "--json"])
    #expect(again.code == 0)
    #expect(again.error.contains("are known already"))
    #expect(try lasting(again.output) == lasting(single.output))
  }

  /// What the page shows, by key: the full value in the attribute, and the words.
  private final class Reader: NSObject, XMLParserDelegate {
    var shown: [(key: String, value: String, words: String)] = []
    var elements: Set<String> = []
    var words = ""
    var open: (key: String, value: String)?

    func parser(
      _ parser: XMLParser, didStartElement name: String, namespaceURI: String?,
      qualifiedName: String?, attributes: [String: String]
    ) {
      elements.insert(name)
      if name == "data", let key = attributes["data-key"], let value = attributes["value"] {
        open = (key, value)
        words = ""
      }
    }

    func parser(_ parser: XMLParser, foundCharacters string: String) { words += string }

    func parser(
      _ parser: XMLParser, didEndElement name: String, namespaceURI: String?,
      qualifiedName: String?
    ) {
      if name == "data", let open { shown.append((open.key, open.value, words)) }
      if name == "data" { open = nil }
    }
  }

  /// Whether words are a number rounded to the digits they have: as it is, as percent, or in kilo, mega, giga.
  private static func says(_ words: String, _ number: Double) -> Bool {
    let digits = words.prefix { "+-.0123456789e".contains($0) }
    guard let shown = Double(digits) else { return false }
    let decimals = digits.contains(".") ? digits.split(separator: ".")[1].count : 0
    let step = digits.contains("e") ? 0.1 * abs(shown) : pow(10, -Double(decimals))
    return [1, 100, 1e-3, 1e-6, 1e-9].contains { abs(shown - number * $0) <= 0.501 * step }
  }

  /// Reads a page, every number of which must be that of the object.
  private func read(_ html: String, beside object: JSONValue) throws -> Reader {
    // The page shows what turns the direction of text as �.
    let found = Dictionary(
      uniqueKeysWithValues: leaves(object).map { key, value in
        (key.replacing("\u{202E}", with: "\u{FFFD}"), value)
      })
    let reader = Reader()
    let parser = XMLParser(data: Data(html.utf8))
    parser.delegate = reader
    #expect(parser.parse(), "\(parser.parserError.map { "\($0)" } ?? "")")
    for (key, value, words) in reader.shown {
      #expect(found[key]?.double == Double(value), "\(key)")
      let number = try #require(Double(value))
      #expect(Self.says(words, number), "\(key): \(words) for \(value)")
    }
    return reader
  }

  /// The example in the repository: Tools/nano/report makes both files.
  @Test func theExampleSaysWhatItsObjectSays() throws {
    let folder = URL(filePath: #filePath).deletingLastPathComponent()
      .appending(path: "../Fixtures/nano/report").standardized.path()
    let object = try JSONValue(contentsOf: Directory.path(folder, "report.json"))
    #expect(object["packs"]?.array?.count == 3)
    #expect(object["packs"]?.array?[0]["images"]?.int == 400)
    let html = try SmallFile.text(of: Directory.path(folder, "report.html"))
    #expect(try read(html, beside: object).shown.count > 1000)
  }

  /// One pack and two: every number of the page is that of the object, and nothing from files becomes markup.
  @Test(arguments: [1, 2])
  func thePageSaysWhatTheObjectSays(packs: Int) throws {
    let page = directory.path("report.html")
    var words = words + ["--what-if", "1", "--json", "--report", page]
    if packs == 2 { words.insert(Tiny.pack, at: 1) }
    let outcome = try Program.martlet.run(words)
    #expect(outcome.code == 0, "\(outcome.error)")
    let html = try SmallFile.text(of: page)
    let reader = try read(html, beside: JSONValue.only(in: outcome.output))
    #expect(reader.shown.count > 100 * packs)
    let keys = Set(reader.shown.map(\.key))
    let prefix = packs == 1 ? "" : "packs.1."
    for key in [
      "logits.kl_p99", "task.packed_score", "image_tokens.sqnr_db", "layers.3.introduced_db",
      "packed_ms.encode", "groups.plain.drop", "what_if.baseline.kl_mean",
      "worst_pictures.0.cosine",
    ] { #expect(keys.contains(prefix + key), "\(key)") }
    #expect(reader.elements.isDisjoint(with: ["script", "b>", "iframe", "link", "object"]))
    #expect(!html.contains("<script"))
    #expect(!html.contains("\u{202E}"))
    #expect(!html.contains("http://") && !html.contains("https://"))
    #expect(html.contains("data:image/jpeg;base64,"))
  }

  @Test func optionsThatDoNotGoTogetherAreRefused() throws {
    for words in [
      ["verify"], ["verify", "--merge", "x", "--shard", "1/2"],
      ["verify", Tiny.pack, "--output", "x"],
      words + ["--shard", "1/2"], words + ["--shard", "3/2", "--output", "x"],
      words + ["--shard", "1/2", "--output", "x", "--min-cosine", "0.5"],
      words + [Tiny.pack, "--output", "x"],
    ] {
      let outcome = try Program.martlet.run(words)
      #expect(outcome.code == 64, "\(words): \(outcome.error)")
      #expect(outcome.error.hasPrefix("error: "))
    }
  }
}
