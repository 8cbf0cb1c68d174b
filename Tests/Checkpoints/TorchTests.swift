import MartletBytes
import MartletCheckpoints
import MartletTestSupport
import Testing

/// Files written by torch; `make.py` beside them says how.
@Suite struct TorchTests {
  static let folder = Directory.path(Directory.parent(of: Fixture.folder), "torch")

  static func open(_ name: String) throws -> Checkpoint {
    try Checkpoint.open(Directory.path(folder, name))
  }

  /// The numbers of `base` in `make.py`, `[2, 3, 4]`.
  private func base(_ i: Int, _ j: Int, _ k: Int) -> Float { Fixture.float((i * 3 + j) * 4 + k) }

  @Test(arguments: ["all-types.pt", "legacy.pt", "protocol-4.pth"])
  func everyTensorEqualsTheOneInSafetensors(name: String) throws {
    let expected = try Checkpoint.open(Fixture.allTypes)
    let found = try Self.open(name)
    #expect(found.format == .torch)
    // Torch names these types since its storages lost theirs; the other two files are without them.
    let newer = name == "all-types.pt" ? [] : ["u64", "u32", "u16"]
    #expect(found.names == expected.names.filter { !newer.contains($0) })
    for name in found.names {
      let tensor = try #require(expected[name])
      #expect(found[name]?.elementType == tensor.elementType && found[name]?.shape == tensor.shape)
      let bytes = try expected.withBytes(name) { $0.copied }
      #expect(try found.withBytes(name) { $0.copied } == bytes, "\(name)")
    }
  }

