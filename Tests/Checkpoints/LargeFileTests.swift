import Foundation
import MartletBytes
import MartletCheckpoints
import MartletTestSupport
import Testing

/// A file larger than a disk would like, nothing but holes where nothing was put.
struct SparseFile {
  var size = 0
  private var pieces: [(offset: Int, bytes: [UInt8])] = []

  mutating func put(_ bytes: [UInt8], at offset: Int) {
    pieces.append((offset, bytes))
    size = max(size, offset + bytes.count)
  }

  /// Behind the last byte so far.
  mutating func append(_ bytes: [UInt8]) { put(bytes, at: size) }

  func write(to path: String) throws {
    FileManager.default.createFile(atPath: path, contents: nil)
    let file = try FileHandle(forWritingTo: URL(filePath: path))
    try file.truncate(atOffset: UInt64(size))
    for piece in pieces {
      try file.seek(toOffset: UInt64(piece.offset))
      try file.write(contentsOf: piece.bytes)
    }
    try file.close()
  }
}

/// A torch file with a storage of 5 GiB and a small one behind it: sizes and places that need ZIP64.
struct LargeTorchDraft {
  /// `[rows, width]` of F32.
  static let rows = 5 << 14
  static let width = 1 << 14
  static let byteCount = 4 * rows * width

  /// What the directory says of the large member's size, and of the small one's place.
  var statedSize = UInt64(byteCount)
  var statedShift: UInt64 = 0

  private struct Member {
    var name: String
    var size: Int
    var header: Int
  }

  func file() -> SparseFile {
    let pickle = PickleDraft {
      $0.op(UInt8(ascii: "}"))
      $0.text("large")
      $0.tensor(
        key: "0", count: Self.rows * Self.width, shape: [Self.rows, Self.width],
        strides: [Self.width, 1])
      $0.op(UInt8(ascii: "s"))
      $0.text("small")
      $0.tensor(key: "1")
      $0.op(UInt8(ascii: "s"))
    }
    var file = SparseFile()
    var members: [Member] = []
    func add(_ name: String, _ size: Int, _ bytes: [UInt8]) {
      members.append(Member(name: name, size: size, header: file.size))
      file.append(local(name, size))
      let start = file.size
      file.put([], at: start + size)
      file.put(bytes, at: start + size - bytes.count)
    }
    add("a/data.pkl", pickle.bytes.count, pickle.bytes)
    add("a/byteorder", 6, Array("little".utf8))
    add("a/data/0", Self.byteCount, FloatConversion.float32Bytes([1, 2, 3]))
    add("a/data/1", 16, FloatConversion.float32Bytes([4, 5, 6, 7]))
    let start = file.size
    for member in members { file.append(entry(member)) }
    file.append(end(count: members.count, start: start, size: file.size - start))
    return file
  }

  /// A local header; torch leaves sizes that do not fit to the directory as well.
  private func local(_ name: String, _ size: Int) -> [UInt8] {
    var writer = ByteWriter()
    writer.uint32(0x0403_4B50)
    for _ in 0..<5 { writer.uint16(0) }
    writer.uint32(0)
    for _ in 0..<2 { writer.uint32(UInt32(exactly: size) ?? .max) }
    writer.uint16(UInt16(name.utf8.count))
    writer.uint16(0)
    writer.text(name)
    return writer.bytes
  }

  private func entry(_ member: Member) -> [UInt8] {
    var extra = ByteWriter()
    if UInt32(exactly: member.size) == nil {
      for _ in 0..<2 { extra.uint64(statedSize) }
    }
    if UInt32(exactly: member.header) == nil { extra.uint64(UInt64(member.header) + statedShift) }
    var writer = ByteWriter()
    writer.uint32(0x0201_4B50)
    for _ in 0..<6 { writer.uint16(0) }
    writer.uint32(0)
    for _ in 0..<2 { writer.uint32(UInt32(exactly: member.size) ?? .max) }
    writer.uint16(UInt16(member.name.utf8.count))
    writer.uint16(extra.bytes.isEmpty ? 0 : UInt16(4 + extra.count))
    for _ in 0..<3 { writer.uint16(0) }
    writer.uint32(0)
    writer.uint32(UInt32(exactly: member.header) ?? .max)
    writer.text(member.name)
    if !extra.bytes.isEmpty {
      writer.uint16(1)
      writer.uint16(UInt16(extra.count))
      writer.append(extra.bytes)
    }
    return writer.bytes
  }

  /// The 64-bit end record, where it lies, and the end record whose fields are all too small.
  private func end(count: Int, start: Int, size: Int) -> [UInt8] {
    var writer = ByteWriter()
    writer.uint32(0x0606_4B50)
    writer.size(44)
    writer.uint32(0)
    writer.uint32(0)
    writer.uint32(0)
    writer.size(count)
    writer.size(count)
    writer.size(size)
    writer.size(start)
    writer.uint32(0x0706_4B50)
    writer.uint32(0)
    writer.size(start + size)
    writer.uint32(1)
    writer.uint32(0x0605_4B50)
    writer.uint32(0)
    for _ in 0..<2 { writer.uint16(.max) }
    for _ in 0..<2 { writer.uint32(.max) }
    writer.uint16(0)
    return writer.bytes
  }
}

