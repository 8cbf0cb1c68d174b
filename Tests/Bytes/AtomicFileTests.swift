import Foundation
import MartletBytes
import MartletTestSupport
import Testing

@Suite(.serialized) struct AtomicFileTests {
  @Test(arguments: [AtomicFile.Placement.nameless, .hidden])
  func appearsWholeAndOnlyOnCommit(placement: AtomicFile.Placement) throws {
    let directory = try TemporaryDirectory()
    let path = try directory.write("old", to: "target")
    let file = try AtomicFile(replacing: path, placement: placement)
    var generator = SeededGenerator(seed: 21)
    var expected: [UInt8] = []
    for _ in 0..<200 {
      let piece = generator.bytes(generator.int(in: 0...5000))
      expected += piece
      try file.append(piece)
    }
    let large = generator.bytes(1 << 20)
    try file.append(large)
    expected += large
    #expect(file.position == expected.count)
    try file.append("end")
    expected += Array("end".utf8)
    try file.pad(to: 64)
    expected += [UInt8](repeating: 0, count: (64 - expected.count % 64) % 64)
    try file.overwrite([1, 2, 3, 4], at: 10)
    expected.replaceSubrange(10..<14, with: [1, 2, 3, 4])
    #expect(try SmallFile.text(of: path) == "old")
    try file.commit()
    #expect(try SmallFile.bytes(of: path) == expected)
    #expect(try directory.names() == ["target"])
  }

  @Test(arguments: [AtomicFile.Placement.nameless, .hidden])
  func leavesNothingWithoutCommit(placement: AtomicFile.Placement) throws {
    let directory = try TemporaryDirectory()
    let path = directory.path("target")
    for abandons in [true, false] {
      let file = try AtomicFile(replacing: path, placement: placement)
      try file.append([UInt8](repeating: 7, count: 1 << 20))
      #expect(try directory.names().count == (placement == .hidden ? 1 : 0))
      if abandons { file.abandon() }
    }
    #expect(try directory.names() == [])
  }

  @Test func hiddenFileIsNamedAfterItsTarget() throws {
    let directory = try TemporaryDirectory()
    let file = try AtomicFile(replacing: directory.path("a.martlet"), placement: .hidden)
    let name = try #require(try directory.names().first)
    #expect(name.hasPrefix(".a.martlet."))
    #expect(name.hasSuffix(".partial"))
    #expect(name.utf8.count == ".a.martlet.XXXXXXXX.partial".utf8.count)
    file.abandon()
  }

