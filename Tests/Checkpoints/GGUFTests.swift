import MartletBytes
import MartletCheckpoints
import MartletTestSupport
import Testing

/// Files of the gguf package; `Tools/oracle/make_gguf_fixtures.py` made them.
enum GGUFFixture {
  static let folder = Directory.path(
    Directory.parent(of: Directory.parent(of: #filePath)), "Fixtures/gguf")
  static let types = Directory.path(folder, "types.gguf")
}

/// A GGUF file made by hand.
struct GGUFDraft {
  private var writer = ByteWriter()

  init(version: UInt32 = 3, tensors: Int, pairs: Int) {
    writer.text("GGUF")
    writer.append(withUnsafeBytes(of: version.littleEndian) { Array($0) })
    writer.size(tensors)
    writer.size(pairs)
  }

  mutating func text(_ text: String) {
    writer.size(text.utf8.count)
    writer.text(text)
  }

  mutating func uint32(_ value: UInt32) {
    writer.append(withUnsafeBytes(of: value.littleEndian) { Array($0) })
  }

  mutating func size(_ value: Int) { writer.size(value) }

  mutating func tensor(_ name: String, _ shape: [Int], type: UInt32 = 0, offset: Int) {
    text(name)
    uint32(UInt32(shape.count))
    for extent in shape.reversed() { writer.size(extent) }
    uint32(type)
    writer.size(offset)
  }

  /// The file, padded to 32 bytes, with this much data behind.
  func file(data: Int = 0) -> [UInt8] {
    var bytes = writer.bytes
    while bytes.count % 32 != 0 { bytes.append(0) }
    return bytes + [UInt8](repeating: 0, count: data)
  }
}

@Suite struct GGUFTests {
  /// What opening these bytes throws.
  private func error(_ draft: GGUFDraft, data: Int = 0) throws -> CheckpointError? {
    let directory = try TemporaryDirectory()
    return openError(try directory.write(draft.file(data: data), to: "m.gguf"))
  }

  /// The expected and found parts of the rule that these bytes break.
  private func fault(_ draft: GGUFDraft, data: Int = 0) throws -> [String]? {
    guard
      case .ggufField(_, let offset, let field, let expected, let found) = try error(
        draft, data: data)
    else { return nil }
    return [field, "\(offset)", expected, found]
  }

  @Test(arguments: ["types.gguf", "types-v2.gguf"])
  func everyTensorTypeEqualsTheReferenceBitForBit(name: String) throws {
    let checkpoint = try Checkpoint.open(Directory.path(GGUFFixture.folder, name))
    let expected = try Checkpoint.open(Directory.path(GGUFFixture.folder, "types.safetensors"))
    #expect(checkpoint.format == .gguf)
    #expect(checkpoint.names == expected.names)
    for name in expected.names {
      #expect(checkpoint[name]?.shape == expected[name]?.shape, "\(name)")
      if checkpoint[name]?.elementType.isFloat == true {
        let (found, wanted) = (try checkpoint.floats(name), try expected.floats(name))
        #expect(found.map(\.bitPattern) == wanted.map(\.bitPattern), "\(name)")
      } else {
        #expect(try checkpoint.integers(name) == expected.integers(name), "\(name)")
      }
    }
  }

  @Test func rowsOfBlocksAreReadByThemselves() throws {
    let checkpoint = try Checkpoint.open(GGUFFixture.types)
    for name in ["q4_0", "q5_1", "q8_0", "q6_k", "bf16"] {
      let all = try checkpoint.floats(name)
      let width = try #require(checkpoint[name]?.shape.last)
      #expect(try checkpoint.floats(name, rows: 1..<2) == Array(all[width...]))
      try checkpoint.discard(name, rows: 1..<2)
    }
  }

  @Test func everyValueTypeIsRead() throws {
    let metadata = try #require(try Checkpoint.open(GGUFFixture.types).gguf)
    #expect(try metadata.string("general.architecture") == "test")
    let integers = ["u8": 200, "i8": -100, "u16": 60000, "i16": -30000, "u32": 4_000_000_000]
    for (name, value) in integers { #expect(try metadata.integer("v.\(name)") == value) }
    #expect(try metadata.integer("v.i32") == -2_000_000_000)
    #expect(try metadata.integer("v.u64") == 1 << 40)
    #expect(try metadata.integer("v.i64") == -(1 << 40))
    #expect(try metadata.number("v.f32") == 0.5)
    #expect(try metadata.number("v.f64") == 0.1)
    #expect(try metadata.number("v.u8") == 200)
    #expect(try metadata.bool("v.bool") == true)
    #expect(try metadata.string("v.string") == "größe")
    #expect(try metadata.strings("v.strings") == ["a", "", "größe"].map { Array($0.utf8) })
    #expect(try metadata.integers("v.integers") == [3, -1, 2])
    #expect(try metadata.integer("none") == nil)
    let listing = Dictionary(uniqueKeysWithValues: metadata.listing.map { ($0.key, $0.value) })
    #expect(listing["v.floats"] == "[2 × f32]")
    #expect(listing["v.bool"] == "true")
  }

  @Test func valuesOfOtherTypesAreRefused() throws {
    let metadata = try #require(try Checkpoint.open(GGUFFixture.types).gguf)
    func found(_ body: () throws(CheckpointError) -> Void) -> String? {
      guard case .ggufField(_, _, _, let expected, let found) = checkpointError(body) else {
        return nil
      }
      return "\(expected), \(found)"
    }
    #expect(
      found { () throws(CheckpointError) in _ = try metadata.integer("v.string") }
        == "an integer, string")
    #expect(
      found { () throws(CheckpointError) in _ = try metadata.integer("v.integers") }
        == "an integer, an array of i32")
    #expect(
      found { () throws(CheckpointError) in _ = try metadata.string("v.u8") } == "a string, u8")
    #expect(
      found { () throws(CheckpointError) in _ = try metadata.strings("v.integers") }
        == "an array of strings, an array of i32")
    #expect(found { () throws(CheckpointError) in _ = try metadata.bool("v.i8") } == "a bool, i8")
  }

