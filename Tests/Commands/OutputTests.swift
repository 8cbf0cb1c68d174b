import Foundation
import MartletBytes
import MartletTestSupport
import Testing

/// Results that cannot be written: an error that says so, exit code 74, nothing left behind.
@Suite struct OutputTests {
  @Test func aFolderThatDoesNotExistIsToldBeforeTheWork() throws {
    let directory = try TemporaryDirectory()
    let path = directory.path("no/such/x.martlet")
    let outcome = try Program.martlet.run("convert", Tiny.llava, "-o", path)
    #expect(outcome.code == 74)
    #expect(
      outcome.error == """
        error: cannot create '\(path)'
          the system says: no such file or directory
          hint: see that the folder '\(directory.path("no/such"))' exists

        """)
    #expect(try directory.names() == [])
  }

  @Test func aFolderThatCannotBeWrittenIsTold() throws {
    // Nobody, the superuser included, may create files in /proc.
    let outcome = try Program.martlet.run("convert", Tiny.llava, "-o", "/proc/x.martlet")
    #expect(outcome.code == 74)
    #expect(outcome.headline == "error: cannot create '/proc/x.martlet'")
  }

  @Test func aFolderInTheFilesPlaceIsNotReplaced() throws {
    let directory = try TemporaryDirectory()
    try Directory.make(directory.path("x"))
    let outcome = try Program.martlet.run("convert", Tiny.llava, "-o", directory.path("x"))
    #expect(outcome.code == 65)
    #expect(outcome.headline == "error: cannot use '\(directory.path("x"))'")
    #expect(try directory.names() == ["x"])
  }

  @Test(arguments: [
    ["convert", Tiny.llava],
    ["trace", Tiny.llava, "--image", Tiny.wide, "--prompt", "x", "--max-tokens", "1"],
  ])
  func aFileThatMayNotGrowLeavesNothing(words: [String]) throws {
    let directory = try TemporaryDirectory()
    let path = directory.path("x.safetensors")
    // 64 blocks of 512 bytes: the work is well on its way when the limit is met.
    let outcome = try Program.martlet.run(
      words + ["-o", path], under: "ulimit -f 64; exec \"$@\"")
    #expect(outcome.code == 74)
    #expect(outcome.headline == "error: cannot write '\(path)'")
    #expect(outcome.report.contains("file too large"))
    #expect(try directory.names() == [])
  }

  /// A file system of 256 KB, in a mount namespace of its own.
  @Test func aFullDiskLeavesNothing() throws {
    let directory = try TemporaryDirectory()
    let folder = directory.path("small")
    try Directory.make(folder)
    let script = try directory.write(
      """
      mount -t tmpfs -o size=256k none '\(folder)' || exit 99
      "$@"
      code=$?
      echo "left: [$(ls -A '\(folder)')]"
      exit $code
      """, to: "in-a-small-disk.sh")
    let inside = "exec unshare -rm sh '\(script)' \"$@\""
    let trial = try Program.martlet.run(["--version"], under: inside)
    if trial.code != 0 {
      print("skipped: no full disk, since this system lets nobody mount one (\(trial.error))")
      return
    }
    let target = Directory.path(folder, "x.martlet")
    let outcome = try Program.martlet.run(["convert", Tiny.llava, "-o", target], under: inside)
    #expect(outcome.code == 74)
    #expect(outcome.headline == "error: cannot write '\(target)'")
    #expect(outcome.report.contains("no space left on device"))
    #expect(outcome.output == "left: []\n")
  }

  @Test(arguments: [
    (Program.martlet, ["inspect", Tiny.pack]), (.martlet, ["inspect", Tiny.pack, "--json"]),
    (.martlet, ["run", Tiny.pack, "--prompt", "x", "--max-tokens", "2"]),
    (.martlet, ["run", Tiny.pack, "--prompt", "x", "--max-tokens", "2", "--json"]),
    (.board, [Tiny.pack, "--prompt", "x", "--max-tokens", "2"]),
    (.board, [Tiny.pack, "--prompt", "x", "--max-tokens", "2", "--json"]),
  ])
  func aResultThatCannotBePrintedIsAnError(program: Program, words: [String]) throws {
    let outcome = try program.run(words, under: "\"$@\" > /dev/full")
    #expect(outcome.code == 74)
    #expect(outcome.headline == "error: cannot write '/dev/stdout'")
  }
}
