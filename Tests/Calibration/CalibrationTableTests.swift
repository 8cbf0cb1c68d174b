import MartletBytes
import MartletCalibration
import MartletModel
import MartletTestSupport
import Testing

@Suite struct CalibrationTableTests {
  /// Every kind of record in a few hundred bytes: a black picture has one bin.
  private func smallTable() throws -> CalibrationTable {
    try Calibrator(model: SmallModel.model(), requests: SmallModel.requests("vision.pixels"))
      .outcome(pictures: [SmallModel.picture(1, brightness: 0)]).table
  }

  private func table() throws -> CalibrationTable {
    var options = CalibrationOptions()
    options.sources = [.init(name: "model.safetensors", digest: [1, 2, 3])]
    options.tool = "martlet test"
    options.seed = 77
    options.unreadable = .skipped
    return try Calibrator(
      model: SmallModel.model(),
      requests: SmallModel.requests("vision.normalize") + SmallModel.requests("language.embed"),
      options: options
    ).outcome(pictures: [SmallModel.picture(1), SmallModel.broken("ü")]).table
  }

  @Test func whatIsWrittenIsRead() throws {
    let folder = try TemporaryDirectory()
    let table = try table()
    try table.write(to: folder.path("t.mcal"))
    let read = try CalibrationTable.read(path: folder.path("t.mcal"))
    #expect(read == table)
    #expect(read.encoded == table.encoded)
    #expect(read.provenance.skipped == ["ü"])
    #expect(read.checksum == table.checksum)
  }

  @Test func anEmptyTableIsATable() throws {
    let table = CalibrationTable(
      provenance: CalibrationProvenance(tool: "", sources: []), entries: [:])
    #expect(try CalibrationTable(decoding: table.encoded, source: "t") == table)
  }

  /// The stored bytes are those of Formats/calibration-table.md.
  @Test func theFileIsWhatItsDescriptionSays() throws {
    let table = CalibrationTable(
      provenance: CalibrationProvenance(
        tool: "t", sources: [], images: [.init(name: "i", digest: [9])], skipped: [],
        questionCount: 2, answerTokenCount: 5, resolution: 3, seed: 4),
      entries: [.init(value: "v", statistic: .range): .range(minimum: -1, maximum: 2)])
    var expected: [UInt8] = [0x89, 0x4D, 0x43, 0x41, 0x4C, 0x0D, 0x0A, 0x1A]
    expected += [2, 0, 0, 0, 0, 0, 0, 0] + [77, 0, 0, 0, 0, 0, 0, 0]
    expected += [1, 0, 0, 0, 0x74] + [0, 0, 0, 0]
    expected += [1, 0, 0, 0] + [1, 0, 0, 0, 0x69] + [1, 0, 0, 0, 9] + [0, 0, 0, 0]
    for number: UInt8 in [2, 5, 3, 4] { expected += [number, 0, 0, 0, 0, 0, 0, 0] }
    expected += [1, 0, 0, 0] + [1, 0, 0, 0, 0x76] + [0]
    expected += [0, 0, 0x80, 0xBF] + [0, 0, 0, 0x40]
    let checksum = XXH64.checksum(expected)
    for shift in 0..<8 { expected.append(UInt8(truncatingIfNeeded: checksum >> (8 * shift))) }
    #expect(table.encoded == expected)
  }

  @Test func everyDamageIsAnError() throws {
    let bytes = try smallTable().encoded
    var damaged = Array(Corruption.cuts(of: bytes))
    damaged += Corruption.flips(of: bytes, count: 2000, seed: 5)
    damaged += Corruption.extensions(of: bytes)
    for corruption in damaged {
      #expect(throws: CalibrationError.self, "\(corruption.what)") {
        try CalibrationTable(decoding: corruption.bytes, source: "t")
      }
    }
  }

  /// Lies that come with the right checksum reach the fields.
  @Test func liesWithARightChecksumNeverCrash() throws {
    let bytes = try smallTable().encoded
    var refused = 0
    for lie in Corruption.lies(of: Array(bytes.dropLast(8)), count: 3000, seed: 6) {
      var forged = lie.bytes
      let checksum = XXH64.checksum(forged)
      for shift in 0..<8 { forged.append(UInt8(truncatingIfNeeded: checksum >> (8 * shift))) }
      do {
        // What is accepted says the same when it is written again.
        let table = try CalibrationTable(decoding: forged, source: "t")
        #expect(table.encoded == forged, "\(lie.what)")
      } catch is CalibrationError {
        refused += 1
      }
    }
    #expect(refused > 1000)
  }

  @Test func otherFilesAndVersionsAreNamed() throws {
    var bytes = try table().encoded
    #expect(
      throws: CalibrationError.notATable(path: "t", firstBytes: Array("PNG".utf8))
    ) { try CalibrationTable(decoding: Array("PNG".utf8), source: "t") }
    bytes[8] = 1
    #expect(throws: CalibrationError.version(path: "t", found: 1, supported: 2)) {
      try CalibrationTable(decoding: bytes, source: "t")
    }
    bytes[8] = 2
    bytes[40] ^= 1
    let error = #expect(throws: CalibrationError.self) {
      try CalibrationTable(decoding: bytes, source: "t")
    }
    guard case .checksum = error else {
      Issue.record("\(String(describing: error))")
      return
    }
  }

  @Test func whatIsMissingIsNamed() throws {
    let table = try table()
    let wanted = StatisticRequest(value: "vision.stem", statistic: .range)
    #expect(throws: CalibrationError.missingStatistic(wanted)) {
      try table.range(of: "vision.stem")
    }
    #expect(throws: CalibrationError.missingStatistic(wanted)) {
      try table.require(table.requests + [wanted])
    }
    try table.require(table.requests)
  }

  @Test func aTableOfAnotherModelIsRefused() throws {
    var description = try SmallModel.description()
    try table().validate(for: description)
    var other = description
    other.networks[0].values[1].shape = .map(channels: 5, stride: 1)
    #expect(
      throws: CalibrationError.channelCount(
        StatisticRequest(value: "vision.normalize", statistic: .channelMeans), expected: 5,
        found: 3)
    ) { try table().validate(for: other) }
    description.networks.removeFirst()
    #expect(
      throws: CalibrationError.unknownValue(
        StatisticRequest(value: "vision.normalize", statistic: .range))
    ) { try table().validate(for: description) }
  }
}
