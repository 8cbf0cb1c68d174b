import Foundation
import MartletBytes
import MartletPack
import MartletTestSupport
import Testing

/// A pack checked by nothing but itself: what was changed is found, and named.
@Suite struct ProofTests {
  @Test func aPackProvesItself() throws {
    let full = try Program.martlet.run("verify", Proven.pack, "--json", "--quiet")
    #expect(full.code == 0, "\(full.error)")
    let json = try JSONValue.only(in: full.output)
    #expect(json["passed"]?.bool == true)
    #expect(json["proof"]?["passed"]?.bool == true)
    #expect(json["proof"]?["departs_at"]?.isNull == true)
    #expect(json["proof"]?["pictures"]?.int == 2)
    #expect((json["proof"]?["values_compared"]?.int ?? 0) > 50)
    let board = try Program.board.run(Proven.pack, "--self-test", "--threads", "1", "--json")
    #expect(board.code == 0, "\(board.error)")
    #expect(
      try JSONValue.only(in: board.output)["proof"]?["values_compared"]
        == json["proof"]?["values_compared"])
    let text = try Program.board.run(Proven.pack, "--self-test")
    #expect(text.output.contains("as at conversion, bit for bit"))
  }

  /// A fault, how far it covers its traces, and how the report has to begin and what it has to say.
  struct Fault: CustomTestStringConvertible, Sendable {
    var name: String
    var cover: Proven.Cover
    var place: String
    var evidence: String
    var change: @Sendable (inout PackImage) throws -> Void

    var testDescription: String { "\(name), \(cover) covered" }
  }

  private static let product = "vision.stages.1.blocks.0.ffn.fc1"

  static let faults: [Fault] =
    [
      weight(.checksums, "tensor '\(product).weight' is not the one the proof was made with"),
      weight(.proof, "its weights are those of the conversion"),
      // The proof was made with another tensor, and no golden picture tells.
      Fault(
        name: "other tensor", cover: .checksums, place: "weights",
        evidence: "the golden pictures do not show it"
      ) { $0["PROF"][1 + 5 * 8 + 4] ^= 1 },
      Fault(
        name: "head", cover: .checksums, place: "logits",
        evidence: "tensor 'language.embed.weight' is not"
      ) { try Proven.changeByte(of: "language.embed.weight", at: 5, in: &$0) },
      Fault(
        name: "template", cover: .checksums, place: "tokens", evidence: "the question about"
      ) { try replace("helpful", by: "hopeful", in: &$0["PRMP"]) },
      Fault(
        name: "template", cover: .proof, place: "tokens", evidence: "the question about"
      ) { try replace("helpful", by: "hopeful", in: &$0["PRMP"]) },
      Fault(
        name: "end of answers", cover: .checksums, place: "tokens", evidence: "record 'PRMP'"
      ) { stopAtOnce(&$0["PRMP"]) },
      Fault(
        name: "end of answers", cover: .proof, place: "text", evidence: "expected '"
      ) { stopAtOnce(&$0["PRMP"]) },
      Fault(
        name: "crop for pad", cover: .proof, place: "pixels", evidence: "becomes other pixels"
      ) { $0["IMAG"][4] ^= 1 },
      Fault(
        name: "color of padding", cover: .proof, place: "pixels", evidence: "becomes other pixels"
      ) { $0["IMAG"][5] = 127 },
      Fault(
        name: "unread mean", cover: .checksums, place: "pixels", evidence: "record 'IMAG'"
      ) { $0["IMAG"][11] = 0x3F },
    ]
    + [Proven.Cover.checksums, .proof].flatMap { cover in
      [
        Fault(name: "swapped bytes", cover: cover, place: "tokens", evidence: "the probe text: id")
        {
          try TokenizerEdit.swapTokens([0x65], [0x74], in: &$0["TOKN"])
        },
        Fault(name: "swapped merges", cover: cover, place: "tokens", evidence: "the probe text: id")
        { try TokenizerEdit.swapFirstMerges(in: &$0["TOKN"]) },
      ]
    } + [
      Fault(name: "unused bytes", cover: .checksums, place: "tokens", evidence: "record 'TOKN'") {
        try TokenizerEdit.swapTokens([0xC0], [0xC1], in: &$0["TOKN"])
      }
    ]

  private static func weight(_ cover: Proven.Cover, _ evidence: String) -> Fault {
    Fault(name: "weight", cover: cover, place: "layer '\(product)'", evidence: evidence) {
      try Proven.changeByte(of: product + ".weight", at: 70, in: &$0)
    }
  }

  @Test(arguments: faults)
  func whatWasChangedIsFoundAndNamed(fault: Fault) throws {
    let directory = try TemporaryDirectory()
    let path = try Proven.changed(in: directory, cover: fault.cover, fault.change)
    let headline = "error: '\(path)' departs from its proof: \(fault.place)"
    let found = try Program.martlet.run("verify", path)
    #expect(found.code == 1)
    #expect(found.headline == headline, "\(found.error)")
    #expect(found.report.contains(fault.evidence), "\(found.report)")
    #expect(found.output == "")
    let board = try Program.board.run(path, "--self-test", "--json")
    #expect(board.code == 1)
    #expect(board.report == found.report)
    let json = try JSONValue.only(in: board.output)
    #expect(json["passed"]?.bool == false)
    #expect(json["proof"]?["place"]?.string == fault.place)
    #expect(json["proof"]?["departs_at"]?.string.map { fault.place.hasPrefix($0) } == true)
  }

  @Test func aChangedByteUnderItsOldChecksumIsDamage() throws {
    let directory = try TemporaryDirectory()
    let path = try Proven.changed(in: directory, cover: .none) {
      try Proven.changeByte(of: Self.product + ".weight", at: 70, in: &$0)
    }
    for outcome in [
      try Program.martlet.run("verify", path), try Program.board.run(path, "--self-test"),
    ] {
      #expect(outcome.code == 65)
      #expect(outcome.report.contains("tensor '\(Self.product).weight', codes, frame 0"))
    }
  }

  @Test func packsWithoutAProofSaySo() throws {
    let directory = try TemporaryDirectory()
    let path = directory.path("none.martlet")
    let made = try Program.martlet.run("convert", Tiny.llava, "-o", path, "--no-proof")
    #expect(made.code == 0)
    #expect(made.error.contains("no proof: the pack cannot be checked"))
    let verified = try Program.martlet.run("verify", path, "--json")
    #expect(verified.code == 0)
    #expect(verified.error.contains("warning: '\(path)' holds no proof"))
    #expect(try JSONValue.only(in: verified.output)["proof"]?.isNull == true)
    let tested = try Program.board.run(path, "--self-test")
    #expect(tested.code == 65)
    #expect(tested.headline == "error: '\(path)' cannot test itself")
    let asked = try Program.board.run(path, "--self-test", "--prompt", "x")
    #expect(asked.code == 64)
  }

  @Test func goldenPicturesComeFromTheCalibrationSetUnlessDrawn() throws {
    let directory = try TemporaryDirectory()
    for name in ["wide.png", "tall.png"] {
      try directory.write(try SmallFile.bytes(of: Tiny.path(name)), to: "pictures/\(name)")
    }
    try directory.write(
      #"{"image": "pictures/wide.png", "question": "Is it wide?"}"#, to: "q.jsonl")
    let words = ["convert", Tiny.llava, "-o", directory.path("p.martlet")]
    let given = try Program.martlet.run(
      words + ["--calibration", directory.path("pictures")]
        + ["--questions", directory.path("q.jsonl")])
    #expect(given.code == 0, "\(given.error)")
    #expect(given.error.contains("proof: small copies of 'tall.png' and 'wide.png' from the"))
    let proof = try #require(try Pack(path: directory.path("p.martlet")).proof)
    #expect(proof.origin == .given)
    #expect(proof.goldens.map(\.name) == ["tall.png", "wide.png"])
    #expect(proof.goldens.map(\.answer?.question).contains("Is it wide?"))
    #expect(proof.goldens.allSatisfy { $0.picture.width != $0.picture.height })
    let drawn = try Program.martlet.run(
      words + ["--calibration", directory.path("pictures"), "--drawn-proof"])
    #expect(drawn.error.contains("proof: two drawn pictures are stored"))
    #expect(try Pack(path: directory.path("p.martlet")).proof?.origin == .drawn)
    #expect(try Program.board.run(directory.path("p.martlet"), "--self-test").code == 0)
    let bound = try Program.martlet.run(words + ["--max-memory", "601M"])
    #expect(bound.error.contains("warning: no proof is stored: making it takes"), "\(bound.error)")
    #expect(try Pack(path: directory.path("p.martlet")).proof == nil)
  }

  private static func replace(_ old: String, by new: String, in bytes: inout [UInt8]) throws {
    try replace(Array(old.utf8), by: Array(new.utf8), in: &bytes)
  }

  private static func replace(_ old: [UInt8], by new: [UInt8], in bytes: inout [UInt8]) throws {
    let place = try #require(
      bytes.indices.first { bytes[$0...].starts(with: old) }, "nothing to replace")
    bytes.replaceSubrange(place..<place + old.count, with: new)
  }

  /// Makes the first id of the first golden answer one that ends answers.
  private static func stopAtOnce(_ prompt: inout [UInt8]) {
    let id = (try? Pack(path: Proven.pack))?.proof?.goldens[0].answer?.packIDs.first ?? 0
    // The list of ids stands before the last field; its last id is given away.
    PackImage.store(UInt64(id), 4, in: &prompt, at: prompt.count - 8)
  }
}

