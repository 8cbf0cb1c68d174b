import MartletBytes

/// The file form: Formats/calibration-table.md.
extension CalibrationTable {
  static let magic: [UInt8] = [0x89, 0x4D, 0x43, 0x41, 0x4C, 0x0D, 0x0A, 0x1A]
  static let version = 2

  /// The bytes of the file.
  package var encoded: [UInt8] {
    var file: [UInt8] = []
    file.reserveCapacity(byteCount)
    emit { part in
      // SAFETY: the buffer is only read during the call.
      unsafe part.withUnsafeBytes { unsafe file.append(contentsOf: $0) }
    }
    return file
  }

  /// Writes the table; the file appears whole or not at all. Memory holds one entry twice, never all.
  package func write(to path: String) throws(CalibrationError) {
    do throws(BytesError) {
      let file = try AtomicFile(replacing: path)
      try emit { (part: RawSpan) throws(BytesError) in try file.append(part) }
      try file.commit()
    } catch {
      throw .bytes(error)
    }
  }

  /// XXH64 of the file's bytes: names the table in a pack's provenance.
  package var checksum: UInt64 {
    var stream = XXH64.Stream()
    emit { stream.add($0) }
    return stream.checksum
  }

  /// The file, part by part.
  private func emit<E: Error>(_ take: (RawSpan) throws(E) -> Void) throws(E) {
    var checksum = XXH64.Stream()
    func put(_ part: RawSpan) throws(E) {
      checksum.add(part)
      try take(part)
    }
    let start = beginning
    var header = ByteWriter()
    header.append(Self.magic)
    header.uint32(UInt32(Self.version))
    header.uint32(0)
    header.size(bodyCount(start))
    // SAFETY, here and below: bytes and halves have no padding.
    try unsafe put(header.bytes.span.bytes)
    try unsafe put(start.span.bytes)
    for request in requests {
      try unsafe put(head(request).span.bytes)
      // Halves are stored as they lie in memory; all machines that run this are little-endian.
      if case .rows(let sample)? = entries[request] { try unsafe put(sample.numbers.span.bytes) }
    }
    var end = ByteWriter()
    end.uint64(checksum.checksum)
    try unsafe take(end.bytes.span.bytes)
  }

  /// Provenance and the number of entries.
  private var beginning: [UInt8] {
    var writer = ByteWriter()
    writer.provenance(provenance)
    writer.uint32(UInt32(entries.count))
    return writer.bytes
  }

  /// An entry without the numbers of sampled rows.
  private func head(_ request: StatisticRequest) -> [UInt8] {
    var writer = ByteWriter()
    writer.string(request.value)
    writer.uint8(request.statistic.rawValue)
    if let found = entries[request] { writer.found(found) }
    return writer.bytes
  }

  private func bodyCount(_ start: [UInt8]) -> Int {
    requests.reduce(start.count) { count, request in
      var numbers = 0
      if case .rows(let sample)? = entries[request] { numbers = 2 * sample.numbers.count }
      return count + head(request).count + numbers
    }
  }

  /// Bytes of the file, about.
  private var byteCount: Int { bodyCount(beginning) + 32 }
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
    size(provenance.answerTokenCount)
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
    }
  }
}
