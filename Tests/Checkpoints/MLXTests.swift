import MartletBytes
import MartletCheckpoints
import MartletTestSupport
import Testing

/// Quantized matrices of mlx; `Tools/oracle/make_format_fixtures.py` made the fixture with mlx itself.
@Suite struct MLXTests {
  static let folder = Directory.path(Directory.parent(of: Fixture.folder), "mlx")
  private static let weights = "model.safetensors"
  private static let config = "config.json"

  @Test func matricesOfEveryNumberOfBitsStandForWhatMLXSays() throws {
    let checkpoint = try Checkpoint.open(Self.folder)
    let digests = try JSONValue(
      contentsOf: Directory.path(Self.folder, "digests.json"), limit: 1 << 20)
    #expect(checkpoint.names == ["eight.weight", "four.weight", "norm.weight", "two.weight"])
    for (name, digest) in try #require(digests.object?.members) {
      #expect(checkpoint[name]?.shape == [3, 64])
      let values = try checkpoint.floats(name)
      let found = SHA256.digest(FloatConversion.float32Bytes(values))
      #expect(SHA256.hexadecimal(found) == digest.string, "\(name)")
      #expect(try checkpoint.floats(name, rows: 1..<2) == Array(values[64..<128]))
      try checkpoint.discard(name, rows: 1..<2)
      #expect(try checkpoint.floats(name, elements: 37..<71) == Array(values[37..<71]))
    }
    #expect(try checkpoint.floats("norm.weight") == (0..<8).map { Float($0) / 4 })
    #expect(
      checkpoint.remarks
        == [2, 4, 8].map { .decoded(kind: "MLX \($0)-bit", count: 1) })
  }

  // MARK: Damage

  /// Opens and reads a damaged copy; `nil` when that is refused.
  private static func readAll(_ directory: TemporaryDirectory) -> Int? {
    CorruptionTests.readAll(directory.path)
  }

  private static func copy() throws -> TemporaryDirectory {
    let directory = try TemporaryDirectory()
    for name in [weights, config] {
      try directory.write(SmallFile.bytes(of: Directory.path(folder, name)), to: name)
    }
    return directory
  }

  @Test func damagedWeightsAreReadOrRefused() async {
    await #expect(processExitsWith: .success) {
      let directory = try MLXTests.copy()
      let bytes = try SmallFile.bytes(of: directory.path(MLXTests.weights))
      MemoryLid.allow(bytes: 64 << 20)
      precondition(MLXTests.readAll(directory) != nil)
      for damage in [Array(Corruption.cuts(of: bytes)), Corruption.extensions(of: bytes)].joined() {
        try directory.write(damage.bytes, to: MLXTests.weights)
        precondition(MLXTests.readAll(directory) == nil, "\(damage.what) was not noticed")
      }
      var refused = 0
      for damage in [
        Array(Corruption.flips(of: bytes, count: 1200, seed: 47)),
        Array(Corruption.lies(of: bytes, count: 1200, seed: 48)),
      ].joined() {
        try directory.write(damage.bytes, to: MLXTests.weights)
        if MLXTests.readAll(directory) == nil { refused += 1 }
      }
      // Two thirds of the file are its header.
      precondition(refused > 1000, "only \(refused) of 2400 were refused")
    }
  }

  @Test func damagedConfigurationsAreReadOrRefused() async {
    await #expect(processExitsWith: .success) {
      let directory = try MLXTests.copy()
      let bytes = try SmallFile.bytes(of: directory.path(MLXTests.config))
      MemoryLid.allow(bytes: 64 << 20)
      for cut in Corruption.cuts(of: Array(bytes.dropLast())) {
        try directory.write(cut.bytes, to: MLXTests.config)
        precondition(MLXTests.readAll(directory) == nil, "\(cut.what) was not noticed")
      }
      var refused = 0
      for damage in [
        Array(Corruption.flips(of: bytes, count: 600, seed: 49)),
        Array(Corruption.lies(of: bytes, count: 600, seed: 50)),
      ].joined() {
        try directory.write(damage.bytes, to: MLXTests.config)
        if MLXTests.readAll(directory) == nil { refused += 1 }
      }
      precondition(refused > 600, "only \(refused) of 1200 were refused")
    }
  }

  // MARK: Rules

  private struct Part {
    var name: String
    var type: String
    var shape: [Int]

    var byteCount: Int {
      shape.reduce(["U32": 4, "I32": 4, "F32": 4][type] ?? 2, *)
    }
  }

  private static let words = Part(name: "a.weight", type: "U32", shape: [2, 8])
  private static let scales = Part(name: "a.scales", type: "F16", shape: [2, 2])
  private static let offsets = Part(name: "a.biases", type: "F16", shape: [2, 2])

  /// What opening these tensors with this configuration throws.
  private func error(
    _ parts: [Part], quantization: String = #"{"group_size": 32, "bits": 4}"#,
    in directory: TemporaryDirectory
  ) throws -> CheckpointError? {
    var end = 0
    let entries = parts.map { part in
      let start = end
      end += part.byteCount
      let shape = part.shape.map(String.init).joined(separator: ",")
      return #""\#(part.name)":{"dtype":"\#(part.type)","shape":[\#(shape)],"#
        + #""data_offsets":[\#(start),\#(end)]}"#
    }
    try directory.write(
      safetensors("{\(entries.joined(separator: ","))}", data: end), to: Self.weights)
    try directory.write(#"{"quantization": \#(quantization)}"#, to: Self.config)
    return openError(directory.path)
  }

  private static let broken: [(parts: [Part], tensor: String, expected: String, found: String)] = [
    ([scales, offsets], "a.scales", "packed weights beside it", "none"),
    ([words, scales], "a.scales", "offsets beside it", "none"),
    (
      [Part(name: "a.weight", type: "I32", shape: [2, 8]), scales, offsets], "a.weight",
      "a matrix of U32 words", "I32 [2, 8]"
    ),
    (
      [Part(name: "a.weight", type: "U32", shape: [2, 8, 1]), scales, offsets], "a.weight",
      "a matrix of U32 words", "U32 [2, 8, 1]"
    ),
    (
      [words, Part(name: "a.scales", type: "I32", shape: [2, 2]), offsets], "a.scales",
      "floats [2, groups]", "I32 [2, 2]"
    ),
    (
      [words, Part(name: "a.scales", type: "F16", shape: [3, 2]), offsets], "a.scales",
      "floats [2, groups]", "F16 [3, 2]"
    ),
    (
      [words, scales, Part(name: "a.biases", type: "F32", shape: [2, 2])], "a.biases",
      "F16 [2, 2], as the scales", "F32 [2, 2]"
    ),
    (
      [words, scales, Part(name: "a.biases", type: "F16", shape: [2, 1])], "a.biases",
      "F16 [2, 2], as the scales", "F16 [2, 1]"
    ),
    (
      [Part(name: "a.weight", type: "U32", shape: [2, 7]), scales, offsets], "a.weight",
      "4-bit codes for 2 groups of 32", "7 words a row"
    ),
  ]

  @Test(arguments: broken.indices) func partsThatDoNotFitAreRefused(_ index: Int) throws {
    let (parts, tensor, expected, found) = Self.broken[index]
    let directory = try TemporaryDirectory()
    #expect(
      try error(parts, in: directory)
        == .mlx(
          path: directory.path(Self.weights), tensor: tensor, expected: expected, found: found))
  }

  @Test(arguments: [
    (#"{"bits": 4}"#, "group_size", "1 to 4096", "nothing"),
    (#"{"group_size": 0, "bits": 4}"#, "group_size", "1 to 4096", "0"),
    (#"{"group_size": 8192, "bits": 4}"#, "group_size", "1 to 4096", "8192"),
    (#"{"group_size": "32", "bits": 4}"#, "group_size", "1 to 4096", "32"),
    (#"{"group_size": 32}"#, "bits", "2, 4 or 8", "nothing"),
    (#"{"group_size": 32, "bits": 3}"#, "bits", "2, 4 or 8", "3"),
    (#"{"group_size": 32, "bits": 4, "mode": "mxfp4"}"#, "mode", "affine", "mxfp4"),
    (
      #"{"group_size": 32, "bits": 4, "a": {"group_size": 32, "bits": 5}}"#, "a.bits", "2, 4 or 8",
      "5"
    ),
  ])
  func settingsThatMLXDoesNotHaveAreRefused(
    quantization: String, field: String, expected: String, found: String
  ) throws {
    let directory = try TemporaryDirectory()
    #expect(
      try error(
        [Self.words, Self.scales, Self.offsets], quantization: quantization, in: directory)
        == .indexField(
          path: directory.path(Self.config), field: "quantization." + field, expected: expected,
          found: found))
  }

  /// mlx-lm writes `false` for layers that it leaves as they are; where one has scales, they count.
  @Test func aLayerWithoutSettingsHasTheCommonOnes() throws {
    let directory = try TemporaryDirectory()
    let parts = [Self.words, Self.scales, Self.offsets]
    let quantization = #"{"group_size": 32, "bits": 4, "mode": "affine", "a": false, "b": false}"#
    #expect(try error(parts, quantization: quantization, in: directory) == nil)
    let checkpoint = try Checkpoint.open(directory.path)
    #expect(checkpoint.names == ["a.weight"])
    #expect(checkpoint["a.weight"]?.shape == [2, 64])
  }
}
