import Glibc
import MartletBytes
import MartletCheckpoints
import MartletTestSupport
import Testing

/// One header, its data, and the error it raises; `path` is filled in by the test.
struct BrokenHeader: Sendable, CustomTestStringConvertible {
  let what: String
  let header: String
  var data = 4
  let error: @Sendable (_ path: String) -> CheckpointError
  var testDescription: String { what }

  /// An entry `"a"` of these parts.
  static func entry(_ dtype: String, _ shape: String, _ offsets: String) -> String {
    "{\"a\":{\"dtype\":\(dtype),\"shape\":\(shape),\"data_offsets\":\(offsets)}}"
  }

  static func field(
    _ what: String, _ header: String, _ tensor: String, _ field: String, expected: String,
    found: String
  ) -> BrokenHeader {
    BrokenHeader(what: what, header: header) {
      .headerField(path: $0, tensor: tensor, field: field, expected: expected, found: found)
    }
  }

  static let fields: [BrokenHeader] = [
    field("array for header", "[1]", "", "header", expected: "object", found: "array"),
    field("number for tensor", "{\"a\":1}", "a", "", expected: "object", found: "number"),
    field("no type", "{\"a\":{}}", "a", "dtype", expected: "string", found: "nothing"),
    field(
      "number for type", entry("1", "[1]", "[0,4]"), "a", "dtype", expected: "string",
      found: "number"),
    field(
      "no shape", "{\"a\":{\"dtype\":\"F32\",\"data_offsets\":[0,4]}}", "a", "shape",
      expected: "array", found: "nothing"),
    field(
      "text in shape", entry("\"F32\"", "[\"1\"]", "[0,4]"), "a", "shape", expected: "sizes",
      found: "string"),
    field(
      "negative extent", entry("\"F32\"", "[-1]", "[0,4]"), "a", "shape", expected: "sizes",
      found: "-1"),
    field(
      "extent with a point", entry("\"F32\"", "[1.0]", "[0,4]"), "a", "shape", expected: "sizes",
      found: "1.0"),
    field(
      "extent beyond 64 bits", entry("\"F32\"", "[99999999999999999999]", "[0,4]"), "a", "shape",
      expected: "sizes", found: "99999999999999999999"),
    field(
      "one offset", entry("\"F32\"", "[1]", "[0]"), "a", "data_offsets", expected: "begin and end",
      found: "1 numbers"),
    field(
      "offsets backwards", entry("\"F32\"", "[1]", "[4,0]"), "a", "data_offsets",
      expected: "begin and end", found: "4 and 0"),
    field(
      "text for metadata", "{\"__metadata__\":\"pt\"}", "", "__metadata__", expected: "object",
      found: "string"),
    field(
      "number in metadata", "{\"__metadata__\":{\"format\":1}}", "", "__metadata__.format",
      expected: "string", found: "number"),
  ]

  static let layouts: [BrokenHeader] = [
    BrokenHeader(
      what: "unknown field",
      header: "{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4],\"stride\":[1]}}"
    ) { .unknownField(path: $0, tensor: "a", field: "stride") },
    BrokenHeader(what: "unknown type", header: entry("\"F8_E4M3\"", "[4]", "[0,4]")) {
      .unknownElementType(path: $0, tensor: "a", found: "F8_E4M3")
    },
    BrokenHeader(
      what: "product beyond 64 bits", header: entry("\"U8\"", "[4294967296,4294967296]", "[0,4]")
    ) { .shapeOverflow(path: $0, tensor: "a", shape: [1 << 32, 1 << 32]) },
    BrokenHeader(
      what: "product beyond 64 bits before a zero",
      header: entry("\"U8\"", "[4294967296,4294967296,0]", "[0,0]"), data: 0
    ) { .shapeOverflow(path: $0, tensor: "a", shape: [1 << 32, 1 << 32, 0]) },
    BrokenHeader(what: "shape too large", header: entry("\"F32\"", "[2]", "[0,4]")) {
      .tensorSize(
        path: $0, tensor: "a", elementType: .float32, shape: [2], expected: 8, found: 4,
        offset: 8 + entry("\"F32\"", "[2]", "[0,4]").utf8.count)
    },
    BrokenHeader(what: "shape too small", header: entry("\"F32\"", "[]", "[0,3]"), data: 3) {
      .tensorSize(
        path: $0, tensor: "a", elementType: .float32, shape: [], expected: 4, found: 3,
        offset: 8 + entry("\"F32\"", "[]", "[0,3]").utf8.count)
    },
    BrokenHeader(what: "file cut short", header: entry("\"F32\"", "[2]", "[0,8]"), data: 7) {
      let start = 8 + entry("\"F32\"", "[2]", "[0,8]").utf8.count
      return .dataBeyondEnd(path: $0, tensor: "a", end: start + 8, byteCount: start + 7)
    },
    BrokenHeader(
      what: "end beyond 64 bits", header: entry("\"U8\"", "[1]", "[0,9223372036854775807]")
    ) {
      let start = 8 + entry("\"U8\"", "[1]", "[0,9223372036854775807]").utf8.count
      return .dataBeyondEnd(path: $0, tensor: "a", end: .max, byteCount: start + 4)
    },
    BrokenHeader(what: "bytes before the first tensor", header: entry("\"U8\"", "[2]", "[2,4]")) {
      let start = 8 + entry("\"U8\"", "[2]", "[2,4]").utf8.count
      return .hole(path: $0, tensor: "a", expected: start, found: start + 2)
    },
    BrokenHeader(what: "bytes behind the last tensor", header: entry("\"U8\"", "[2]", "[0,2]")) {
      let start = 8 + entry("\"U8\"", "[2]", "[0,2]").utf8.count
      return .trailingBytes(path: $0, end: start + 2, byteCount: start + 4)
    },
  ]

