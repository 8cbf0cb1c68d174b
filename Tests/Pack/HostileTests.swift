import MartletBytes
import MartletModel
import MartletPack
import MartletTestSupport
import Testing

/// Packs made to harm: every checksum fits, the content lies.
@Suite struct HostileTests {
  private let bench: Workbench

  init() throws { bench = try Workbench(threads: 1) }

  // MARK: Header and directory

  @Test(
    arguments: [
      (8, 4, 2, PackError.version(found: 2, supported: 1)),
      (12, 4, 65, .field(part: .header, offset: 12, what: "header size", found: "65")),
      (36, 4, 1, .field(part: .header, offset: 36, what: "reserved field", found: "1")),
      (48, 8, 9, .field(part: .header, offset: 48, what: "reserved field", found: "9")),
    ] as [(Int, Int, UInt64, PackError)])
  func headerFieldsAreChecked(
    offset: Int, size: Int, value: UInt64, expected: PackError
  ) throws {
    var bytes = try bench.packed()
    PackImage.store(value, size, in: &bytes, at: offset)
    #expect(try bench.fault(PackImage.resigned(bytes)) == expected)
  }

  @Test(arguments: [(24, 8, UInt64.max), (24, 8, 1 << 62), (32, 4, 0xFFFF_FFFF), (32, 4, 0)])
  func directoryOutsideTheFileIsRefused(offset: Int, size: Int, value: UInt64) throws {
    var bytes = try bench.packed()
    PackImage.store(value, size, in: &bytes, at: offset)
    guard case .beyondEnd(part: .directory, _, _, _) = try bench.fault(PackImage.resigned(bytes))
    else {
      Issue.record("accepted")
      return
    }
  }

  /// Sets a field of a directory entry and makes the checksums fit.
  private func editedDirectory(
    entry: Int, field: Int, size: Int, value: UInt64
  ) throws -> [UInt8] {
    var bytes = try bench.packed()
    let directory = Int(PackImage.number(bytes, 24, 8))
    PackImage.store(value, size, in: &bytes, at: directory + 32 * entry + field)
    PackImage.store(XXH64.checksum(Array(bytes[directory...])), 8, in: &bytes, at: 40)
    return PackImage.resigned(bytes)
  }

  @Test(arguments: [0, 63, 65, 128, UInt64.max])
  func recordsOutOfPlaceAreRefused(offset: UInt64) throws {
    let fault = try bench.fault(editedDirectory(entry: 0, field: 8, size: 8, value: offset))
    #expect(fault == .place(part: .record(type: "MODL"), expected: 64, found: offset))
  }

  @Test(arguments: [UInt64.max, 1 << 40])
  func recordsBeyondTheEndAreRefused(size: UInt64) throws {
    let fault = try bench.fault(editedDirectory(entry: 3, field: 16, size: 8, value: size))
    guard case .beyondEnd(part: .record("PRMP"), _, size, _) = fault else {
      Issue.record("\(String(describing: fault))")
      return
    }
  }

  @Test(arguments: [(0, 0), (0, 5), (0, 3), (7, 1)] as [(Int, UInt64)])
  func recordFlagsAreChecked(entry: Int, flags: UInt64) throws {
    let fault = try bench.fault(editedDirectory(entry: entry, field: 4, size: 2, value: flags))
    guard case .field(part: .directory, _, "record flags", _) = fault else {
      Issue.record("\(String(describing: fault))")
      return
    }
  }

  // MARK: Which records

  @Test(arguments: ["MODL", "IMAG", "NETW", "PLAN", "DATA", "TENS"])
  func missingRecordIsNamed(type: String) throws {
    var image = PackImage(try bench.packed())
    image.records.removeAll { $0.type == type }
    #expect(try bench.fault(image.signed()) == .missingRecord(type: type))
  }

  @Test func provenanceMayBeMissing() throws {
    var image = PackImage(try bench.packed())
    for index in image.records.indices where image.records[index].type == "PROV" {
      image.records[index].type = "LATE"
    }
    let (pack, _) = try bench.load(image.signed())
    #expect(pack.provenance.entries.isEmpty)
  }

  @Test(arguments: ["MODL", "IMAG", "TOKN", "PRMP", "NETW", "PLAN", "PROV", "TENS"])
  func recordsThatGoOnAfterTheirContentAreRefused(type: String) throws {
    var image = PackImage(try bench.packed())
    image[type] += [0]
    guard case .trailingBytes(.record(type), _, 1) = try bench.fault(image.signed()) else {
      // A record that grew may have moved DATA, and then its tensors are out of place: also an error.
      guard case .place = try bench.fault(image.signed()) else {
        Issue.record("accepted")
        return
      }
      return
    }
  }

  @Test func repeatedRecordIsRefused() throws {
    var image = PackImage(try bench.packed())
    image.records.insert(image.records[0], at: 1)
    #expect(try bench.fault(image.signed()) == .repeatedRecord(type: "MODL", offset: 128))
  }

  @Test func recordsInAnotherOrderAreRefused() throws {
    var image = PackImage(try bench.packed())
    image.records.swapAt(0, 1)
    guard
      case .field(part: .directory, _, "order of records", "MODL") =
        try bench.fault(image.signed())
    else {
      Issue.record("accepted")
      return
    }
  }