  @Test func versionsOtherThanTwoAndThreeAreRefused() throws {
    #expect(
      try fault(GGUFDraft(version: 1, tensors: 0, pairs: 0)) == ["version", "4", "2 or 3", "1"])
    #expect(
      try fault(GGUFDraft(version: UInt32(3).byteSwapped, tensors: 0, pairs: 0))
        == ["version", "4", "2 or 3", "3, big-endian"])
  }

  @Test func lyingCountsAreRefusedBeforeTheyAreBelieved() throws {
    #expect(try fault(GGUFDraft(tensors: 1 << 60, pairs: 0))?[0] == "tensor count")
    #expect(try fault(GGUFDraft(tensors: 0, pairs: 1 << 60))?[0] == "pair count")
    var draft = GGUFDraft(tensors: 0, pairs: 1)
    draft.text("list")
    draft.uint32(9)
    draft.uint32(0)
    draft.size(1 << 62)
    #expect(
      try fault(draft, data: 64)?[0...2] == [
        "list", "44", "at most 76 elements in the rest of the file",
      ])
  }

  @Test func arraysNestOnlySoDeep() throws {
    var draft = GGUFDraft(tensors: 0, pairs: 1)
    draft.text("deep")
    draft.uint32(9)
    for _ in 0..<1000 {
      draft.uint32(9)
      draft.size(1)
    }
    draft.uint32(0)
    draft.size(0)
    #expect(try fault(draft)?[2] == "arrays at most 4 deep")
  }

  @Test func unknownValueTypesAndRepeatedKeysAreRefused() throws {
    var draft = GGUFDraft(tensors: 0, pairs: 1)
    draft.text("odd")
    draft.uint32(13)
    draft.size(0)
    #expect(try fault(draft)?[3] == "13")
    draft = GGUFDraft(tensors: 0, pairs: 2)
    for _ in 0..<2 {
      draft.text("same")
      draft.uint32(4)
      draft.uint32(1)
    }
    #expect(try fault(draft)?[2...] == ["every key once", "twice"])
  }

  @Test func alignmentIsAPowerOfTwo() throws {
    for value: UInt32 in [0, 24, 1 << 21] {
      var draft = GGUFDraft(tensors: 0, pairs: 1)
      draft.text("general.alignment")
      draft.uint32(4)
      draft.uint32(value)
      #expect(try fault(draft)?[3] == "\(value)")
    }
  }

  @Test func misplacedTensorsAreRefused() throws {
    let path = { (error: CheckpointError?) -> String in error.map { "\($0)" } ?? "nothing" }
    var draft = GGUFDraft(tensors: 2, pairs: 0)
    draft.tensor("a", [8], offset: 0)
    draft.tensor("b", [8], offset: 0)
    #expect(path(try error(draft, data: 32)).hasPrefix("overlap"))
    draft = GGUFDraft(tensors: 2, pairs: 0)
    draft.tensor("a", [8], offset: 0)
    draft.tensor("b", [8], offset: 64)
    #expect(path(try error(draft, data: 96)).hasPrefix("hole"))
    draft = GGUFDraft(tensors: 1, pairs: 0)
    draft.tensor("a", [8], offset: 8)
    #expect(try fault(draft, data: 64)?[2] == "an offset that is a multiple of 32")
    draft = GGUFDraft(tensors: 1, pairs: 0)
    draft.tensor("a", [8], offset: 0)
    #expect(path(try error(draft, data: 31)).hasPrefix("dataBeyondEnd"))
    #expect(path(try error(draft, data: 64)).hasPrefix("trailingBytes"))
    draft = GGUFDraft(tensors: 1, pairs: 0)
    draft.tensor("a", [8], offset: Int.max / 32 * 32)
    #expect(path(try error(draft, data: 64)).hasPrefix("dataBeyondEnd"))
    draft = GGUFDraft(tensors: 2, pairs: 0)
    draft.tensor("a", [8], offset: 0)
    draft.tensor("a", [8], offset: 32)
    #expect(path(try error(draft, data: 64)).hasPrefix("duplicateTensor"))
  }

  @Test func absurdShapesAreRefused() throws {
    var draft = GGUFDraft(tensors: 1, pairs: 0)
    draft.tensor("a", [1 << 31, 1 << 31, 1 << 31], offset: 0)
    #expect(try error(draft).map { "\($0)".hasPrefix("shapeOverflow") } == true)
    draft = GGUFDraft(tensors: 1, pairs: 0)
    draft.tensor("a", [1, 1, 1, 1, 1], offset: 0)
    #expect(try fault(draft)?[2] == "at most 4 dimensions")
    draft = GGUFDraft(tensors: 1, pairs: 0)
    draft.tensor("a", [4, 33], type: 8, offset: 0)
    #expect(try fault(draft)?[2...] == ["rows of whole blocks of 32", "33 elements of Q8_0"])
    draft = GGUFDraft(tensors: 1, pairs: 0)
    draft.tensor("a", [32], type: 20, offset: 0)
    #expect(try error(draft).map { "\($0)".contains("IQ4_NL") } == true)
  }

  @Test func aFolderOfSeveralModelsIsRefusedByName() throws {
    let directory = try TemporaryDirectory()
    let draft = GGUFDraft(tensors: 0, pairs: 0)
    try directory.write(draft.file(), to: "a.gguf")
    _ = try Checkpoint.open(directory.path)
    try directory.write(draft.file(), to: "b.gguf")
    #expect(
      openError(directory.path)
        == .severalModels(directory: directory.path, files: ["a.gguf", "b.gguf"]))
  }
}
