import MartletBytes
import MartletModel
import MartletPack
import MartletTestSupport
import Testing

/// Bytes that changed without intent: every one is found before it is used.
@Suite struct DamageTests {
  private let bench: Workbench

  init() throws { bench = try Workbench(threads: 1) }

  @Test(arguments: [WeightStorage.compressed, .mapped])
  func everyChangedByteIsFoundAndNamed(storage: WeightStorage) throws {
    let intact = try bench.packed(storage: storage)
    let parts = Self.parts(of: try bench.open(intact))
    let file = try bench.editor(intact)
    for offset in intact.indices {
      try file.set(intact[offset] ^ (offset % 2 == 0 ? 0x01 : 0x80), at: offset)
      let fault = bench.fault(at: file.path)
      try file.set(intact[offset], at: offset)
      let expected = parts.last { $0.offset <= offset && offset < $0.end }
      switch (expected, fault) {
      case (nil, .padding(let found, _)): #expect(found == UInt64(offset))
      case (let expected?, .checksum(let part, let found, _, _)):
        #expect(part == expected.part && found == UInt64(expected.offset), "byte \(offset)")
      case (let expected?, .notAPack): #expect(expected.part == .header && offset < 8)
      default: Issue.record("byte \(offset): \(String(describing: fault))")
      }
    }
    #expect(bench.fault(at: file.path) == nil)
  }

  private struct Extent {
    var part: PackPart
    var offset: Int
    var end: Int
  }

  /// What each byte of the file belongs to; bytes of no part are padding.
  private static func parts(of pack: Pack) -> [Extent] {
    var parts = [Extent(part: .header, offset: 0, end: 64)]
    for record in pack.records where record.type != "DATA" {
      parts.append(
        Extent(
          part: .record(type: record.type), offset: Int(record.offset),
          end: Int(record.offset + record.byteCount)))
    }
    let directory = pack.byteCount - 32 * pack.records.count
    parts.append(Extent(part: .directory, offset: directory, end: pack.byteCount))
    for tensor in pack.tensors {
      for component in tensor.components {
        var offset = Int(component.offset)
        for (index, size) in component.frameSizes.enumerated() {
          let part = PackPart.frame(
            tensor: tensor.name, component: component.component, index: index)
          parts.append(Extent(part: part, offset: offset, end: offset + size))
          offset += size
        }
      }
    }
    return parts
  }

  @Test func cutFilesAreRefused() throws {
    let intact = try bench.packed()
    let file = try bench.editor(intact)
    for count in intact.indices.reversed() {
      try file.cut(to: count)
      let fault = bench.fault(at: file.path)
      if count < 8 {
        #expect(fault == .notAPack(found: Array(intact[..<count])))
      } else {
        let expected = count < 64 ? 64 : intact.count
        #expect(fault == .fileSize(expected: UInt64(expected), found: UInt64(count)))
      }
    }
  }

  @Test func continuedFilesAreRefused() throws {
    let intact = try bench.packed()
    let fault = try bench.fault(intact + [0])
    #expect(
      fault == .fileSize(expected: UInt64(intact.count), found: UInt64(intact.count + 1)))
  }

  @Test func damagedTensorsAreFoundWithoutUnpacking() throws {
    var bytes = try bench.packed()
    let component = try #require(try bench.open(bytes).tensors.last?.components.first)
    bytes[Int(component.offset)] ^= 4
    let pack = try bench.open(bytes)
    #expect(throws: PackError.self) { try pack.verifyTensors(pool: bench.pool) }
  }

  @Test func damageInOneNetworkDoesNotHinderAnother() throws {
    var bytes = try bench.packed()
    let component = try #require(try bench.open(bytes).tensors.last?.components.first)
    bytes[Int(component.offset)] ^= 4
    let pack = try bench.open(bytes)
    _ = try LoadedWeights(pack, roles: [.vision], pool: bench.pool)
    #expect(throws: PackError.self) { try LoadedWeights(pack, pool: bench.pool) }
  }

  @Test func otherFilesAreNotPacks() throws {
    #expect(try bench.fault([]) == .notAPack(found: []))
    let text = Array("this is not a pack at all, but long enough to hold a header of a pack".utf8)
    #expect(try bench.fault(text) == .notAPack(found: Array(text[..<8])))
    #expect(throws: PackError.file(.notAFile(path: bench.folder))) { try Pack(path: bench.folder) }
    #expect(throws: PackError.self) { try Pack(path: bench.path("missing.martlet")) }
  }
}