  static let overlapping =
    "{\"b\":{\"dtype\":\"U8\",\"shape\":[3],\"data_offsets\":[1,4]},"
    + "\"a\":{\"dtype\":\"U8\",\"shape\":[2],\"data_offsets\":[0,2]}}"
}

@Suite struct SafetensorsTests {
  @Test(arguments: BrokenHeader.fields + BrokenHeader.layouts)
  func brokenHeadersAreRefused(broken: BrokenHeader) throws {
    let directory = try TemporaryDirectory()
    let path = try directory.write(
      safetensors(broken.header, data: broken.data), to: "model.safetensors")
    #expect(openError(path) == broken.error(path))
    #expect(openError(directory.path) == broken.error(path))
  }

  @Test func overlappingTensorsAreRefused() throws {
    let directory = try TemporaryDirectory()
    let header = BrokenHeader.overlapping
    let path = try directory.write(safetensors(header, data: 4), to: "model.safetensors")
    #expect(
      openError(path)
        == .overlap(path: path, first: "a", second: "b", offset: 8 + header.utf8.count + 1))
  }

  @Test func tensorsNamedTwiceAreRefused() throws {
    let directory = try TemporaryDirectory()
    let entry = "\"a\":{\"dtype\":\"U8\",\"shape\":[2],\"data_offsets\":"
    let header = "{" + entry + "[0,2]}," + entry + "[2,4]}}"
    let path = try directory.write(safetensors(header, data: 4), to: "model.safetensors")
    #expect(
      openError(path)
        == .file(
          .json(source: path, offset: 8 + 2 + entry.utf8.count + 6, problem: .duplicateKey("a"))))
  }

  @Test(arguments: [
    (UInt64.max, 4), (UInt64(1) << 63, 4), (100_000_001, 4), (7, 6),
  ])
  func headerLengthsThatLieAreRefused(length: UInt64, present: Int) throws {
    let directory = try TemporaryDirectory()
    var writer = ByteWriter()
    writer.uint64(length)
    writer.append([UInt8](repeating: 0x20, count: present))
    let path = try directory.write(writer.bytes, to: "model.safetensors")
    #expect(openError(path) == .headerSize(path: path, found: length, limit: present))
  }

  @Test func headersHaveALimitEvenInLargeFiles() throws {
    let directory = try TemporaryDirectory()
    let path = try directory.write([1, 0xE1, 0xF5, 5, 0, 0, 0, 0], to: "model.safetensors")
    // 100 000 001 bytes of header in a file that has them, as a hole on disk.
    #expect(truncate(path, 200_000_000) == 0)
    #expect(openError(path) == .headerSize(path: path, found: 100_000_001, limit: 100_000_000))
  }

  @Test(arguments: [0, 1, 7])
  func filesWithoutALengthAreRefused(count: Int) throws {
    let directory = try TemporaryDirectory()
    let path = try directory.write([UInt8](repeating: 0, count: count), to: "model.safetensors")
    #expect(
      openError(path)
        == .file(.truncated(source: path, offset: 0, needed: 8, available: count)))
  }

  @Test func deeplyNestedHeaderIsRefused() throws {
    let directory = try TemporaryDirectory()
    let header = String(repeating: "{\"a\":", count: 100_000)
    let path = try directory.write(safetensors(header, data: 0), to: "model.safetensors")
    #expect(
      openError(path)
        == .file(
          .json(source: path, offset: 8 + 5 * JSONValue.depthLimit, problem: .tooDeep)))
  }

  @Test func headerMayBePaddedWithSpaces() throws {
    let directory = try TemporaryDirectory()
    let path = try directory.write(safetensors("{}      ", data: 0), to: "model.safetensors")
    #expect(openError(path) == nil)
  }
}

