import MartletBytes
import MartletCheckpoints
import MartletConversion
import MartletModel
import MartletTestSupport
import Testing

/// Where the output matrix comes from: the tensors decide, then the flag (reference section 4.3).
@Suite struct TiedHeadTests {
  enum Head: CaseIterable { case absent, copy, other }

  struct Case: CustomTestStringConvertible {
    var head: Head
    var flag: Bool?
    var expected: SourceReport.Head
    var isStoredOnce: Bool
    var testDescription: String { "\(head), flag \(flag.map { "\($0)" } ?? "absent")" }
  }

  static let cases: [Case] = [
    .init(head: .absent, flag: true, expected: .absent, isStoredOnce: true),
    .init(head: .absent, flag: false, expected: .absent, isStoredOnce: true),
    .init(
      head: .copy, flag: true, expected: .tiedByConfiguration(copyDiffers: false),
      isStoredOnce: true),
    .init(
      head: .other, flag: true, expected: .tiedByConfiguration(copyDiffers: true),
      isStoredOnce: true),
    .init(head: .copy, flag: false, expected: .identicalCopy, isStoredOnce: true),
    .init(head: .copy, flag: nil, expected: .identicalCopy, isStoredOnce: true),
    .init(head: .other, flag: false, expected: .own, isStoredOnce: false),
    .init(head: .other, flag: nil, expected: .own, isStoredOnce: false),
  ]

  @Test(arguments: cases) func headFollowsTensorsThenFlag(_ test: Case) throws {
    var checkpoint = try EditedCheckpoint(.llava)
    switch test.head {
    case .absent: checkpoint.tensors["lm_head.weight"] = nil
    case .copy: break
    case .other:
      // The very last bit: a comparison that stops early would miss it.
      let last = (checkpoint.tensors["lm_head.weight"]?.bytes.count ?? 0) - 1
      checkpoint.tensors["lm_head.weight"]?.bytes[last] ^= 1
    }
    checkpoint.set("tie_word_embeddings", to: test.flag.map { JSONValue($0) })
    let directory = try TemporaryDirectory()
    let (model, report) = try SourceModel.read(checkpoint.open(in: directory))
    #expect(report.head == test.expected)
    let network = try #require(model.description.network(.language))
    let names = network.parameters.map(\.name)
    #expect(names.contains("language.head.weight") != test.isStoredOnce)
    guard case .linear(let head) = network.layers.last?.op else {
      Issue.record("the last layer is the head")
      return
    }
    #expect(
      network[head.weight].name
        == (test.isStoredOnce ? "language.embed.weight" : "language.head.weight"))
    let dropped = report.ignored.first { $0.reason == .tiedHead }?.names
    #expect(dropped == (test.head == .absent || !test.isStoredOnce ? nil : ["lm_head.weight"]))
  }

  @Test func ownHeadOfAnotherShapeIsRefused() throws {
    var checkpoint = try EditedCheckpoint(.llava)
    checkpoint.set("tie_word_embeddings", to: false)
    checkpoint.add("lm_head.weight", [511, 64])
    let directory = try TemporaryDirectory()
    let opened = try checkpoint.open(in: directory)
    #expect(
      throws: ConversionError.tensorShape(
        name: "lm_head.weight", expected: "[512, 64]", found: [511, 64])
    ) {
      try SourceModel.read(opened)
    }
  }
}
