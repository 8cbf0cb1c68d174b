import MartletBytes
import MartletCheckpoints
import MartletTestSupport
import Testing

/// Files written by the reference implementation; `make.py` beside them says how.
enum Fixture {
  static let folder = Directory.path(
    Directory.parent(of: Directory.parent(of: #filePath)), "Fixtures/safetensors")
  static let allTypes = Directory.path(folder, "all-types.safetensors")
  static let sharded = Directory.path(folder, "sharded")

  /// The float that `make.py` puts at position `i`.
  static func float(_ i: Int) -> Float { Float(i - 3) / 4 }
}

/// The error a body throws, for `==` against the expected one.
func checkpointError(_ body: () throws(CheckpointError) -> Void) -> CheckpointError? {
  do throws(CheckpointError) {
    try body()
    return nil
  } catch {
    return error
  }
}

/// What opening a path throws.
func openError(_ path: String) -> CheckpointError? {
  checkpointError { () throws(CheckpointError) in _ = try Checkpoint.open(path) }
}

/// A safetensors file of this header and data.
func safetensors(_ header: String, data: Int) -> [UInt8] {
  var writer = ByteWriter()
  writer.size(header.utf8.count)
  writer.text(header)
  writer.append([UInt8](repeating: 0, count: data))
  return writer.bytes
}

@Suite struct CheckpointTests {
  @Test(arguments: ["f64", "f32", "f16", "bf16"])
  func floatsOfEveryTypeAreRead(name: String) throws {
    let checkpoint = try Checkpoint.open(Fixture.allTypes)
    let tensor = try #require(checkpoint[name])
    #expect(tensor.elementType.rawValue == name.uppercased())
    #expect(try checkpoint.floats(name) == (0..<tensor.count).map(Fixture.float))
  }

  @Test(arguments: ["i64", "i32", "i16", "i8", "u64", "u32", "u16", "u8"])
  func integersOfEveryTypeAreRead(name: String) throws {
    let checkpoint = try Checkpoint.open(Fixture.allTypes)
    let tensor = try #require(checkpoint[name])
    #expect(tensor.elementType.rawValue == name.uppercased())
    let first = name.hasPrefix("i") ? -3 : 0
    #expect(try checkpoint.integers(name) == (0..<tensor.count).map { $0 + first })
  }

  @Test func shapesScalarsAndEmptyTensorsAreRead() throws {
    let checkpoint = try Checkpoint.open(Fixture.allTypes)
    #expect(checkpoint["f32"]?.shape == [2, 3, 4])
    #expect(checkpoint["scalar"]?.shape == [])
    #expect(try checkpoint.integers("scalar") == [42])
    #expect(checkpoint["empty"]?.shape == [0, 4])
    #expect(try checkpoint.floats("empty") == [])
    #expect(try checkpoint.integers("bool") == [0, 1, 0, 1, 0])
    #expect(try checkpoint.floats("größe") == [Fixture.float(0)])
    #expect(try checkpoint.withBytes("u8") { $0.byteCount } == 5)
    #expect(checkpoint.names.count == 16)
    #expect(checkpoint.names == checkpoint.names.sorted())
    #expect(
      checkpoint.files[0].metadata.sorted { $0.key < $1.key }.map { $0.value }
        == ["pt", "every \"type\""])
    #expect(checkpoint.config == nil)
  }

  @Test func rowsAreReadByThemselves() throws {
    let checkpoint = try Checkpoint.open(Fixture.allTypes)
    #expect(try checkpoint.floats("f16", rows: 1..<4) == (3..<12).map(Fixture.float))
    #expect(try checkpoint.floats("f32", rows: 1..<2) == (12..<24).map(Fixture.float))
    #expect(try checkpoint.floats("f32", rows: 2..<2) == [])
    #expect(try checkpoint.floats("empty", rows: 0..<0) == [])
  }

  @Test func discardedTensorsReadTheSameAgain() throws {
    let checkpoint = try Checkpoint.open(Fixture.allTypes)
    for name in checkpoint.names { try checkpoint.discard(name) }
    try checkpoint.discard("f16", rows: 1..<4)
    #expect(try checkpoint.floats("bf16") == (0..<7).map(Fixture.float))
  }

  @Test func askingForTheWrongThingIsAnError() throws {
    let checkpoint = try Checkpoint.open(Fixture.allTypes)
    #expect(
      checkpointError { () throws(CheckpointError) in _ = try checkpoint.floats("nothing") }
        == .noSuchTensor(name: "nothing"))
    #expect(
      checkpointError { () throws(CheckpointError) in try checkpoint.discard("nothing") }
        == .noSuchTensor(name: "nothing"))
    #expect(
      checkpointError { () throws(CheckpointError) in _ = try checkpoint.floats("i64") }
        == .elementTypeMismatch(tensor: "i64", expected: "floats", found: .int64))
    #expect(
      checkpointError { () throws(CheckpointError) in _ = try checkpoint.integers("f16") }
        == .elementTypeMismatch(tensor: "f16", expected: "integers", found: .float16))
  }

  @Test func shardsAreReadThroughTheirIndex() throws {
    let checkpoint = try Checkpoint.open(Fixture.sharded)
    #expect(checkpoint.names == ["a.bias", "a.weight", "b.weight"])
    #expect(try checkpoint.floats("a.weight") == (0..<12).map(Fixture.float))
    #expect(try checkpoint.floats("b.weight") == (0..<8).map(Fixture.float))
    #expect(checkpoint["b.weight"]?.file.hasSuffix("model-00002-of-00002.safetensors") == true)
    #expect(checkpoint.config?["model_type"] == "fixture")
    #expect(checkpoint.directory == Fixture.sharded)
    let throughIndex = try Checkpoint.open(
      Directory.path(Fixture.sharded, "model.safetensors.index.json"))
    #expect(throughIndex.names == checkpoint.names)
    let one = try Checkpoint.open(
      Directory.path(Fixture.sharded, "model-00001-of-00002.safetensors"))
    #expect(one.names == ["a.bias", "a.weight"])
    #expect(one.config?["model_type"] == "fixture")
  }

  @Test func filesBesideTheWeightsAreFound() throws {
    let checkpoint = try Checkpoint.open(Fixture.sharded)
    #expect(try checkpoint.file(named: "config.json")?.count == 25)
    #expect(try checkpoint.file(named: "tokenizer.json") == nil)
  }

  @Test func contentIsHashedAsSha256sumDoes() throws {
    let hashes = try Checkpoint.open(Fixture.sharded).contentHashes()
    #expect(
      hashes.map { $0.name } == [
        "model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors", "config.json",
      ])
    let bytes = try SmallFile.bytes(of: Directory.path(Fixture.sharded, hashes[0].name))
    #expect(hashes[0].sha256 == SHA256.digest(bytes))
    #expect(hashes[0].byteCount == bytes.count)

    let directory = try TemporaryDirectory()
    try directory.write(safetensors("{}", data: 0), to: "model.safetensors")
    let before = try Checkpoint.open(directory.path).contentHash()
    try directory.write("{}", to: "config.json")
    let after = try Checkpoint.open(directory.path).contentHash()
    #expect(before.count == 32)
    #expect(before != after)
  }

  @Test func everyFileOfADirectoryWithoutAnIndexIsRead() throws {
    let directory = try TemporaryDirectory()
    let first = "{\"a\":{\"dtype\":\"U8\",\"shape\":[2],\"data_offsets\":[0,2]}}"
    let second = "{\"b\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1]}}"
    try directory.write(safetensors(first, data: 2), to: "one.safetensors")
    try directory.write(safetensors(second, data: 1), to: "two.safetensors")
    try directory.write("not this one", to: ".hidden.safetensors")
    let checkpoint = try Checkpoint.open(directory.path)
    #expect(checkpoint.names == ["a", "b"])
    #expect(checkpoint.files.map { $0.name } == ["one.safetensors", "two.safetensors"])
    #expect(checkpoint.unusedFiles == [])
    try directory.write(safetensors(first, data: 2), to: "three.safetensors")
    #expect(
      openError(directory.path)
        == .duplicateTensor(
          name: "a", first: directory.path("one.safetensors"),
          second: directory.path("three.safetensors")))
  }
}

