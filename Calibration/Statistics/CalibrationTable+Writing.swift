import MartletBytes

/// The file form: Formats/calibration-table.md.
extension CalibrationTable {
  static let magic: [UInt8] = [0x89, 0x4D, 0x43, 0x41, 0x4C, 0x0D, 0x0A, 0x1A]
  static let version = 1

  /// The bytes of the file.
  package var encoded: [UInt8] {
    var body = ByteWriter()
    body.provenance(provenance)
    body.list(requests) { body, request in
      body.string(request.value)
      body.uint8(request.statistic.rawValue)
      if let found = entries[request] { body.found(found) }
    }
    var file = ByteWriter()
    file.append(Self.magic)
    file.uint32(UInt32(Self.version))
    file.uint32(0)
    file.size(body.count)
    file.append(body.bytes)
    file.uint64(XXH64.checksum(file.bytes))
    return file.bytes
  }

  /// Writes the table; the file appears whole or not at all.
  package func write(to path: String) throws(CalibrationError) {
    do throws(BytesError) {
      try AtomicFile.write(encoded, to: path)
    } catch {
      throw .bytes(error)
    }
  }

  /// XXH64 of the file's bytes: names the table in a pack's provenance.
  package var checksum: UInt64 { XXH64.checksum(encoded) }
}

extension ByteWriter {
  fileprivate mutating func string(_ text: String) {
    uint32(UInt32(text.utf8.count))
    self.text(text)
  }

  fileprivate mutating func list<Element>(
    _ elements: [Element], _ write: (inout ByteWriter, Element) -> Void
  ) {
    uint32(UInt32(elements.count))
    for element in elements { write(&self, element) }
  }

  fileprivate mutating func floats(_ numbers: [Float]) {
    list(numbers) { $0.float($1) }
  }

  fileprivate mutating func files(_ files: [CalibrationProvenance.File]) {
    list(files) { writer, file in
      writer.string(file.name)
      writer.list(file.digest) { $0.uint8($1) }
    }
  }

  fileprivate mutating func provenance(_ provenance: CalibrationProvenance) {
    string(provenance.tool)
    files(provenance.sources)
    files(provenance.images)
    list(provenance.skipped) { $0.string($1) }
    size(provenance.questionCount)
    size(provenance.resolution)
    uint64(provenance.seed)
  }

  fileprivate mutating func found(_ found: CollectedStatistic) {
    switch found {
    case .range(let minimum, let maximum):
      float(minimum)
      float(maximum)
    case .channelMeans(let numbers), .secondMoments(let numbers), .channelMaxima(let numbers):
      floats(numbers)
    case .histogram(let histogram):
      float(histogram.minimum)
      float(histogram.maximum)
      int32(Int32(histogram.exponent))
      int64(Int64(histogram.first))
      list(histogram.counts) { $0.uint64($1) }
    case .rows(let sample):
      uint32(UInt32(sample.channels))
      floats(sample.scales)
      for number in sample.numbers { uint16(number.bitPattern) }
    }
  }
}