/// Tokenizers that stay without contradiction, and are others.
enum TokenizerEdit {
  /// Two tokens exchange their ids, in the vocabulary and in all merges.
  static func swapTokens(_ a: [UInt8], _ b: [UInt8], in record: inout [UInt8]) throws {
    try #require(a.count == b.count)
    func number(_ offset: Int, _ count: Int) -> Int {
      Int(PackImage.number(record, offset, count))
    }
    let count = number(1, 4)
    var start = 5 + 2 * count
    var places: [[UInt8]: (id: Int, offset: Int)] = [:]
    for id in 0..<count {
      let length = number(5 + 2 * id, 2)
      places[Array(record[start..<start + length])] = (id, start)
      start += length
    }
    let (first, second) = (try #require(places[a]), try #require(places[b]))
    record.replaceSubrange(first.offset..<first.offset + a.count, with: b)
    record.replaceSubrange(second.offset..<second.offset + b.count, with: a)
    for field in stride(from: start + 4, to: start + 4 + 12 * number(start, 4), by: 4) {
      let id = number(field, 4)
      if id != first.id, id != second.id { continue }
      let other = id == first.id ? second.id : first.id
      PackImage.store(UInt64(other), 4, in: &record, at: field)
    }
  }

  /// Turns the order of all merges around, as far as that is without contradiction: ranks say which pair merges first.
  static func swapFirstMerges(in record: inout [UInt8]) throws {
    let count = Int(PackImage.number(record, 1, 4))
    let start =
      5 + 2 * count + (0..<count).reduce(0) { $0 + Int(PackImage.number(record, 5 + 2 * $1, 2)) }
    let merges = Int(PackImage.number(record, start, 4))
    try #require(merges > 2)
    var entries = (0..<merges).map { Array(record[(start + 4 + 12 * $0)...].prefix(12)) }
    entries.reverse()
    record.replaceSubrange(start + 4..<start + 4 + 12 * merges, with: entries.joined())
  }
}