  @Test func leftoversOfKilledRunsAreRemovedButNotFilesInUse() throws {
    let directory = try TemporaryDirectory()
    let path = directory.path("target")
    try directory.write("left", to: ".target.0123abcd.partial")
    try directory.write("other", to: ".target2.0123abcd.partial")
    try directory.write("other", to: ".target.0123abcde.partial")
    let inUse = try AtomicFile(replacing: path, placement: .hidden)
    #expect(
      try directory.names().filter { $0.hasPrefix(".target") }.count == 3)
    let second = try AtomicFile(replacing: path, placement: .hidden)
    try second.append("second")
    try second.commit()
    try inUse.append("first")
    try inUse.commit()
    #expect(try SmallFile.text(of: path) == "first")
    #expect(
      try directory.names() == [
        ".target.0123abcde.partial", ".target2.0123abcd.partial", "target",
      ])
  }

  @Test func onlyRegularFilesAreReplaced() throws {
    let directory = try TemporaryDirectory()
    for path in [directory.path, "/dev/null"] {
      #expect(
        bytesError { () throws(BytesError) in _ = try AtomicFile(replacing: path) }
          == .notAFile(path: path))
    }
    let slash = directory.path("new/")
    #expect(
      bytesError { () throws(BytesError) in _ = try AtomicFile(replacing: slash) }
        == .system(operation: .create, path: slash, code: EISDIR))
    let missing = directory.path("none/target")
    #expect(
      bytesError { () throws(BytesError) in _ = try AtomicFile(replacing: missing) }
        == .system(operation: .create, path: missing, code: ENOENT))
  }

  /// `/proc` refuses even root.
  @Test func fileSystemThatCannotCreateIsRefused() throws {
    #expect(
      bytesError { () throws(BytesError) in _ = try AtomicFile(replacing: "/proc/self/target") }
        == .system(operation: .create, path: "/proc/self/target", code: ENOENT))
  }

  @Test(.disabled(if: geteuid() == 0, "root writes everywhere"))
  func unwritableDirectoryIsRefused() throws {
    let directory = try TemporaryDirectory()
    let locked = directory.path("locked")
    try Directory.make(locked)
    #expect(chmod(locked, 0o555) == 0)
    let path = Directory.path(locked, "target")
    #expect(
      bytesError { () throws(BytesError) in _ = try AtomicFile(replacing: path) }
        == .system(operation: .create, path: path, code: EACCES))
  }

  /// A limit on file sizes stands for a full disk: both end a write early with an error.
  @Test func writingBeyondTheSpaceIsAnErrorAndLeavesTheTarget() async {
    await #expect(processExitsWith: .success) {
      signal(SIGXFSZ, SIG_IGN)
      let directory = try TemporaryDirectory()
      let path = try directory.write("old", to: "target")
      var limit = rlimit(rlim_cur: 1 << 20, rlim_max: 1 << 20)
      precondition(setrlimit(__rlimit_resource_t(1), &limit) == 0)  // RLIMIT_FSIZE
      let bytes = [UInt8](repeating: 1, count: 700_000)
      for placement in [AtomicFile.Placement.nameless, .hidden] {
        var found: BytesError?
        do throws(BytesError) {
          let file = try AtomicFile(replacing: path, placement: placement)
          try file.append(bytes)
          try file.append(bytes)
        } catch {
          found = error
        }
        precondition(found == .system(operation: .write, path: path, code: EFBIG))
        let names = try directory.names()
        precondition(names == ["target"])
      }
      let text = try SmallFile.text(of: path)
      precondition(text == "old")
    }
  }

  /// Whether this process may mount a small disk to fill.
  static let canMount: Bool = {
    guard let directory = try? TemporaryDirectory() else { return false }
    guard mount("tmpfs", directory.path, "tmpfs", 0, "size=1m") == 0 else { return false }
    return umount2(directory.path, Int32(MNT_DETACH)) == 0
  }()

  @Test(.enabled(if: canMount, "only root mounts a disk to fill")) func fullDiskIsReported() throws
  {
    let directory = try TemporaryDirectory()
    let disk = directory.path("disk")
    try Directory.make(disk)
    #expect(mount("tmpfs", disk, "tmpfs", 0, "size=1m") == 0)
    defer { umount2(disk, Int32(MNT_DETACH)) }
    let path = Directory.path(disk, "target")
    for placement in [AtomicFile.Placement.nameless, .hidden] {
      let found = bytesError { () throws(BytesError) in
        let file = try AtomicFile(replacing: path, placement: placement)
        try file.append([UInt8](repeating: 1, count: 2 << 20))
        try file.commit()
      }
      #expect(found == .system(operation: .write, path: path, code: ENOSPC))
      #expect(try Directory.names(in: disk) == [])
    }
  }

  /// Kills a process that is writing: the target stays as it was, and the next run cleans up.
  @Test func killedProcessLeavesTheTargetAlone() async throws {
    let directory = try TemporaryDirectory()
    let path = try directory.write("old", to: "target")
    setenv("MARTLET_TEST_TARGET", path, 1)
    await #expect(processExitsWith: .signal(SIGKILL)) {
      let path = String(cString: getenv("MARTLET_TEST_TARGET"))
      let nameless = try AtomicFile(replacing: path)
      let hidden = try AtomicFile(replacing: path, placement: .hidden)
      try nameless.append([UInt8](repeating: 1, count: 1 << 20))
      try hidden.append([UInt8](repeating: 1, count: 1 << 20))
      kill(getpid(), SIGKILL)
    }
    #expect(try SmallFile.text(of: path) == "old")
    let left = try directory.names()
    #expect(left.count == 2)
    #expect(left[0].hasPrefix(".target.") && left[0].hasSuffix(".partial"))
    try AtomicFile.write("new", to: path)
    #expect(try directory.names() == ["target"])
    #expect(try SmallFile.text(of: path) == "new")
  }
}
