import Foundation
import MartletBytes
import MartletPack
import MartletTestSupport
import Testing

/// What `diff` and the tree of `inspect` tell of models.
@Suite struct DiffTests {
  private let directory: TemporaryDirectory

  init() throws { directory = try TemporaryDirectory() }

  private func converted(_ name: String, _ words: String...) throws -> String {
    let path = directory.path(name)
    let outcome = try Program.martlet.run(["convert", Tiny.llava, "-o", path, "--quiet"] + words)
    #expect(outcome.code == 0, "\(outcome.error)")
    return path
  }

  private func diff(_ a: String, _ b: String) throws -> (code: Int32, json: JSONValue) {
    let outcome = try Program.martlet.run("diff", a, b, "--json", "--quiet")
    let json = try JSONValue.only(in: outcome.output)
    #expect(json["same"]?.bool == (outcome.code == 0))
    #expect(json.keys.contains("tensors.different"))
    return (outcome.code, json)
  }

  @Test func storageAndProofAreNoDifference() throws {
    let raw = try converted("raw", "--raw", "--no-proof")
    #expect(try diff(Tiny.pack, raw).code == 0)
    let text = try Program.martlet.run("diff", Tiny.pack, raw)
    #expect(text.output.contains("the same in meaning"))
    #expect(text.output.contains("pack without a proof"))
  }

  @Test func aFloatPackIsItsCheckpoint() throws {
    let pack = try converted("float", "--scheme", "float32")
    let found = try diff(pack, Tiny.llava)
    #expect(found.code == 0, "\(found.json.text(.indented))")
    #expect((found.json["tensors"]?["compared"]?.int ?? 0) > 50)
    #expect(try diff(Tiny.llava, Tiny.llava).code == 0)
  }

  @Test func schemesDifferInScaleAndError() throws {
    let pack = try converted("int4", "--scheme", "int4")
    let (code, json) = try diff(Tiny.pack, pack)
    #expect(code == 1)
    #expect(json["changes"]?.array?.map { $0["what"]?.string } == ["scheme"])
    let tensors = try #require(json["tensors"]?["different"]?.array)
    #expect(!tensors.isEmpty)
    for tensor in tensors {
      #expect(tensor["precision_a"]?.string == "int8")
      #expect(tensor["precision_b"]?.string == "int4")
      // Four bits in groups of 32 are 20 dB from eight; nearer or farther would be another tensor's numbers.
      let decibels = try #require(tensor["sqnr_db"]?.double)
      #expect((10...35).contains(decibels))
    }
    let sorted = tensors.compactMap { $0["sqnr_db"]?.double }
    #expect(sorted == sorted.sorted())
    // A checkpoint takes the place of the float numbers: eight bits are nearer to it than four.
    let float = try diff(Tiny.llava, Tiny.pack).json
    #expect(float["changes"]?.array?.first?["a"]?.string == "float")
    let worst = try #require(float["tensors"]?["different"]?.array?.first?["sqnr_db"]?.double)
    #expect(worst > (sorted.first ?? 0))
    #expect(float["layers"]?["different"]?.array?.isEmpty == false)
  }

  @Test func changedRecordsAreNamed() throws {
    let changes: [(what: String, change: (inout PackImage) throws -> Void)] = [
      ("image fit", { $0["IMAG"][4] ^= 1 }),
      (
        "template, opening",
        { image in
          let place = try #require(
            image["PRMP"].indices.first { image["PRMP"][$0...].starts(with: "helpful".utf8) })
          image["PRMP"][place + 1] = UInt8(ascii: "o")
        }
      ),
      (
        "meaning of 2 token ids, the first",
        { try TokenizerEdit.swapTokens([0x65], [0x74], in: &$0["TOKN"]) }
      ),
      ("merge of rank 0", { try TokenizerEdit.swapFirstMerges(in: &$0["TOKN"]) }),
    ]
    for (what, change) in changes {
      let path = try Proven.changed(in: directory, cover: .checksums, change)
      let outcome = try Program.martlet.run("diff", Proven.pack, path, "--quiet")
      #expect(outcome.code == 1)
      #expect(outcome.output.contains("\n\(what)"), "\(what): \(outcome.output)")
      #expect(!outcome.output.contains("tensors that differ"))
    }
    let path = try Proven.changed(in: directory, cover: .checksums) {
      try Proven.changeByte(of: "language.embed.weight", at: 5, in: &$0)
    }
    let tensors = try #require(try diff(Proven.pack, path).json["tensors"]?["different"]?.array)
    #expect(tensors.map { $0["name"]?.string } == ["language.embed.weight"])
    #expect((tensors[0]["sqnr_db"]?.double ?? 0) > 60)
  }

  @Test func inspectShowsPartsWithTheirErrors() throws {
    let json = try JSONValue.only(
      in: try Program.martlet.run("inspect", Proven.pack, "--json", "--depth", "1").output)
    let parts = try #require(json["tree"]?.array)
    #expect(parts.map { $0["path"]?.string } == ["vision", "projector", "language"])
    let whole = json["networks"]?.array?.compactMap { $0["parameters"]?.int }
    #expect(parts.compactMap { $0["parameters"]?.int } == whole)
    for part in parts { #expect((10...60).contains(part["sqnr_db"]?.double ?? 0)) }
    #expect(json["proof"]?.array?.count == 2)
    let text = try Program.martlet.run("inspect", Proven.pack, "--depth", "3")
    #expect(text.output.contains("\n    stages"))
    let checkpoint = try Program.martlet.run("inspect", Tiny.llava, "--json", "--depth", "1")
    let tree = try #require(try JSONValue.only(in: checkpoint.output)["tree"]?.array)
    #expect(tree.compactMap { $0["stored_bytes"]?.int }.reduce(0, +) > 10_000)
  }
}
