import MartletBytes
import MartletTestSupport
import Testing

/// The error a body throws, for `==` against the expected one.
func bytesError(_ body: () throws(BytesError) -> Void) -> BytesError? {
  do throws(BytesError) {
    try body()
    return nil
  } catch {
    return error
  }
}

@Suite struct MappedFileTests {
  @Test func givesTheBytesOfAFile() throws {
    let directory = try TemporaryDirectory()
    let bytes = Array("some bytes".utf8)
    let file = try MappedFile(path: directory.write(bytes, to: "a"))
    #expect(file.count == 10)
    let read = file.withBytes { span in span.withUnsafeBytes { Array($0) } }
    #expect(read == bytes)
    let part = try file.bytes(in: 5..<10) { span in span.withUnsafeBytes { Array($0) } }
    #expect(part == Array("bytes".utf8))
  }

  @Test func emptyFileIsEmpty() throws {
    let directory = try TemporaryDirectory()
    let file = try MappedFile(path: directory.write([], to: "empty"))
    #expect(file.count == 0)
    #expect(file.withBytes { $0.byteCount } == 0)
    try file.discard(0..<0)
  }

  @Test func rangeBeyondTheFileIsRefused() throws {
    let directory = try TemporaryDirectory()
    let path = try directory.write([1, 2, 3], to: "a")
    let file = try MappedFile(path: path)
    let error = bytesError { () throws(BytesError) in try file.bytes(in: 2..<5) { _ in } }
    #expect(error == .truncated(source: path, offset: 2, needed: 3, available: 1))
  }

  @Test func discardedPagesReadTheSameAgain() throws {
    let directory = try TemporaryDirectory()
    var generator = SeededGenerator(seed: 1)
    let bytes = generator.bytes(1 << 20)
    let file = try MappedFile(path: directory.write(bytes, to: "a"))
    let before = file.withBytes { XXH64.checksum($0) }
    let resident = Machine.residentBytes
    try file.discard(0..<file.count)
    #expect(Machine.residentBytes < resident - 800_000)
    #expect(file.withBytes { XXH64.checksum($0) } == before)
    #expect(before == XXH64.checksum(bytes))
  }

  @Test func whatIsNoFileIsRefused() throws {
    let directory = try TemporaryDirectory()
    let missing = directory.path("missing")
    #expect(
      bytesError { () throws(BytesError) in _ = try MappedFile(path: missing) }
        == .system(operation: .open, path: missing, code: 2))
    for path in [directory.path, "/dev/null"] {
      #expect(
        bytesError { () throws(BytesError) in _ = try MappedFile(path: path) }
          == .notAFile(path: path))
    }
  }
}

@Suite struct ReaderTests {
  @Test func writtenValuesAreReadBack() throws {
    var writer = ByteWriter()
    writer.uint8(200)
    writer.uint16(60_000)
    writer.uint32(4_000_000_000)
    writer.uint64(.max - 1)
    writer.int32(-5)
    writer.int64(.min)
    writer.float(-0.5)
    writer.double(.pi)
    writer.size(77)
    writer.text("über")
    writer.append([1, 2, 3])
    writer.pad(to: 64)
    #expect(writer.count == 64)
    #expect(Array(writer.bytes[1..<3]) == [0x60, 0xEA])
    let bytes = writer.bytes
    var reader = ByteReader(bytes.span.bytes, source: "memory")
    #expect(try reader.uint8() == 200)
    #expect(try reader.uint16() == 60_000)
    #expect(try reader.uint32() == 4_000_000_000)
    #expect(try reader.uint64() == .max - 1)
    #expect(try reader.int32() == -5)
    #expect(try reader.int64() == .min)
    #expect(try reader.float() == -0.5)
    #expect(try reader.double() == .pi)
    #expect(try reader.size() == 77)
    #expect(try reader.text(5) == "über")
    #expect(try reader.array(3) == [1, 2, 3])
    try reader.skip(reader.remaining)
    let isAtEnd = reader.isAtEnd
    #expect(isAtEnd)
  }

  @Test func readingPastTheEndNamesTheOffset() throws {
    let bytes: [UInt8] = [1, 2, 3, 4, 5]
    var reader = ByteReader(bytes.span.bytes, source: "file", base: 100)
    _ = try reader.uint16()
    var found: BytesError?
    do throws(BytesError) { _ = try reader.uint32() } catch { found = error }
    #expect(found == .truncated(source: "file", offset: 102, needed: 4, available: 3))
    let position = reader.position
    #expect(position == 2)
    do throws(BytesError) { _ = try reader.array(-1) } catch { found = error }
    #expect(found == .truncated(source: "file", offset: 102, needed: -1, available: 3))
    do throws(BytesError) { _ = try reader.array(.max) } catch { found = error }
    #expect(found == .truncated(source: "file", offset: 102, needed: .max, available: 3))
  }

