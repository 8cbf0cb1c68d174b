import MartletBytes
import MartletCheckpoints
import MartletTestSupport
import Testing

/// One fault of a pickle, and what stood where something else was expected.
struct BrokenPickle: Sendable, CustomTestStringConvertible {
  let what: String
  let pickle: PickleDraft
  let expected: String
  let found: String
  var testDescription: String { what }

  init(_ what: String, _ expected: String, _ found: String, _ pickle: PickleDraft) {
    self.what = what
    self.pickle = pickle
    self.expected = expected
    self.found = found
  }

  static let all: [BrokenPickle] = [
    .init("protocol 9", "protocol 2 to 5", "9", PickleDraft { $0.op(0x80, 9) }),
    .init("unknown opcode", "an opcode that checkpoints use", "0xff", PickleDraft { $0.op(0xFF) }),
    .init(
      "NEWOBJ", "an opcode that checkpoints use", "0x81",
      PickleDraft {
        $0.global("collections", "OrderedDict")
        $0.op(0x29, 0x81)
      }),
    .init("empty stack", "a value on the stack", "none", PickleDraft { _ in }),
    .init("no mark", "a mark on the stack", "none", PickleDraft { $0.op(UInt8(ascii: "t")) }),
    .init(
      "value below the mark", "a value on the stack", "none",
      PickleDraft { $0.op(UInt8(ascii: "}"), UInt8(ascii: "("), 0x85) }),
    .init(
      "never remembered", "a value remembered as 7", "none",
      PickleDraft { $0.op(UInt8(ascii: "h"), 7) }),
    .init("two values", "one value at the end", "2", PickleDraft { $0.op(0x4E, 0x4E) }),
    .init(
      "nesting", "nesting up to 1000", "deeper",
      PickleDraft { for _ in 0..<2000 { $0.op(UInt8(ascii: "(")) } }),
    .init(
      "values", "at most 35144 values in a file of this size", "more",
      PickleDraft { for _ in 0..<600_000 { $0.op(0x4E) } }),
    .init(
      "remembered far off", "a number up to 2 to remember a value by", "2147483647",
      PickleDraft { $0.op(0x4E, UInt8(ascii: "r"), 0xFF, 0xFF, 0xFF, 0x7F) }),
    .init(
      "extents", "at most 64 extents", "65",
      .entry {
        $0.tensor(
          shape: [Int](repeating: 1, count: 65), strides: [Int](repeating: 1, count: 65))
      }),
    .init(
      "keys without values", "keys with values", "an odd number",
      PickleDraft { $0.op(UInt8(ascii: "}"), UInt8(ascii: "("), 0x4E, UInt8(ascii: "u")) }),
    .init(
      "appended to a dictionary", "a list to append to", "a dictionary",
      PickleDraft { $0.op(UInt8(ascii: "}"), 0x4E, UInt8(ascii: "a")) }),
    .init(
      "item of a list", "a dictionary to fill", "a list",
      PickleDraft { $0.op(UInt8(ascii: "]"), 0x4E, 0x4E, UInt8(ascii: "s")) }),
    .init(
      "call of a value", "a name from the list of those allowed", "another value",
      PickleDraft { $0.op(0x4E, 0x29, UInt8(ascii: "R")) }),
    .init(
      "call of a class", "a function of the list of those allowed", "'torch FloatStorage'",
      PickleDraft {
        $0.global("torch", "FloatStorage")
        $0.op(0x29, UInt8(ascii: "R"))
      }),
    .init(
      "attributes of nothing", "attributes of a dictionary", "of None",
      PickleDraft { $0.op(0x4E, 0x4E, UInt8(ascii: "b")) }),
    .init(
      "no identity", "a storage's identity", "None",
      PickleDraft { $0.op(0x4E, UInt8(ascii: "Q")) }),
    .init(
      "one storage, two sizes", "storage '0' as it was stated before", "another type or size",
      PickleDraft {
        $0.storage(count: 4)
        $0.storage(count: 5)
      }),
    .init(
      "size beyond memory", "a shape and strides of some memory", "sizes beyond any",
      .entry { $0.tensor(shape: [1 << 62, 4], strides: [4, 1]) }),
    .init(
      "negative stride", "a shape and strides of some memory", "sizes beyond any",
      .entry { $0.tensor(strides: [-1]) }),
    .init(
      "stride beyond memory", "a shape and strides of some memory", "sizes beyond any",
      .entry { $0.tensor(shape: [3], strides: [1 << 62]) }),
    .init(
      "negative offset", "a tensor's storage, offset, shape and strides", "other values",
      .entry { $0.tensor(offset: -1) }),
    .init(
      "dictionary in itself", "a dictionary of tensors", "one of 'model' (a dictionary)",
      PickleDraft {
        $0.op(UInt8(ascii: "}"), UInt8(ascii: "q"), 0)
        $0.text("model")
        $0.op(UInt8(ascii: "h"), 0, UInt8(ascii: "s"))
      }),
    .init(
      "one name twice", "every name once", "'w' twice",
      PickleDraft {
        $0.op(UInt8(ascii: "}"))
        for _ in 0..<2 {
          $0.text("w")
          $0.tensor()
          $0.op(UInt8(ascii: "s"))
        }
      }),
    .init(
      "nameless tensor", "tensors by name", "a name that is an integer",
      PickleDraft {
        $0.op(UInt8(ascii: "}"))
        $0.int(1)
        $0.tensor()
        $0.op(UInt8(ascii: "s"))
      }),
  ]
}

