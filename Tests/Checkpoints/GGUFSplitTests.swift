import MartletBytes
import MartletCheckpoints
import MartletTestSupport
import Testing

/// A model in several GGUF files, made by the gguf package.
@Suite struct GGUFSplitTests {
  private static let folder = Directory.path(GGUFFixture.folder, "split")

  private static func name(_ index: Int) -> String { "qwen2-0000\(index)-of-00003.gguf" }

  /// A copy of the files under names of their own.
  private func copy(_ names: [Int: String]) throws -> TemporaryDirectory {
    let directory = try TemporaryDirectory()
    for (index, name) in names {
      try directory.write(
        SmallFile.bytes(of: Directory.path(Self.folder, Self.name(index))), to: name)
    }
    return directory
  }

  private static let all = [1: name(1), 2: name(2), 3: name(3)]

  @Test(arguments: ["", name(1), name(3)]) func anyFileStandsForAll(_ given: String) throws {
    let whole = try Checkpoint.open(Directory.path(GGUFFixture.folder, "qwen2.gguf"))
    let path = given.isEmpty ? Self.folder : Directory.path(Self.folder, given)
    let found = try Checkpoint.open(path)
    #expect(found.files.map(\.name) == [1, 2, 3].map(Self.name))
    #expect(found.names == whole.names)
    #expect(try found.gguf?.string("general.architecture") == "qwen2")
    for name in whole.names { #expect(try found.floats(name) == whole.floats(name), "\(name)") }
  }

  @Test func aMissingFileIsNamed() throws {
    let directory = try copy([1: Self.name(1), 3: Self.name(3)])
    for path in [directory.path, directory.path(Self.name(1)), directory.path(Self.name(3))] {
      let given = path == directory.path ? directory.path(Self.name(1)) : path
      #expect(openError(path) == .missingPart(path: given, file: Self.name(2), count: 3))
    }
  }

  @Test func filesOfTwoModelsAreNotJoined() throws {
    var names = Self.all
    names[3] = "other-00003-of-00003.gguf"
    let directory = try copy(names)
    #expect(
      openError(directory.path)
        == .severalModels(
          directory: directory.path,
          files: ["other-00003-of-00003.gguf", Self.name(1), Self.name(2)]
        ))
  }

  /// The rule that opening breaks: its key, what was expected and what was found.
  private func fault(_ path: String) -> [String]? {
    guard case .ggufField(_, _, let field, let expected, let found) = openError(path) else {
      return nil
    }
    return [field, expected, found]
  }

  @Test func filesUnderOtherNamesAreRefused() throws {
    let alone = try copy([1: "model.gguf"])
    #expect(fault(alone.path) == ["split.count", "1, as many files as are read", "3"])
    let swapped = try copy([1: Self.name(1), 2: Self.name(3), 3: Self.name(2)])
    #expect(fault(swapped.path) == ["split.no", "1", "2"])
    let fewer = try copy([1: "a-00001-of-00002.gguf", 2: "a-00002-of-00002.gguf"])
    #expect(fault(fewer.path) == ["split.count", "2, as many files as are read", "3"])
  }

  @Test func theNumberOfTensorsIsCompared() throws {
    let directory = try copy(Self.all)
    var bytes = try SmallFile.bytes(of: directory.path(Self.name(1)))
    let key = Array("split.tensors.count".utf8)
    let place = try #require(
      bytes.indices.first { bytes[$0...].starts(with: key) })
    // Behind the key: the type, four bytes, then the count.
    bytes[place + key.count + 4] += 1
    try directory.write(bytes, to: Self.name(1))
    let count = try Checkpoint.open(Self.folder).names.count
    #expect(
      fault(directory.path)
        == ["split.tensors.count", "\(count), as many as the files hold", "\(count + 1)"])
  }

  @Test(arguments: [
    "model-00001-of-00001.gguf", "model-1-of-3.gguf", "model-00004-of-00003.gguf",
    "model-00000-of-00003.gguf", "model-0000a-of-00003.gguf", "00001-of-00003.gguf",
    "model-00001-in-00003.gguf",
  ])
  func otherNamesAreThoseOfWholeModels(_ name: String) throws {
    let directory = try TemporaryDirectory()
    try directory.write(
      SmallFile.bytes(of: Directory.path(GGUFFixture.folder, "qwen2.gguf")), to: name)
    #expect(try Checkpoint.open(directory.path(name)).files.map(\.name) == [name])
    #expect(try Checkpoint.open(directory.path).files.map(\.name) == [name])
  }
}
