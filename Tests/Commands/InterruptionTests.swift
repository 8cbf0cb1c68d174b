import Foundation
import MartletBytes
import MartletTestSupport
import Testing

/// A convert that is killed while it writes.
@Suite struct InterruptionTests {
  @Test func aKilledConvertLeavesNoFileAndTheNextOneIsWhole() throws {
    let directory = try TemporaryDirectory()
    let target = directory.path("x.martlet")
    try killWhileWriting(["convert", Tiny.llava, "-o", target], in: directory)
    #expect(!(try directory.names().contains("x.martlet")))

    // What a kill leaves where files cannot be without a name: the next run removes it.
    try directory.write("half a pack", to: ".x.martlet.0123abcd.partial")
    let again = try Program.martlet.run("convert", Tiny.llava, "-o", target, "--quiet")
    #expect(again.code == 0)
    #expect(try directory.names() == ["x.martlet"])
    #expect(try SmallFile.bytes(of: target) == SmallFile.bytes(of: Tiny.pack))
  }

  @Test func aKilledConvertLeavesAnOlderFileAsItWas() throws {
    let directory = try TemporaryDirectory()
    let target = try directory.write("the older file", to: "x.martlet")
    try killWhileWriting(["convert", Tiny.llava, "-o", target], in: directory)
    #expect(try SmallFile.text(of: target) == "the older file")
  }

  /// Starts the program with a standard error that takes its notes but not its first line of progress, so that it
  /// stands still with its file begun; kills it there.
  private func killWhileWriting(_ words: [String], in directory: TemporaryDirectory) throws {
    let notes = try notesBeforeProgress(words, in: directory)
    let pipe = Pipe()
    let writing = pipe.fileHandleForWriting.fileDescriptor
    // F_SETPIPE_SZ: one page, the least a pipe can hold.
    let capacity = Int(fcntl(writing, 1031, Int32(4096)))
    try #require(capacity >= 4096 && notes < capacity)
    pipe.fileHandleForWriting.write(Data(repeating: 0x2E, count: capacity - notes))
    let process = try Program.martlet.launchable(words)
    process.standardError = pipe
    process.standardOutput = FileHandle.nullDevice
    let ended = DispatchSemaphore(value: 0)
    process.terminationHandler = { _ in ended.signal() }
    try process.run()
    defer {
      kill(process.processIdentifier, SIGKILL)
      ended.wait()
    }
    let deadline = Date().addingTimeInterval(120)
    let reading = pipe.fileHandleForReading.fileDescriptor
    while bytes(in: reading) < capacity || !holdsFile(process.processIdentifier, in: directory.path)
    {
      try #require(process.isRunning && Date() < deadline, "the file was never begun")
      usleep(5000)
    }
  }

  /// The bytes of standard error before the first line of progress.
  private func notesBeforeProgress(
    _ words: [String], in directory: TemporaryDirectory
  ) throws -> Int {
    let elsewhere = try TemporaryDirectory()
    let path = elsewhere.path("x.martlet")
    let outcome = try Program.martlet.run(words.dropLast() + [path])
    let progress = try #require(outcome.error.range(of: "packing "))
    return outcome.error[..<progress.lowerBound].utf8.count
  }

  /// What a pipe holds.
  private func bytes(in pipe: Int32) -> Int {
    var count: Int32 = 0
    return unsafe ioctl(pipe, UInt(FIONREAD), &count) == 0 ? Int(count) : 0
  }

  /// Whether a process has a file of a directory open, named or nameless.
  private func holdsFile(_ process: Int32, in directory: String) -> Bool {
    let folder = "/proc/\(process)/fd"
    let names = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
    return names.contains { name in
      let link = try? FileManager.default.destinationOfSymbolicLink(atPath: "\(folder)/\(name)")
      return link?.hasPrefix(directory + "/") == true
    }
  }
}