@Suite struct TorchFaultTests {
  private func error(_ draft: ZipDraft, in directory: TemporaryDirectory) throws
    -> CheckpointError?
  {
    openError(try directory.write(draft.bytes(), to: "m.pt"))
  }

  @Test(arguments: BrokenPickle.all) func brokenPicklesAreRefused(_ broken: BrokenPickle) throws {
    let directory = try TemporaryDirectory()
    let found = try error(.torch(broken.pickle), in: directory)
    guard case .pickle(let path, _, broken.expected, broken.found) = found else {
      throw Unexpected(found)
    }
    #expect(path == directory.path("m.pt"))
  }

  @Test func aCorrectDraftIsRead() throws {
    let directory = try TemporaryDirectory()
    let path = try directory.write(ZipDraft.torch(.entry { $0.tensor() }).bytes(), to: "m.pt")
    #expect(try Checkpoint.open(path).floats("w") == [0, 0, 0, 0])
  }

  /// Python 2 counts what it remembers from 1.
  @Test func valuesAreRememberedFromAnyNumber() throws {
    let directory = try TemporaryDirectory()
    let pickle = PickleDraft {
      $0.op(UInt8(ascii: "}"), UInt8(ascii: "q"), 1)
      $0.text("w")
      $0.op(UInt8(ascii: "q"), 3)
      $0.tensor()
      $0.op(UInt8(ascii: "s"), UInt8(ascii: "0"), UInt8(ascii: "h"), 1)
    }
    let path = try directory.write(ZipDraft.torch(pickle).bytes(), to: "m.pt")
    #expect(try Checkpoint.open(path).floats("w") == [0, 0, 0, 0])
  }

