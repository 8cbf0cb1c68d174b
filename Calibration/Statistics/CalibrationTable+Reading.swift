import MartletBytes

extension CalibrationTable {
  /// Reads a table; every size is compared with the bytes present before anything is allocated for it.
  /// - Throws: `bytes`, `notATable`, `version`, `checksum`, `field`.
  package static func read(path: String) throws(CalibrationError) -> CalibrationTable {
    let file: MappedFile
    do throws(BytesError) {
      file = try MappedFile(path: path)
    } catch {
      throw .bytes(error)
    }
    // Pages that were read are let go, so that a table of samples is not in memory twice; a system that refuses costs
    // memory, nothing else.
    return try file.withBytes { (bytes: RawSpan) throws(CalibrationError) in
      try CalibrationTable(decoding: bytes, source: path) { try? file.discard($0) }
    }
  }

  /// - Parameter source: what errors call the bytes.
  package init(decoding bytes: [UInt8], source: String) throws(CalibrationError) {
    // SAFETY: bytes have no padding.
    self = try CalibrationTable(decoding: unsafe bytes.span.bytes, source: source)
  }

  /// - Parameter passed: called with bytes that are not needed any more.
  private init(
    decoding bytes: RawSpan, source: String, passed: (Range<Int>) -> Void = { _ in }
  ) throws(CalibrationError) {
    let first = bytes.extracting(0..<min(bytes.byteCount, Self.magic.count))
    // SAFETY: the buffer is only read during the call.
    let firstBytes = unsafe first.withUnsafeBytes { unsafe Array($0) }
    if firstBytes != Self.magic { throw .notATable(path: source, firstBytes: firstBytes) }
    var reader = TableReader(bytes, source: source)
    try reader.skip(Self.magic.count)
    let version = try reader.u32()
    if version != Self.version {
      throw .version(path: source, found: version, supported: Self.version)
    }
    let reserved = try reader.u32()
    if reserved != 0 { throw reader.field("reserved word", "\(reserved)", size: 4) }
    let bodySize = try reader.size()
    if bodySize != reader.remaining - 8 {
      throw reader.field("body size", "\(bodySize) where \(reader.remaining - 8) are", size: 8)
    }
    try Self.verify(bytes, source: source, passed)
    provenance = try reader.provenance()
    entries = try Self.entries(&reader, passed)
    if reader.remaining != 8 {
      throw reader.field("end", "\(reader.remaining - 8) bytes after the last entry", size: 0)
    }
  }

  /// How much is read between two calls of `passed`.
  private static let passedBytes = 1 << 24

  private static func verify(
    _ bytes: RawSpan, source: String, _ passed: (Range<Int>) -> Void
  ) throws(CalibrationError) {
    // The caller has seen a header of 24 bytes and 8 more.
    let end = bytes.byteCount - 8
    var stored = ByteReader(bytes.extracting(end..<bytes.byteCount), source: source, base: end)
    let expected: UInt64
    do throws(BytesError) { expected = try stored.uint64() } catch { throw .bytes(error) }
    var stream = XXH64.Stream()
    for start in stride(from: 0, to: end, by: passedBytes) {
      let part = start..<min(end, start + passedBytes)
      stream.add(bytes.extracting(part))
      passed(part)
    }
    let found = stream.checksum
    if expected != found { throw .checksum(path: source, expected: expected, found: found) }
  }

  private static func entries(
    _ reader: inout TableReader, _ passed: (Range<Int>) -> Void
  ) throws(CalibrationError) -> [StatisticRequest: CollectedStatistic] {
    var start = 0
    var entries: [StatisticRequest: CollectedStatistic] = [:]
    var previous: StatisticRequest?
    for _ in 0..<(try reader.count(elementBytes: 9)) {
      let name = try reader.string()
      let code = try reader.u8()
      guard let statistic = Statistic(rawValue: code) else {
        throw reader.field("statistic", "\(code)", size: 1)
      }
      let request = StatisticRequest(value: name, statistic: statistic)
      if let previous, !StatisticRequest.isOrdered(previous, before: request) {
        throw reader.field("order of entries", name, size: 1)
      }
      previous = request
      entries[request] = try reader.found(statistic)
      if reader.offset - start >= passedBytes {
        passed(start..<reader.offset)
        start = reader.offset
      }
    }
    return entries
  }
}

/// Fields of a table, each checked where it stands.
private struct TableReader: ~Escapable {
  private var bytes: ByteReader

  @_lifetime(copy span)
  init(_ span: RawSpan, source: String) { bytes = ByteReader(span, source: source) }

  var remaining: Int { bytes.remaining }
  var offset: Int { bytes.offset }

  /// An error about the field of `size` bytes that was just read.
  func field(_ what: String, _ found: String, size: Int) -> CalibrationError {
    .field(path: bytes.source, offset: bytes.offset - size, what: what, found: found)
  }

  mutating func skip(_ count: Int) throws(CalibrationError) {
    do throws(BytesError) { try bytes.skip(count) } catch { throw .bytes(error) }
  }

  mutating func u8() throws(CalibrationError) -> UInt8 {
    do throws(BytesError) { return try bytes.uint8() } catch { throw .bytes(error) }
  }

  mutating func u16() throws(CalibrationError) -> UInt16 {
    do throws(BytesError) { return try bytes.uint16() } catch { throw .bytes(error) }
  }

  mutating func u32() throws(CalibrationError) -> Int {
    do throws(BytesError) { return Int(try bytes.uint32()) } catch { throw .bytes(error) }
  }

