import MartletBytes
import MartletCheckpoints
import MartletTestSupport
import Testing

/// Files written by h5py; `make.py` beside them says how.
@Suite struct HDF5Tests {
  static let folder = Directory.path(Directory.parent(of: Fixture.folder), "hdf5")

  static func path(_ name: String) -> String { Directory.path(folder, name) }

  private func expectSame(_ found: Checkpoint, _ name: String, as other: String) throws {
    let expected = try Checkpoint.open(Fixture.allTypes)
    #expect(found[name]?.elementType == expected[other]?.elementType, "\(name)")
    #expect(found[name]?.shape == expected[other]?.shape, "\(name)")
    let bytes = try expected.withBytes(other) { $0.copied }
    #expect(try found.withBytes(name) { $0.copied } == bytes, "\(name)")
  }

  @Test func everyTypeEqualsTheOneInSafetensors() throws {
    let found = try Checkpoint.open(Self.path("all-types.h5"))
    #expect(found.format == .hdf5)
    #expect(found.names == (try Checkpoint.open(Fixture.allTypes)).names)
    for name in found.names { try expectSame(found, name, as: name) }
  }

  @Test func dataSetsAreReadHoweverTheyLie() throws {
    let found = try Checkpoint.open(Self.path("layouts.h5"))
    for name in ["f64", "f32", "f16", "i64", "i32", "i16", "i8", "u64", "u32", "u16", "u8"] {
      try expectSame(found, "big.\(name)", as: name)
    }
    for name in ["packed.f32", "packed.big", "alias"] {
      try expectSame(found, name, as: "f32")
      #expect(try found.floats(name, rows: 1..<2) == (12..<24).map(Fixture.float))
      #expect(try found.floats(name, rows: 2..<2) == [])
    }
    try expectSame(found, "chunked.f16", as: "f16")
    #expect(try found.floats("chunked.f16", rows: 1..<4) == (3..<12).map(Fixture.float))
    try expectSame(found, "grown", as: "f64")
    try expectSame(found, "deep.er.bf16", as: "bf16")
    for name in found.names { try found.discard(name) }
    #expect(found.names.count == 17)
  }

  @Test func kerasFilesGiveTheirWeights() throws {
    let found = try Checkpoint.open(Self.path("keras.h5"))
    #expect(found.names == ["stem.0.bias", "stem.0.weight"])
    try expectSame(found, "stem.0.weight", as: "f32")
    #expect(
      found.remarks == [
        .entriesNotRead(
          file: "keras.h5", count: 1, names: ["optimizer_weights.iteration:0"]),
        .prefixRemoved(file: "keras.h5", prefix: "model_weights."),
      ])
  }

  static let refused: [(file: String, object: String, expected: String, found: String)] = [
    ("soft.h5", "/s", "a data set or a group", "a soft or external link"),
    ("external-link.h5", "/s", "a data set or a group", "a soft or external link"),
    ("cycle.h5", "/a/b", "a group with one name", "one that has another"),
    ("filter.h5", "/x", "deflate and shuffle only", "filter 3"),
    ("nothing.h5", "/x", "a shape", "none"),
    ("missing-chunks.h5", "/x", "4 chunks", "1"),
    ("not-written.h5", "/x", "17179869184 stored bytes", "0"),
    ("virtual.h5", "/x", "contiguous or chunked data", "a virtual data set"),
    (
      "large-chunk.h5", "/x", "chunks of at most 1048576 bytes", "chunks of [2097152]"
    ),
    ("external-data.h5", "/x", "data in the file itself", "data in other files"),
  ]

  @Test(arguments: refused) func whatAFileShouldNotHoldIsRefused(
    _ refused: (file: String, object: String, expected: String, found: String)
  ) {
    let path = Self.path(refused.file)
    #expect(
      openError(path)
        == .hdf5(
          path: path, object: refused.object, expected: refused.expected, found: refused.found))
  }

  @Test func otherTypesAndExpansionsAreRefused() {
    for name in ["text.h5", "compound.h5"] {
      guard case .unknownElementType(Self.path(name), "/x", _) = openError(Self.path(name)) else {
        Issue.record("\(name): \(String(describing: openError(Self.path(name))))")
        continue
      }
    }
    guard
      case .hdf5(_, "/x", let expected, "16777216") = openError(Self.path("bomb.h5")),
      expected.hasPrefix("at most 256 times the")
    else {
      Issue.record("\(String(describing: openError(Self.path("bomb.h5"))))")
      return
    }
  }

  @Test func bytesBehindTheEndAreRefused() throws {
    let bytes = try SmallFile.bytes(of: Self.path("small.h5"))
    let directory = try TemporaryDirectory()
    let path = try directory.write(bytes + [0, 0], to: "m.h5")
    #expect(
      openError(path)
        == .trailingBytes(path: path, end: bytes.count, byteCount: bytes.count + 2))
  }

  @Test func aTraceIsReadAsItWasWritten() throws {
    let directory = try TemporaryDirectory()
    let path = directory.path("t.h5")
    try HDF5Writer.write(
      [
        (try TensorDeclaration("pixels", .uint8, [1, 2, 3]), [1, 2, 3, 4, 5, 255]),
        (
          try TensorDeclaration("vision.stem.0", .float32, [2, 1]),
          FloatConversion.float32Bytes([0.5, -2])
        ),
        (
          try TensorDeclaration("input_ids", .int64, [1]),
          [0x38] + [UInt8](repeating: 255, count: 7)
        ),
        (try TensorDeclaration("none", .int64, [0]), []),
      ], to: path)
    let found = try Checkpoint.open(path)
    #expect(found.names == ["input_ids", "none", "pixels", "vision.stem.0"])
    #expect(try found.floats("vision.stem.0") == [0.5, -2])
    #expect(try found.integers("input_ids") == [-200])
    #expect(try found.integers("pixels") == [1, 2, 3, 4, 5, 255])
    #expect(found["pixels"]?.shape == [1, 2, 3] && found["none"]?.shape == [0])
    #expect(
      checkpointError { () throws(CheckpointError) in
        try HDF5Writer.write([], to: directory.path("no/t.h5"))
      } != nil)
    #expect(try Directory.names(in: directory.path) == ["t.h5"])
  }
}