  @Test func sizesBeyondTheirLimitAreRefused() throws {
    let bytes = [UInt8](repeating: 0xFF, count: 8)
    var reader = ByteReader(bytes.span.bytes, source: "file")
    var found: BytesError?
    do throws(BytesError) { _ = try reader.size() } catch { found = error }
    #expect(found == .sizeOverflow(source: "file", offset: 0, found: .max))
  }

  @Test func textThatIsNotUTF8IsRefused() throws {
    let bytes: [UInt8] = [0x61, 0xC3, 0x28]
    var reader = ByteReader(bytes.span.bytes, source: "file", base: 10)
    var found: BytesError?
    do throws(BytesError) { _ = try reader.text(3) } catch { found = error }
    #expect(found == .notUTF8(source: "file", offset: 11))
  }

  @Test func writtenSizesCanBeReplaced() {
    var writer = ByteWriter()
    writer.size(0)
    writer.uint8(9)
    writer.replace(0x0102_0304_0506_0708, at: 0)
    #expect(writer.bytes == [8, 7, 6, 5, 4, 3, 2, 1, 9])
  }
}

@Suite struct UTF8Tests {
  @Test func agreesWithTheStandardLibraryOnRandomBytes() {
    var generator = SeededGenerator(seed: 7)
    // Bytes that begin, continue or break sequences are more likely than chance would make them.
    let alphabet: [UInt8] = [
      0x41, 0x80, 0x8F, 0x90, 0x9F, 0xA0, 0xBF, 0xC0, 0xC1, 0xC2, 0xDF, 0xE0, 0xE1, 0xED, 0xEF,
      0xF0,
      0xF1, 0xF4, 0xF5, 0xFF,
    ]
    var valid = 0
    var wrong: [[UInt8]] = []
    for _ in 0..<200_000 {
      let count = generator.int(in: 0...5)
      let bytes = (0..<count).map { _ in alphabet[generator.int(in: 0...alphabet.count - 1)] }
      let expected = String(validating: bytes, as: UTF8.self) != nil
      if (UTF8Check.firstInvalid(in: bytes.span) == nil) != expected { wrong.append(bytes) }
      valid += expected ? 1 : 0
    }
    #expect(wrong == [])
    #expect(valid > 10_000)
  }
}

@Suite struct PathTests {
  @Test(arguments: [
    ("a/b/c", "c", "a/b"), ("a", "a", "."), ("/a", "a", "/"), ("/", "/", "/"), ("a/b/", "b", "a"),
    ("//", "/", "/"),
  ])
  func pathsAreTakenApart(path: String, name: String, parent: String) {
    #expect(Directory.name(of: path) == name)
    #expect(Directory.parent(of: path) == parent)
  }

  @Test func namesAreSortedAndDirectoriesMade() throws {
    let directory = try TemporaryDirectory()
    try Directory.make(directory.path("x/y/z"))
    try Directory.make(directory.path("x/y/z"))
    try directory.write("1", to: "b")
    try directory.write("1", to: ".hidden")
    #expect(try directory.names() == [".hidden", "b", "x"])
    #expect(try PathKind(of: directory.path("x")) == .directory)
    #expect(try PathKind(of: directory.path("b")) == .file(byteCount: 1))
    #expect(try PathKind(of: directory.path("b/c")) == .missing)
    #expect(try PathKind(of: "/dev/null") == .other)
    let below = directory.path("b/c")
    #expect(throws: BytesError.self) { try Directory.make(below) }
    let missing = directory.path("missing")
    #expect(
      bytesError { () throws(BytesError) in _ = try Directory.names(in: missing) }
        == .system(operation: .list, path: missing, code: 2))
  }

  @Test func smallFilesHaveALimit() throws {
    let directory = try TemporaryDirectory()
    let path = try directory.write([UInt8](repeating: 65, count: 100_000), to: "a")
    #expect(try SmallFile.bytes(of: path).count == 100_000)
    #expect(
      bytesError { () throws(BytesError) in _ = try SmallFile.bytes(of: path, limit: 99_999) }
        == .fileTooLarge(path: path, limit: 99_999))
    #expect(try SmallFile.text(of: "/proc/self/status").hasPrefix("Name:"))
    #expect(
      bytesError { () throws(BytesError) in _ = try SmallFile.bytes(of: "/dev/zero", limit: 10) }
        == .notAFile(path: "/dev/zero"))
    let broken = try directory.write([0x61, 0xFF], to: "broken")
    #expect(
      bytesError { () throws(BytesError) in _ = try SmallFile.text(of: broken) }
        == .notUTF8(source: broken, offset: 1))
  }
}
