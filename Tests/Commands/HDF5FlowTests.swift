import Foundation
import MartletBytes
import MartletCheckpoints
import MartletTestSupport
import Testing

/// Pictures out of HDF5 files, and traces into them.
@Suite struct HDF5FlowTests {
  private static let folder = URL(filePath: #filePath).deletingLastPathComponent()
    .appending(path: "../Fixtures/hdf5").standardized.path()

  private func copy(_ name: String, as target: String, in directory: TemporaryDirectory) throws
    -> String
  {
    try directory.write(SmallFile.bytes(of: Directory.path(Self.folder, name)), to: target)
  }

  /// A data set and a group of the same pictures give one table: names in it are the file's, without its folder.
  @Test func picturesComeFromADataSetOrAGroup() throws {
    let directory = try TemporaryDirectory()
    let files = [
      try copy("pictures.h5", as: "set/p.h5", in: directory),
      try copy("picture-group.h5", as: "group/p.h5", in: directory),
    ]
    var tables: [[UInt8]] = []
    for (index, file) in files.enumerated() {
      let table = directory.path("\(index).mcal")
      let outcome = try Program.martlet.run(
        "calibrate", Tiny.llava, "--images", file, "-o", table, "--quiet")
      #expect(outcome.code == 0, "\(outcome.error)")
      tables.append(try SmallFile.bytes(of: table))
    }
    #expect(tables[0] == tables[1])
    for name in ["p.h5#0", "p.h5#1"] {
      #expect(tables[0].indices.contains { tables[0][$0...].starts(with: Array(name.utf8)) })
    }
    // Converting straight from the pictures or from their table is the same work, but for pictures in the proof.
    let packs = try [files[1], directory.path("0.mcal")].enumerated().map { index, calibration in
      let pack = directory.path("\(index).martlet")
      let outcome = try Program.martlet.run(
        "convert", Tiny.llava, "-o", pack, "--calibration", calibration, "--drawn-proof", "--quiet")
      #expect(outcome.code == 0, "\(outcome.error)")
      return try SmallFile.bytes(of: pack).count
    }
    #expect(packs[0] == packs[1])
  }

  @Test func questionsNamePicturesByTheirNumber() throws {
    let directory = try TemporaryDirectory()
    let pictures = try copy("pictures.h5", as: "p.h5", in: directory)
    func calibrate(_ lines: String) throws -> Program.Outcome {
      let questions = try directory.write(lines, to: "q.jsonl")
      return try Program.martlet.run(
        "calibrate", Tiny.llava, "--images", pictures, "--questions", questions, "-o",
        directory.path("x.mcal"), "--quiet")
    }
    let outcome = try calibrate(
      """
      {"image": "p.h5#1", "question": "What is it?"}
      {"image": "p.h5#0", "question": "And this?"}
      """)
    #expect(outcome.code == 0, "\(outcome.error)")
    let missing = try calibrate(#"{"image": "p.h5#2", "question": "What is it?"}"#)
    #expect(missing.code == 65)
    #expect(missing.report.contains("line 1: there is no picture '\(pictures)#2'"))
  }

  @Test(arguments: [
    ("float-pictures.h5", "'images': expected uint8 [height, width, 3], found F32 [2, 3, 4, 3]"),
    ("keras.h5", "found: stem.0.bias, stem.0.weight"),
  ])
  func otherDataSetsAreNoPictures(name: String, says: String) throws {
    let directory = try TemporaryDirectory()
    let path = Directory.path(Self.folder, name)
    for words in [
      ["calibrate", Tiny.llava, "--images", path], ["convert", Tiny.llava, "--calibration", path],
    ] {
      let outcome = try Program.martlet.run(words + ["-o", directory.path("x")])
      #expect(outcome.code == 65)
      #expect(outcome.headline == "error: cannot take pictures from '\(path)'")
      #expect(outcome.report.contains(says), "\(outcome.report)")
    }
    #expect(try directory.names() == [])
  }

  @Test func aTraceIsTheSameInBothFormats() throws {
    let directory = try TemporaryDirectory()
    let targets = ["t.safetensors", "t.h5"].map { directory.path($0) }
    for target in targets {
      let outcome = try Program.martlet.run([
        "trace", Tiny.llava, "--image", Tiny.wide, "--prompt", Tiny.question, "--max-tokens", "2",
        "--tap", "vision.stages.1.*", "-o", target,
      ])
      #expect(outcome.code == 0, "\(outcome.error)")
    }
    let (expected, found) = (try Checkpoint.open(targets[0]), try Checkpoint.open(targets[1]))
    #expect(found.format == .hdf5)
    #expect(found.names == expected.names && found.names.count > 8)
    for name in expected.names {
      #expect(found[name]?.shape == expected[name]?.shape, "\(name)")
      #expect(found[name]?.elementType == expected[name]?.elementType, "\(name)")
      #expect(try bytes(name, found) == bytes(name, expected), "\(name)")
    }
  }

  private func bytes(_ name: String, _ checkpoint: Checkpoint) throws -> [UInt8] {
    try checkpoint.withBytes(name) { span in unsafe span.withUnsafeBytes { unsafe [UInt8]($0) } }
  }
}
