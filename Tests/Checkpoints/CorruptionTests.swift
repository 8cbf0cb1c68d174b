import MartletBytes
import MartletCheckpoints
import MartletTestSupport
import Testing

/// Each format's reader against damaged copies of its fixture: a value or an error, never a crash or a huge
/// allocation. The process is a child that ends when it takes more than 64 MiB.
@Suite struct CorruptionTests {
  /// A fixture of each format; a new case needs one here.
  static func fixture(_ format: CheckpointFormat) -> String {
    switch format {
    case .safetensors: Fixture.allTypes
    case .gguf: GGUFFixture.types
    case .torch: Directory.path(TorchTests.folder, "views.pt")
    case .hdf5: Directory.path(HDF5Tests.folder, "small.h5")
    }
  }

  /// How many of the 2400 changed copies must be refused at least: what share of the fixture is not numbers.
  static func leastRefused(_ format: CheckpointFormat) -> Int {
    switch format {
    case .safetensors: 800
    case .gguf: 600
    case .torch: 600
    // Of 150: most of a small file is room that nothing uses.
    case .hdf5: 10
    }
  }

  /// Opens and reads everything; `nil` when that is refused.
  static func readAll(_ path: String) -> Int? {
    guard let checkpoint = try? Checkpoint.open(path) else { return nil }
    var elements = 0
    for name in checkpoint.names {
      guard let tensor = checkpoint[name] else { return nil }
      if tensor.elementType.isFloat {
        elements += (try? checkpoint.floats(name).count) ?? 0
      } else {
        elements += (try? checkpoint.integers(name).count) ?? 0
      }
    }
    return elements
  }

  @Test func damagedFilesAreReadOrRefused() async {
    await #expect(processExitsWith: .success) {
      // Once: a process may lower the lid, not raise it.
      MemoryLid.allow(bytes: 64 << 20)
      for format in CheckpointFormat.allCases {
        let bytes = try SmallFile.bytes(of: CorruptionTests.fixture(format))
        let directory = try TemporaryDirectory()
        precondition(CorruptionTests.readAll(CorruptionTests.fixture(format)) != nil)
        var refused = 0
        // A copy of the process tries every HDF5 file: a tenth of the damage takes as long.
        let share = format == .hdf5 ? 16 : 1
        for cut in Corruption.cuts(of: bytes, step: share) {
          let path = try directory.write(cut.bytes, to: "model.safetensors")
          precondition(CorruptionTests.readAll(path) == nil, "\(cut.what) was not noticed")
        }
        for longer in Corruption.extensions(of: bytes) {
          let path = try directory.write(longer.bytes, to: "model.safetensors")
          precondition(CorruptionTests.readAll(path) == nil, "\(longer.what) was not noticed")
        }
        for flip in Corruption.flips(of: bytes, count: 1200 / share, seed: 41) {
          let path = try directory.write(flip.bytes, to: "model.safetensors")
          if CorruptionTests.readAll(path) == nil { refused += 1 }
        }
        for lie in Corruption.lies(of: bytes, count: 1200 / share, seed: 42) {
          let path = try directory.write(lie.bytes, to: "model.safetensors")
          if CorruptionTests.readAll(path) == nil { refused += 1 }
        }
        precondition(
          refused > CorruptionTests.leastRefused(format), "only \(refused) of 2400 were refused")
      }
    }
  }

  /// The container before torch 1.6 has no directory at its end: every cut must still be noticed.
  @Test func damagedLegacyTorchFilesAreReadOrRefused() async {
    await #expect(processExitsWith: .success) {
      let bytes = try SmallFile.bytes(of: Directory.path(TorchTests.folder, "legacy.pt"))
      let directory = try TemporaryDirectory()
      MemoryLid.allow(bytes: 64 << 20)
      for change in [Array(Corruption.cuts(of: bytes)), Corruption.extensions(of: bytes)].joined() {
        let path = try directory.write(change.bytes, to: "model.pt")
        precondition(CorruptionTests.readAll(path) == nil, "\(change.what) was not noticed")
      }
      for flip in Corruption.flips(of: bytes, count: 1200, seed: 45) {
        _ = CorruptionTests.readAll(try directory.write(flip.bytes, to: "model.pt"))
      }
      for lie in Corruption.lies(of: bytes, count: 1200, seed: 46) {
        _ = CorruptionTests.readAll(try directory.write(lie.bytes, to: "model.pt"))
      }
    }
  }

  @Test func damagedIndexIsReadOrRefused() async {
    await #expect(processExitsWith: .success) {
      let directory = try TemporaryDirectory()
      for name in try Directory.names(in: Fixture.sharded) {
        try directory.write(SmallFile.bytes(of: Directory.path(Fixture.sharded, name)), to: name)
      }
      let name = "model.safetensors.index.json"
      let bytes = try SmallFile.bytes(of: directory.path(name))
      MemoryLid.allow(bytes: 64 << 20)
      for cut in Corruption.cuts(of: Array(bytes.dropLast(2))) {
        try directory.write(cut.bytes, to: name)
        precondition(CorruptionTests.readAll(directory.path) == nil, "\(cut.what) was not noticed")
      }
      for flip in Corruption.flips(of: bytes, count: 600, seed: 43) {
        try directory.write(flip.bytes, to: name)
        _ = CorruptionTests.readAll(directory.path)
      }
      for lie in Corruption.lies(of: bytes, count: 600, seed: 44) {
        try directory.write(lie.bytes, to: name)
        _ = CorruptionTests.readAll(directory.path)
      }
    }
  }
}
