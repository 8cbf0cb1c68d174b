import Foundation
import MartletBytes
import MartletCheckpoints
import MartletConversion
import MartletExport
import MartletModel
import MartletPack
import MartletQuantization
import MartletTestSupport
import Testing

/// `Tools/oracle/read_pack.py`, written from Formats/pack-format.md alone, against the reader of the programs.
@Suite struct PageReaderTests {
  private static let script = ExportTests.fixture("../../Tools/oracle/read_pack.py")

  /// Whether there is a Python that can run the script: development machines have one.
  static let hasPython: Bool = {
    let works = (try? run(["-c", "import numpy, xxhash, zstandard"])) == 0
    if !works { print("skipped: no python3 with numpy, xxhash and zstandard to run read_pack.py") }
    return works
  }()

  @discardableResult
  private static func run(_ words: [String]) throws -> Int32 {
    let process = Process()
    process.executableURL = URL(filePath: "/usr/bin/env")
    process.arguments = ["python3"] + words
    process.standardError = FileHandle.nullDevice
    process.standardInput = FileHandle.nullDevice
    try process.run()
    process.waitUntilExit()
    return process.terminationStatus
  }

  @Test(.enabled(if: hasPython), arguments: Precision.allCases)
  func everyNumberOfNanoIsTheSame(precision: Precision) throws {
    let checkpoint = try Checkpoint.open(ExportTests.fixture("nano/checkpoint"))
    let model = try SourceModel.read(checkpoint).model.folded().model
    let directory = try TemporaryDirectory()
    let pack = try ExportTests.pack(model, precision, in: directory)
    let digests = directory.path("digests.json")
    #expect(try Self.run([Self.script, pack.path, "--digests", digests]) == 0)
    let page = try #require(
      try JSONValue(contentsOf: digests, limit: 1 << 20).object?.members)
    let names = pack.tensors.map(\.name)
    #expect(Set(page.map(\.key)) == Set(names) && page.count > 100)
    let parameters = try PackParameters(pack, pool: ThreadPool(threads: 1))
    for (name, entry) in page {
      let digest = SHA256.digest(FloatConversion.float32Bytes(try parameters.values(of: name)))
      #expect(SHA256.hexadecimal(digest) == entry["sha256"]?.string, "\(name)")
    }
  }
}