/// Files of gigabytes, made of holes. The processes end when they take more than a few MiB.
@Suite struct LargeFileTests {
  @Test func membersBeyondFourGibibytesAreRead() async {
    await #expect(processExitsWith: .success) {
      let directory = try TemporaryDirectory()
      let path = directory.path("m.pt")
      try LargeTorchDraft().file().write(to: path)
      MemoryLid.allow(bytes: 16 << 20)
      let checkpoint = try Checkpoint.open(path)
      let (rows, width) = (LargeTorchDraft.rows, LargeTorchDraft.width)
      precondition(checkpoint["large"]?.shape == [rows, width])
      let last = try checkpoint.floats("large", rows: rows - 1..<rows)
      precondition(last.suffix(4) == [0, 1, 2, 3])
      let small = try checkpoint.floats("small")
      precondition(small == [4, 5, 6, 7])
      try checkpoint.discard("large")
    }
  }

  @Test(arguments: [
    (UInt64(1) << 63, 0 as UInt64, "a/data/0"), (.max, 0, "a/data/0"),
    (UInt64(LargeTorchDraft.byteCount) + 1, 0, "a/data/1"), (UInt64(1) << 40, 0, "a/data/0"),
    (UInt64(LargeTorchDraft.byteCount), 30, "a/data/1"),
    (UInt64(LargeTorchDraft.byteCount), 1 << 63, "a/data/1"),
  ])
  func liesOfSixtyFourBitsAreRefused(size: UInt64, shift: UInt64, member: String) throws {
    let directory = try TemporaryDirectory()
    let path = directory.path("m.pt")
    try LargeTorchDraft(statedSize: size, statedShift: shift).file().write(to: path)
    guard case .zip(path, member, _, _, _) = openError(path) else {
      throw Unexpected(openError(path))
    }
  }

  /// Half a gigabyte of 4-bit blocks: opening looks at the header, reading rows takes what the rows are.
  @Test func blocksAreDecodedByRows() async {
    await #expect(processExitsWith: .success) {
      let (rows, width) = (1 << 17, 1 << 13)
      // Q4_K: 144 bytes for 256 elements.
      var draft = GGUFDraft(tensors: 1, pairs: 0)
      draft.tensor("w", [rows, width], type: 12, offset: 0)
      var file = SparseFile()
      file.append(draft.file())
      file.put([], at: file.size + rows * width / 256 * 144)
      let directory = try TemporaryDirectory()
      try file.write(to: directory.path("m.gguf"))
      MemoryLid.allow(bytes: 8 << 20)
      let checkpoint = try Checkpoint.open(directory.path("m.gguf"))
      precondition(checkpoint["w"]?.shape == [rows, width])
      let last = try checkpoint.floats("w", rows: rows - 2..<rows)
      precondition(last == [Float](repeating: 0, count: 2 * width))
    }
  }

  /// A matrix of 4 GiB as floats in 384 MiB of mlx's words, scales and offsets.
  @Test func wordsOfMLXAreDecodedByRows() async {
    await #expect(processExitsWith: .success) {
      let (rows, words, groups) = (1 << 16, 1 << 10, 1 << 9)
      let ends = [rows * words * 4, rows * words * 4 + rows * groups * 2]
      let header =
        #"{"a.weight":{"dtype":"U32","shape":[\#(rows),\#(words)],"data_offsets":[0,\#(ends[0])]},"#
        + #""a.scales":{"dtype":"F16","shape":[\#(rows),\#(groups)],"data_offsets":[\#(ends[0]),"#
        + #"\#(ends[1])]},"a.biases":{"dtype":"F16","shape":[\#(rows),\#(groups)],"#
        + #""data_offsets":[\#(ends[1]),\#(ends[1] + rows * groups * 2)]}}"#
      var file = SparseFile()
      file.append(safetensors(header, data: 0))
      file.put([], at: file.size + ends[1] + rows * groups * 2)
      let directory = try TemporaryDirectory()
      try file.write(to: directory.path("model.safetensors"))
      try directory.write(#"{"quantization": {"group_size": 32, "bits": 2}}"#, to: "config.json")
      MemoryLid.allow(bytes: 8 << 20)
      let checkpoint = try Checkpoint.open(directory.path)
      precondition(checkpoint["a.weight"]?.shape == [rows, words * 16])
      let first = try checkpoint.floats("a.weight", rows: 0..<4)
      precondition(first == [Float](repeating: 0, count: 64 * words))
    }
  }
}
