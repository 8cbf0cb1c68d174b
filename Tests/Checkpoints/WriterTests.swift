import Glibc
import MartletBytes
import MartletCheckpoints
import MartletTestSupport
import Testing

@Suite struct SafetensorsWriterTests {
  private func declarations() throws -> [TensorDeclaration] {
    try [
      TensorDeclaration("f32", .float32, [2, 3]), TensorDeclaration("none", .float32, [0]),
      TensorDeclaration("bf16", .bfloat16, [5]), TensorDeclaration("f16", .float16, [1, 2]),
      TensorDeclaration("ids", .int64, [3]), TensorDeclaration("pixels", .uint8, [2, 2]),
      TensorDeclaration("one", .int32, []), TensorDeclaration("last", .uint8, [0, 9]),
    ]
  }

  @Test func writtenTensorsAreReadBack() throws {
    let directory = try TemporaryDirectory()
    let path = directory.path("out.safetensors")
    let writer = try SafetensorsWriter(
      replacing: path, tensors: declarations(),
      metadata: [("format", "pt"), ("made by", "a \"test\"")])
    try writer.append([1, 2, 3, 4] as [Float])
    try writer.append([5, 6.5] as [Float])
    try writer.append([0.5, 1, -1, 2, 1.00390625] as [Float])
    try writer.append([0.25, 65504] as [Float])
    try writer.append([-200, 1, Int.max])
    try writer.append([0, 1, 2, 255])
    try writer.append(bytes: [7, 0, 0, 0])
    #expect(try PathKind(of: path) == .missing)
    try writer.commit()
    #expect(try directory.names() == ["out.safetensors"])

    let checkpoint = try Checkpoint.open(path)
    #expect(checkpoint.names == ["bf16", "f16", "f32", "ids", "last", "none", "one", "pixels"])
    #expect(try checkpoint.floats("f32") == [1, 2, 3, 4, 5, 6.5])
    #expect(try checkpoint.floats("bf16") == [0.5, 1, -1, 2, 1])
    #expect(try checkpoint.floats("f16") == [0.25, 65504])
    #expect(try checkpoint.integers("ids") == [-200, 1, .max])
    #expect(try checkpoint.integers("pixels") == [0, 1, 2, 255])
    #expect(try checkpoint.integers("one") == [7])
    #expect(checkpoint["one"]?.shape == [])
    #expect(checkpoint["none"]?.shape == [0])
    #expect(checkpoint.files[0].metadata.map { $0.key } == ["format", "made by"])
    // The data begins at a multiple of 8, as the reference implementation writes it.
    #expect((checkpoint["f32"]?.storage.byteRange?.lowerBound ?? 1) % 8 == 0)
  }

  @Test func anUnfinishedFileDoesNotAppear() throws {
    let directory = try TemporaryDirectory()
    do {
      let writer = try SafetensorsWriter(
        replacing: directory.path("out.safetensors"), tensors: declarations())
      try writer.append([1, 2, 3] as [Float])
    }
    #expect(try directory.names() == [])
  }

  @Test func writingWhereNothingCanBeWrittenIsAnError() throws {
    let tensors = try declarations()
    let path = "/nowhere/out.safetensors"
    #expect(
      checkpointError { () throws(CheckpointError) in
        _ = try SafetensorsWriter(replacing: path, tensors: tensors)
      } == .file(.system(operation: .create, path: path, code: 2)))
    #expect(
      checkpointError { () throws(CheckpointError) in
        _ = try TensorDeclaration("huge", .uint8, [.max, 2])
      } == .shapeOverflow(path: "", tensor: "huge", shape: [.max, 2]))
  }

  @Test func smallCheckpointIsOneFile() throws {
    let directory = try TemporaryDirectory()
    let target = directory.path("new/model")
    let writer = try ShardedSafetensorsWriter(
      directory: target, tensors: [TensorDeclaration("a", .float32, [2])])
    try writer.append([1, 2] as [Float])
    try writer.commit()
    #expect(try Directory.names(in: target) == ["model.safetensors"])
    #expect(try Checkpoint.open(target).floats("a") == [1, 2])
  }

  @Test func largeCheckpointIsSplitAndIndexed() throws {
    let directory = try TemporaryDirectory()
    let tensors =
      try (0..<7).map { try TensorDeclaration("t\($0)", .bfloat16, [$0 + 1, 2]) }
      + [TensorDeclaration("ids", .int64, [1]), TensorDeclaration("end", .uint8, [0])]
    let writer = try ShardedSafetensorsWriter(
      directory: directory.path, tensors: tensors, shardBytes: 40)
    for index in 0..<7 {
      try writer.append([Float](repeating: Float(index), count: index + 1))
      try writer.append([Float](repeating: Float(-index), count: index + 1))
    }
    try writer.append([9])
    try writer.commit()
    // 4+8+12+16, 20, 24, 28+8+0 bytes
    #expect(
      try directory.names() == [
        "model-00001-of-00004.safetensors", "model-00002-of-00004.safetensors",
        "model-00003-of-00004.safetensors", "model-00004-of-00004.safetensors",
        "model.safetensors.index.json",
      ])
    let checkpoint = try Checkpoint.open(directory.path)
    #expect(checkpoint.names == ["end", "ids"] + (0..<7).map { "t\($0)" })
    for index in 0..<7 {
      let half = index + 1
      #expect(
        try checkpoint.floats("t\(index)")
          == [Float](repeating: Float(index), count: half)
          + [Float](repeating: Float(-index), count: half))
    }
    #expect(try checkpoint.integers("ids") == [9])
  }

  /// A directory for processes that trap, which cannot remove one themselves.
  static let trapVariable = "MARTLET_TEST_TRAPS"

  private func trapDirectory() throws -> TemporaryDirectory {
    let directory = try TemporaryDirectory()
    setenv(Self.trapVariable, directory.path, 1)
    return directory
  }

  static func trapTarget() -> String { String(cString: getenv(trapVariable)) + "/a" }

  @Test func misuseIsATrap() async throws {
    let directory = try trapDirectory()
    await #expect(processExitsWith: .failure) {
      let writer = try SafetensorsWriter(
        replacing: SafetensorsWriterTests.trapTarget(),
        tensors: [TensorDeclaration("a", .float32, [2])])
      try writer.append([1, 2, 3] as [Float])
    }
    await #expect(processExitsWith: .failure) {
      let writer = try SafetensorsWriter(
        replacing: SafetensorsWriterTests.trapTarget(),
        tensors: [TensorDeclaration("a", .uint8, [2])])
      try writer.append([1, 256])
    }
    await #expect(processExitsWith: .failure) {
      let writer = try SafetensorsWriter(
        replacing: SafetensorsWriterTests.trapTarget(),
        tensors: [TensorDeclaration("a", .uint8, [2])])
      try writer.append([1])
      try writer.commit()
    }
    #expect(try directory.names() == [])
  }
}