  @Test func viewsOfOneStorageAreReadInTheirOwnOrder() throws {
    let checkpoint = try Self.open("views.pt")
    let all = (0..<24).map(Fixture.float)
    for name in ["base", "same", "parameter", "buffer"] {
      #expect(try checkpoint.floats(name) == all, "\(name)")
      #expect(checkpoint[name]?.storage == checkpoint["base"]?.storage)
    }
    let reversed = (0..<4).flatMap { k in
      (0..<3).flatMap { j in (0..<2).map { base($0, j, k) } }
    }
    #expect(checkpoint["reversed"]?.shape == [4, 3, 2])
    #expect(try checkpoint.floats("reversed") == reversed)
    #expect(try checkpoint.floats("reversed", rows: 1..<3) == Array(reversed[6..<18]))
    #expect(try checkpoint.floats("reversed", rows: 3..<3) == [])
    #expect(
      try checkpoint.floats("transposed")
        == (0..<4).flatMap { k in (0..<3).map { base(1, $0, k) } })
    #expect(
      try checkpoint.floats("window")
        == (0..<2).flatMap { i in (1..<3).flatMap { j in (1..<3).map { base(i, j, $0) } } })
    #expect(try checkpoint.floats("column") == (0..<3).map { base(0, $0, 2) })
    #expect(try checkpoint.floats("row") == (0..<4).map { base(1, 2, $0) })
    #expect(try checkpoint.floats("element") == [base(1, 2, 3)])
    #expect(checkpoint["element"]?.shape == [])
    #expect(try checkpoint.floats("channels_last") == (0..<48).map(Fixture.float))
    #expect(try checkpoint.floats("expanded") == (0..<3).map(Fixture.float))
    for name in checkpoint.names { try checkpoint.discard(name) }
    #expect(try checkpoint.floats("reversed") == reversed)
  }

  @Test func weightsAreFoundInsideWhatTrainersSave() throws {
    let plain = try Self.open("state.pth")
    #expect(plain.remarks == [])
    let wrapped = try Self.open("wrapped.pt")
    #expect(wrapped.names == plain.names)
    #expect(try wrapped.floats("linear.weight") == (0..<6).map(Fixture.float))
    #expect(
      wrapped.remarks == [
        .unwrapped(file: "wrapped.pt", entry: "state_dict"),
        .entriesNotRead(
          file: "wrapped.pt", count: 4, names: ["optimizer", "epoch", "best", "name"]),
        .prefixRemoved(file: "wrapped.pt", prefix: "module."),
      ])
    let model = try Self.open("model.pt")
    #expect(model.names == plain.names && model.remarks.count == 2)
    let mixed = try Self.open("with-entries.pt")
    #expect(mixed.names == ["model.mm_projector.0.bias"])
    #expect(
      mixed.remarks == [.entriesNotRead(file: "with-entries.pt", count: 1, names: ["epoch"])])
  }

  @Test func aMeantFileIsFoundInADirectory() throws {
    let directory = try TemporaryDirectory()
    let state = try SmallFile.bytes(of: Directory.path(Self.folder, "state.pth"))
    try directory.write(state, to: "training_args.bin")
    #expect(openError(directory.path) == .noWeights(directory: directory.path))
    try directory.write(state, to: "encoder.pt")
    #expect(try Checkpoint.open(directory.path).files.map(\.name) == ["encoder.pt"])
    try directory.write(state, to: "other.bin")
    #expect(
      openError(directory.path)
        == .severalModels(directory: directory.path, files: ["encoder.pt", "other.bin"]))
    try directory.write(state, to: "pytorch_model.bin")
    let checkpoint = try Checkpoint.open(directory.path)
    #expect(checkpoint.files.map(\.name) == ["pytorch_model.bin"])
    #expect(checkpoint.unusedFiles == ["encoder.pt", "other.bin"])
    try directory.write(
      "{\"weight_map\":{\"linear.weight\":\"other.bin\"}}", to: "pytorch_model.bin.index.json")
    #expect(
      openError(directory.path)
        == .tensorNotInIndex(
          index: directory.path("pytorch_model.bin.index.json"), tensor: "linear.bias",
          file: "other.bin"))
    try directory.write(safetensors("{}", data: 0), to: "model.safetensors")
    #expect(try Checkpoint.open(directory.path).format == .safetensors)
  }

  @Test(
    arguments: [
      ("call.pt", "posix system"), ("namespace.pt", "argparse Namespace"),
    ])
  func whatWouldRunIsRefusedByName(file: String, name: String) throws {
    let path = Directory.path(Self.folder, file)
    guard case .pickleGlobal(path, let offset, name) = openError(path) else {
      Issue.record("\(String(describing: openError(path)))")
      return
    }
    let bytes = try SmallFile.bytes(of: path)
    #expect(bytes[offset] == UInt8(ascii: "c"))
  }

  @Test func filesThatAreNoWeightsAreRefused() throws {
    func path(_ name: String) -> String { Directory.path(Self.folder, name) }
    #expect(
      openError(path("compressed.pt"))
        == .compressedMember(path: path("compressed.pt"), member: "state/data.pkl", method: 8))
    #expect(
      openError(path("scripted.pt"))
        == .unsupportedFormat(
          path: path("scripted.pt"), found: "a compiled torch model (TorchScript)"))
    guard case .pickle(_, _, "a dictionary of tensors", "a list") = openError(path("list.pt"))
    else { throw Unexpected(openError(path("list.pt"))) }
    guard
      case .pickle(_, _, "a dictionary of tensors", "one of 'epoch' (an integer)") =
        openError(path("no-tensors.pt"))
    else { throw Unexpected(openError(path("no-tensors.pt"))) }
    #expect(
      openError(path("expanded-far.pt"))
        == .torchView(
          path: path("expanded-far.pt"), tensor: "weight", storage: "0", shape: [1 << 40, 2],
          strides: [0, 1], end: 1 << 41, available: 2))
  }
}

/// An error that a test did not expect, for its message.
struct Unexpected: Error {
  let error: CheckpointError?
  init(_ error: CheckpointError?) { self.error = error }
}

extension RawSpan {
  var copied: [UInt8] { unsafe withUnsafeBytes { unsafe [UInt8]($0) } }
}
