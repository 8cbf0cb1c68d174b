import MartletBytes
import MartletCheckpoints
import MartletConversion
import MartletModel
import MartletReference
import Testing

/// The oracle's other cases: a tall picture, two pictures, none, and a cropped one, from pixels to greedy ids.
@Suite struct GoldenCaseTests {
  struct Case: Sendable, CustomTestStringConvertible {
    let name: String
    /// Cases whose pixels this one uses, in order.
    let pictures: [String]
    var testDescription: String { name }
  }

  static let cases = [
    Case(name: "tall", pictures: ["tall"]), Case(name: "two", pictures: ["wide", "tall"]),
    Case(name: "text", pictures: []), Case(name: "crop", pictures: ["crop"]),
  ]

  private static let goldens = Result {
    try Checkpoint.open(
      Directory.path(Directory.parent(of: TinyFixture.llava.path), "golden.safetensors"))
  }

  private func difference(_ found: [Float], _ golden: [Float]) -> Float {
    if found.count != golden.count { return .infinity }
    let largest = golden.reduce(0) { max($0, abs($1)) }
    return zip(found, golden).reduce(0) { max($0, abs($1.0 - $1.1)) } / largest
  }

  @Test(arguments: cases, [TinyFixture.llava, .native])
  func answersAsTransformersDoes(_ item: Case, _ fixture: TinyFixture) throws {
    let goldens = try Self.goldens.get()
    let folded = try SourceModel.read(fixture.open()).model.folded().model
    let model = try ReferenceModel(description: folded.description, parameters: folded.parameters)
    var rows: [Float] = []
    var images: [ReferenceTensor] = []
    for picture in item.pictures {
      let bytes = try goldens.integers("\(picture).pixels").map { UInt8($0) }
      let encoded = try model.encoded(Pixels(height: 256, width: 256, bytes: bytes))
      rows += encoded.data
      images.append(try model.projected(encoded))
    }
    if !images.isEmpty {
      #expect(difference(rows, try goldens.floats("\(item.name).encoder_output")) < 1e-4)
      let tokens = try goldens.floats("\(item.name).image_tokens")
      #expect(difference(images.flatMap(\.data), tokens) < 1e-4)
    }
    let cache = KeyValueCache()
    let logits = try model.prefilled(
      ids: goldens.integers("\(item.name).input_ids"), images: images, cache: cache)
    let suffix = fixture == .native ? "_native" : ""
    let expected = try goldens.floats("\(item.name).prefill_logits\(suffix)")
    #expect(difference(logits, expected) < 1e-4)
    let ids = try goldens.integers("\(item.name).greedy_ids")
    #expect(try model.greedyContinuation(of: logits, count: ids.count, cache: cache) == ids)
  }
}