  mutating func u64() throws(CalibrationError) -> UInt64 {
    do throws(BytesError) { return try bytes.uint64() } catch { throw .bytes(error) }
  }

  mutating func i32() throws(CalibrationError) -> Int {
    do throws(BytesError) { return Int(try bytes.int32()) } catch { throw .bytes(error) }
  }

  mutating func i64() throws(CalibrationError) -> Int {
    do throws(BytesError) { return Int(try bytes.int64()) } catch { throw .bytes(error) }
  }

  mutating func size() throws(CalibrationError) -> Int {
    do throws(BytesError) { return try bytes.size() } catch { throw .bytes(error) }
  }

  /// A count of elements that take at least so many bytes each, all of which must be there.
  mutating func count(elementBytes: Int) throws(CalibrationError) -> Int {
    let count = try u32()
    do throws(BytesError) { try bytes.require(count * elementBytes) } catch { throw .bytes(error) }
    return count
  }

  mutating func string() throws(CalibrationError) -> String {
    let count = try count(elementBytes: 1)
    do throws(BytesError) { return try bytes.text(count) } catch { throw .bytes(error) }
  }

  mutating func float() throws(CalibrationError) -> Float {
    let number: Float
    do throws(BytesError) { number = try bytes.float() } catch { throw .bytes(error) }
    if !number.isFinite { throw field("number", "\(number)", size: 4) }
    return number
  }

  mutating func files() throws(CalibrationError) -> [CalibrationProvenance.File] {
    var files: [CalibrationProvenance.File] = []
    for _ in 0..<(try count(elementBytes: 8)) {
      let name = try string()
      let digestSize = try count(elementBytes: 1)
      var digest: [UInt8] = []
      for _ in 0..<digestSize { digest.append(try u8()) }
      files.append(.init(name: name, digest: digest))
    }
    return files
  }

  mutating func provenance() throws(CalibrationError) -> CalibrationProvenance {
    var provenance = CalibrationProvenance(tool: try string(), sources: try files())
    provenance.images = try files()
    for _ in 0..<(try count(elementBytes: 4)) { provenance.skipped.append(try string()) }
    provenance.questionCount = try size()
    provenance.answerTokenCount = try size()
    provenance.resolution = try size()
    provenance.seed = try u64()
    return provenance
  }

  mutating func found(_ statistic: Statistic) throws(CalibrationError) -> CollectedStatistic {
    switch statistic {
    case .range:
      let range = try range()
      return .range(minimum: range.lowerBound, maximum: range.upperBound)
    case .channelMeans: return .channelMeans(try channels())
    case .secondMoments: return .secondMoments(try magnitudes())
    case .channelMaxima: return .channelMaxima(try magnitudes())
    case .histogram: return .histogram(try histogram())
    case .rows: return .rows(try sample())
    }
  }

  private mutating func range() throws(CalibrationError) -> ClosedRange<Float> {
    let minimum = try float()
    let maximum = try float()
    if minimum > maximum { throw field("range", "\(minimum) above \(maximum)", size: 8) }
    return minimum...maximum
  }

  private mutating func channels() throws(CalibrationError) -> [Float] {
    let count = try count(elementBytes: 4)
    if count == 0 { throw field("channels", "0", size: 4) }
    var numbers: [Float] = []
    numbers.reserveCapacity(count)
    for _ in 0..<count { numbers.append(try float()) }
    return numbers
  }

  private mutating func magnitudes() throws(CalibrationError) -> [Float] {
    let numbers = try channels()
    for number in numbers where number < 0 {
      throw field("magnitude", "\(number)", size: 4 * numbers.count)
    }
    return numbers
  }

  private mutating func sample() throws(CalibrationError) -> RowSample {
    let channels = try u32()
    if channels == 0 { throw field("channels", "0", size: 4) }
    let scales = try magnitudes()
    let (count, overflow) = channels.multipliedReportingOverflow(by: scales.count)
    do throws(BytesError) {
      try bytes.require(overflow || count > Int.max / 2 ? Int.max : 2 * count)
    } catch {
      throw .bytes(error)
    }
    var numbers: [Float16] = []
    numbers.reserveCapacity(count)
    for _ in 0..<count {
      let number = Float16(bitPattern: try u16())
      if !(abs(number) <= 1) { throw field("relative number", "\(number)", size: 2) }
      numbers.append(number)
    }
    return RowSample(channels: channels, scales: scales, numbers: numbers)
  }

  private mutating func histogram() throws(CalibrationError) -> Histogram {
    let range = try range()
    let exponent = try i32()
    let first = try i64()
    let expected = BinCounts(covering: range)
    if exponent != expected.exponent || first != expected.first {
      throw field("first bin", "\(first) · 2^\(exponent)", size: 12)
    }
    let count = try count(elementBytes: 8)
    if count != expected.counts.count { throw field("bins", "\(count)", size: 4) }
    var counts: [UInt64] = []
    var total: UInt64 = 0
    for _ in 0..<count {
      counts.append(try u64())
      let (sum, overflow) = total.addingReportingOverflow(counts[counts.count - 1])
      if overflow { throw field("count", "\(counts[counts.count - 1])", size: 8) }
      total = sum
    }
    if counts[0] == 0 || counts[count - 1] == 0 {
      throw field("outer bins", "0", size: 8 * count)
    }
    return Histogram(
      exponent: exponent, first: first, counts: counts, minimum: range.lowerBound,
      maximum: range.upperBound)
  }
}