  @Test func storagesAreComparedWithTheirBytes() throws {
    let directory = try TemporaryDirectory()
    let path = directory.path("m.pt")
    let pickle = PickleDraft.entry { $0.tensor() }
    guard
      case .torchStorage(path, "0", "16 bytes, as tensor 'w' says", "12", _) =
        try error(.torch(pickle, storages: ["0": 12]), in: directory)
    else { throw Unexpected(openError(path)) }
    #expect(
      try error(.torch(pickle, storages: ["1": 16]), in: directory)
        == .torchStorage(
          path: path, storage: "0", expected: "its bytes, for tensor 'w'", found: "none", offset: 0)
    )
    let huge = PickleDraft.entry { $0.tensor(count: 1 << 62) }
    guard case .torchStorage(path, "0", _, "16", _) = try error(.torch(huge), in: directory)
    else { throw Unexpected(openError(path)) }
    for view in [
      PickleDraft.entry { $0.tensor(offset: 1) }, .entry { $0.tensor(offset: .max) },
      .entry { $0.tensor(shape: [5], strides: [0]) },
      .entry { $0.tensor(shape: [2, 2], strides: [3, 1]) },
    ] {
      guard case .torchView(path, "w", "0", _, _, _, 4) = try error(.torch(view), in: directory)
      else { throw Unexpected(openError(path)) }
    }
  }

  /// A change of a correct archive, and what is said of it.
  static let archives: [(String, @Sendable (inout ZipDraft) -> Void, String, String)] = [
    ("encrypted", { $0.members[0].flags = 1 }, "no encryption", "encryption"),
    (
      "member twice", { $0.members[1].name = "a/data.pkl" }, "a name that no other member has",
      "it twice"
    ),
    ("too many", { $0.statedCount = 90 }, "at most 3 members", "90"),
    ("too few", { $0.statedCount = 2 }, "", ""),
    (
      "directory elsewhere", { $0.directoryShift = -1 }, "", ""
    ),
    (
      "another name", { $0.members[2].localName = "a/data/1" }, "this member's header",
      "something else"
    ),
    ("another place", { $0.members[2].statedHeader = 0 }, "this member's header", "something else"),
    ("a place beyond", { $0.members[2].statedHeader = 1 << 30 }, "", ""),
    ("a size beyond", { $0.members[2].statedSize = 1 << 30 }, "", ""),
    (
      "an overlap", { $0.members[1].statedSize = 8 }, "data behind member 'a/byteorder'",
      "an overlap of 2 bytes"
    ),
    ("big-endian", { $0.members[1].bytes = Array("bigend".utf8) }, "little", "another byte order"),
  ]

  @Test(arguments: archives.indices) func brokenArchivesAreRefused(_ index: Int) throws {
    let (_, change, expected, found) = Self.archives[index]
    let directory = try TemporaryDirectory()
    var draft = ZipDraft.torch(.entry { $0.tensor() })
    change(&draft)
    let error = try error(draft, in: directory)
    guard case .zip(directory.path("m.pt"), _, _, let saidExpected, let saidFound) = error else {
      throw Unexpected(error)
    }
    if !expected.isEmpty { #expect(saidExpected == expected && saidFound == found) }
  }

  @Test func aPickleThatEndsEarlyOrLateIsRefused() throws {
    let directory = try TemporaryDirectory()
    var pickle = PickleDraft.entry { $0.tensor() }
    pickle.bytes.append(0x4E)
    guard case .pickle = try error(.torch(pickle), in: directory) else {
      throw Unexpected(openError(directory.path("m.pt")))
    }
    pickle.bytes.removeLast(2)
    guard case .file(.truncated) = try error(.torch(pickle), in: directory) else {
      throw Unexpected(openError(directory.path("m.pt")))
    }
  }

  @Test func otherArchivesAndPicklesAreRefusedByName() throws {
    let directory = try TemporaryDirectory()
    var draft = ZipDraft()
    draft.members = [.init(name: "arr_0.npy", bytes: [1])]
    #expect(
      try error(draft, in: directory)
        == .unsupportedFormat(
          path: directory.path("m.pt"), found: "a ZIP archive without torch's data.pkl"))
    draft.members = ["a/data.pkl", "b/data.pkl"].map { .init(name: $0, bytes: []) }
    #expect(
      try error(draft, in: directory)
        == .unsupportedFormat(path: directory.path("m.pt"), found: "2 torch archives in one"))
  }
}