  @Test func unknownCriticalRecordIsRefused() throws {
    var image = PackImage(try bench.packed())
    image.records.append(.init(type: "NEWS", flags: 1, content: [1, 2, 3]))
    guard case .unknownRecord("NEWS", 1, _) = try bench.fault(image.signed()) else {
      Issue.record("accepted")
      return
    }
  }

  @Test func laterVersionOfACriticalRecordIsRefused() throws {
    var image = PackImage(try bench.packed())
    image.records[4].version = 2
    guard case .unknownRecord("NETW", 2, _) = try bench.fault(image.signed()) else {
      Issue.record("accepted")
      return
    }
  }

  @Test func unknownSkippableRecordIsListedAndChecked() throws {
    var image = PackImage(try bench.packed())
    image.records.append(.init(type: "NEWS", flags: 0, content: [1, 2, 3]))
    var bytes = image.signed()
    let (pack, _) = try bench.load(bytes)
    let record = try #require(pack.records.last)
    #expect(record.type == "NEWS" && record.byteCount == 3 && record.known == nil)
    #expect(pack.description == (try EveryOpModel.description()))
    bytes[Int(record.offset)] = 9
    guard case .checksum(.record("NEWS"), _, _, _) = try bench.fault(bytes) else {
      Issue.record("damage in a skipped record was not found")
      return
    }
  }

  // MARK: Frames

  /// A zstd frame of exactly `size` bytes: a raw block, then one byte repeated. It states `stated` bytes.
  private func zstdFrame(size: Int, content: Int, stated: UInt32) -> [UInt8] {
    let literal = size - 16
    let header: [UInt8] = [0x28, 0xB5, 0x2F, 0xFD, 0xA0]
    let length = (0..<4).map { UInt8(truncatingIfNeeded: stated >> UInt32(8 * $0)) }
    func block(_ last: Int, _ type: Int, _ size: Int) -> [UInt8] {
      let number = last | type << 1 | size << 3
      return (0..<3).map { UInt8(truncatingIfNeeded: number >> (8 * $0)) }
    }
    return header + length + block(0, 0, literal) + [UInt8](repeating: 7, count: literal)
      + block(1, 1, content - literal) + [9]
  }

  /// A pack whose first compressed frame is replaced, with a fitting checksum.
  private func replacedFrame(
    _ frame: (_ size: Int, _ unpacked: Int) -> [UInt8]
  ) throws -> [UInt8] {
    var bytes = try bench.packed()
    let pack = try bench.open(bytes)
    let component = try #require(
      pack.tensors.flatMap { $0.components }.first {
        $0.storage == .zstd && $0.byteCount >= 256 && $0.frameSizes[0] > 32
      })
    let start = Int(component.offset)
    let size = component.frameSizes[0]
    let old = XXH64.checksum(Array(bytes[start..<start + size]))
    let content = frame(size, min(256, Int(component.byteCount)))
    #expect(content.count == size)
    bytes.replaceSubrange(start..<start + size, with: content)
    var image = PackImage(bytes)
    var tensors = image["TENS"]
    let place = try #require(
      (0..<tensors.count - 8).first { PackImage.number(tensors, $0, 8) == old })
    PackImage.store(XXH64.checksum(content), 8, in: &tensors, at: place)
    image["TENS"] = tensors
    return image.signed()
  }

  private func frameFault(_ bytes: [UInt8]) throws -> FrameFault? {
    guard case .frame(_, _, let reason) = try bench.fault(bytes) else { return nil }
    return reason
  }

  @Test func frameThatFitsIsAccepted() throws {
    let bytes = try replacedFrame { size, unpacked in
      zstdFrame(size: size, content: unpacked, stated: UInt32(unpacked))
    }
    #expect(try bench.fault(bytes) == nil)
  }

  @Test(arguments: [UInt32(255), 257, 0, 0xFFFF_FFFF])
  func frameThatStatesAnotherSizeIsRefused(stated: UInt32) throws {
    let bytes = try replacedFrame { size, unpacked in
      zstdFrame(size: size, content: unpacked, stated: stated)
    }
    #expect(try frameFault(bytes) == .contentSize(expected: 256, found: UInt64(stated)))
  }

  @Test(arguments: [100, 255, 257, 100_000])
  func frameThatHoldsAnotherSizeThanItStatesIsRefused(content: Int) throws {
    let bytes = try replacedFrame { size, unpacked in
      zstdFrame(size: size, content: content, stated: UInt32(unpacked))
    }
    #expect(try frameFault(bytes) != nil)
  }

  @Test func twoFramesInOnePlaceAreRefused() throws {
    let bytes = try replacedFrame { size, unpacked in
      let skippable: [UInt8] = [0x50, 0x2A, 0x4D, 0x18, 0, 0, 0, 0]
      return zstdFrame(size: size - 8, content: unpacked, stated: UInt32(unpacked)) + skippable
    }
    #expect(try frameFault(bytes) == .notOneFrame)
  }

  @Test func bytesThatAreNoFrameAreRefused() throws {
    let bytes = try replacedFrame { size, _ in [UInt8](repeating: 0xAA, count: size) }
    #expect(try frameFault(bytes) == .contentSize(expected: 256, found: nil))
  }
}