@Suite struct IndexTests {
  /// A directory of two shards and an index with this text.
  private func directory(_ index: String) throws -> TemporaryDirectory {
    let directory = try TemporaryDirectory()
    for name in ["a", "b"] {
      let header = "{\"\(name)\":{\"dtype\":\"U8\",\"shape\":[2],\"data_offsets\":[0,2]}}"
      try directory.write(safetensors(header, data: 2), to: name + ".safetensors")
    }
    try directory.write(index, to: "model.safetensors.index.json")
    return directory
  }

  private func error(_ index: String) throws -> (error: CheckpointError?, path: String) {
    let directory = try directory(index)
    return (openError(directory.path), directory.path("model.safetensors.index.json"))
  }

  @Test func indexDecidesWhichFilesAreRead() throws {
    let directory = try directory("{\"weight_map\":{\"a\":\"a.safetensors\"}}")
    let checkpoint = try Checkpoint.open(directory.path)
    #expect(checkpoint.names == ["a"])
    #expect(checkpoint.unusedFiles == ["b.safetensors"])
  }

  @Test(arguments: ["../a.safetensors", "/etc/passwd", "x/a.safetensors", "", ".", ".."])
  func filesOutsideTheDirectoryAreRefused(file: String) throws {
    let (found, path) = try error("{\"weight_map\":{\"a\":\"\(file)\"}}")
    #expect(found == .shardOutsideDirectory(index: path, file: file))
  }

  @Test func missingShardIsNamed() throws {
    let (found, path) = try error(
      "{\"weight_map\":{\"a\":\"a.safetensors\",\"c\":\"c.safetensors\"}}")
    #expect(found == .missingShard(index: path, file: "c.safetensors"))
  }

  @Test func tensorMissingFromItsShardIsNamed() throws {
    let (found, path) = try error(
      "{\"weight_map\":{\"a\":\"a.safetensors\",\"c\":\"a.safetensors\"}}")
    #expect(found == .tensorNotInShard(index: path, tensor: "c", file: "a.safetensors"))
  }

  @Test(arguments: [
    "{\"weight_map\":{\"c\":\"a.safetensors\"}}",
    "{\"weight_map\":{\"a\":\"b.safetensors\",\"b\":\"a.safetensors\"}}",
  ])
  func tensorMissingFromTheIndexIsNamed(index: String) throws {
    let (found, path) = try error(index)
    #expect(found == .tensorNotInIndex(index: path, tensor: "a", file: "a.safetensors"))
  }

  @Test(arguments: [
    ("{}", "weight_map", "object", "nothing"), ("[]", "weight_map", "object", "nothing"),
    ("{\"weight_map\":[]}", "weight_map", "object", "array"),
    ("{\"weight_map\":{}}", "weight_map", "tensors", "none"),
    ("{\"weight_map\":{\"a\":1}}", "weight_map.a", "string", "number"),
  ])
  func brokenIndexIsRefused(index: String, field: String, expected: String, found: String) throws {
    let (error, path) = try error(index)
    #expect(error == .indexField(path: path, field: field, expected: expected, found: found))
  }

  @Test func indexThatIsNotJSONIsRefused() throws {
    let (found, path) = try error("{\"weight_map\":")
    #expect(found == .file(.json(source: path, offset: 14, problem: .unexpectedEnd)))
  }

  @Test func truncatedShardIsNamed() throws {
    let directory = try TemporaryDirectory()
    let names = try Directory.names(in: Fixture.sharded)
    for name in names {
      let bytes = try SmallFile.bytes(of: Directory.path(Fixture.sharded, name))
      try directory.write(
        name.contains("00002-of") ? Array(bytes.dropLast(5)) : bytes, to: name)
    }
    let path = directory.path("model-00002-of-00002.safetensors")
    #expect(
      openError(directory.path)
        == .dataBeyondEnd(path: path, tensor: "b.weight", end: 136, byteCount: 131))
  }
}