@Suite struct CheckpointPathTests {
  @Test func pathsWithoutACheckpointAreRefused() throws {
    let directory = try TemporaryDirectory()
    #expect(openError(directory.path("none")) == .missing(path: directory.path("none")))
    #expect(openError(directory.path) == .noWeights(directory: directory.path))
    #expect(openError("/dev/null") == .file(.notAFile(path: "/dev/null")))
  }

  @Test(arguments: [
    ("weights.npz", "NumPy archive")
  ])
  func otherFormatsAreNamedByTheirFileNames(name: String, format: String) throws {
    let directory = try TemporaryDirectory()
    let path = try directory.write("x", to: name)
    #expect(openError(directory.path) == .unsupportedFormat(path: path, found: format))
  }

  @Test(
    arguments: [
      ([0x80, 0x02, 0x8A], "a pickle without torch's magic number")
    ] as [([UInt8], String)])
  func otherFormatsAreRecognizedByTheirContent(bytes: [UInt8], format: String) throws {
    let directory = try TemporaryDirectory()
    let path = try directory.write(bytes, to: "model.safetensors")
    #expect(openError(path) == .unsupportedFormat(path: path, found: format))
  }

  @Test func unknownFilesAreRefusedWithTheirFirstBytes() throws {
    let directory = try TemporaryDirectory()
    let path = try directory.write("hello", to: "model.weights")
    #expect(openError(path) == .unknownFormat(path: path, firstBytes: Array("hello".utf8)))
  }

  @Test func contentDecidesWhateverTheNameIs() throws {
    let directory = try TemporaryDirectory()
    let path = try directory.write(safetensors("{}", data: 0), to: "weights")
    #expect(try Checkpoint.open(path).names == [])
  }

  @Test func configurationThatIsNoObjectIsRefused() throws {
    let directory = try TemporaryDirectory()
    try directory.write(safetensors("{}", data: 0), to: "model.safetensors")
    let path = try directory.write("[]", to: "config.json")
    #expect(
      openError(directory.path)
        == .indexField(path: path, field: "", expected: "object", found: "array"))
    try directory.write("{", to: "config.json")
    #expect(
      openError(directory.path)
        == .file(.json(source: path, offset: 1, problem: .unexpectedEnd)))
  }
}
