import MartletBytes
import MartletModel

/// Header and directory of a mapped pack, checked; from here single records are read.
struct PackOutline {
  let records: [PackRecord]
  let identity: UInt64
  private let file: MappedFile

  init(_ file: MappedFile) throws(PackError) {
    let fileSize = UInt64(file.count)
    let start = try Self.copy(file, 0, UInt64(min(file.count, PackHeader.byteCount)))
    let header = try PackHeader(bytes: start, fileSize: fileSize)
    let directory = try Self.directory(file, header)
    self.file = file
    records = directory
    identity = XXH64.checksum(Array(start[..<(PackHeader.byteCount - 8)]))
    try checkPlaces(directoryOffset: header.directoryOffset)
    try checkTypes()
  }

  private static func directory(
    _ file: MappedFile, _ header: PackHeader
  ) throws(PackError) -> [PackRecord] {
    let size = UInt64(header.entryCount) * UInt64(PackRecord.byteCount)
    let (end, overflow) = header.directoryOffset.addingReportingOverflow(size)
    if overflow || end != header.fileSize {
      throw .beyondEnd(
        part: .directory, offset: header.directoryOffset, size: size, end: header.fileSize)
    }
    let bytes = try copy(file, header.directoryOffset, size)
    let checksum = XXH64.checksum(bytes)
    if checksum != header.directoryChecksum {
      throw .checksum(
        part: .directory, offset: header.directoryOffset, expected: header.directoryChecksum,
        found: checksum)
    }
    var reader = RecordReader(part: .directory, bytes: bytes, base: header.directoryOffset)
    var records: [PackRecord] = []
    records.reserveCapacity(Int(header.entryCount))
    for _ in 0..<header.entryCount { records.append(try PackRecord(from: &reader)) }
    return records
  }

  // MARK: Order

  /// Each record begins at the first aligned offset after the one before, and the directory after the last.
  private func checkPlaces(directoryOffset: UInt64) throws(PackError) {
    var end = UInt64(PackHeader.byteCount)
    for record in records {
      let start = try aligned(end, record.part)
      if record.offset != start {
        throw .place(part: record.part, expected: start, found: record.offset)
      }
      if start > directoryOffset || record.byteCount > directoryOffset - start {
        throw .beyondEnd(
          part: record.part, offset: start, size: record.byteCount, end: directoryOffset)
      }
      try checkPadding(end, start)
      end = start + record.byteCount
    }
    let start = try aligned(end, .directory)
    if directoryOffset != start {
      throw .place(part: .directory, expected: start, found: directoryOffset)
    }
    try checkPadding(end, start)
  }

  private func aligned(_ offset: UInt64, _ part: PackPart) throws(PackError) -> UInt64 {
    guard let start = alignedUp(offset) else {
      throw .beyondEnd(part: part, offset: offset, size: 0, end: UInt64(file.count))
    }
    return start
  }

  /// Every record is known or may be skipped, stands once and in order, and none is missing.
  private func checkTypes() throws(PackError) {
    let order = RecordType.allCases
    var next = 0
    for record in records {
      guard let type = record.known else {
        if record.isCritical {
          throw .unknownRecord(
            type: record.type, version: Int(record.version), offset: record.offset)
        }
        continue
      }
      guard let position = order.firstIndex(of: type) else { continue }
      if position < next {
        if records.filter({ $0.code == record.code }).count > 1 {
          throw .repeatedRecord(type: record.type, offset: record.offset)
        }
        throw .field(
          part: .directory, offset: record.offset, what: "order of records", found: record.type)
      }
      next = position + 1
    }
    for type in order where type.isRequired && record(type) == nil {
      throw .missingRecord(type: type.name)
    }
    for record in records where record.known == nil { try check(record) }
  }

  // MARK: Records

  private func record(_ type: RecordType) -> PackRecord? {
    for record in records where record.known == type { return record }
    return nil
  }

  private func reader(_ type: RecordType) throws(PackError) -> RecordReader? {
    guard let record = record(type) else { return nil }
    return RecordReader(part: record.part, bytes: try content(record), base: record.offset)
  }

  private func required(_ type: RecordType) throws(PackError) -> RecordReader {
    guard let reader = try reader(type) else { throw .missingRecord(type: type.name) }
    return reader
  }

  /// The content of a record, its checksum verified.
  private func content(_ record: PackRecord) throws(PackError) -> [UInt8] {
    try check(record)
    return try Self.copy(file, record.offset, record.byteCount)
  }

  /// Verifies the checksum of a record in place: one that is skipped may be large.
  private func check(_ record: PackRecord) throws(PackError) {
    // `checkPlaces` has seen that the record lies inside the file.
    let start = Int(record.offset)
    let checksum = file.withBytes { bytes in
      XXH64.checksum(bytes.extracting(start..<start + Int(record.byteCount)))
    }
    if checksum != record.checksum {
      throw .checksum(
        part: record.part, offset: record.offset, expected: record.checksum, found: checksum)
    }
  }

  /// The description, its networks validated.
  func description() throws(PackError) -> ModelDescription {
    var model = try required(.model)
    let architecture = try ArchitectureRecord.decoded(&model)
    var image = try required(.image)
    let specification = try ImageRecord.decoded(&image)
    var tokenizer: TokenizerSpecification?
    if var reader = try reader(.tokenizer) { tokenizer = try TokenizerRecord.decoded(&reader) }
    var prompt: PromptTemplate?
    if var reader = try reader(.prompt) { prompt = try PromptRecord.decoded(&reader) }
    var reader = try required(.networks)
    let networks = try NetworkRecord.decoded(&reader)
    try checkNetworks(networks)
    return ModelDescription(
      architecture: architecture, networks: networks, image: specification, tokenizer: tokenizer,
      prompt: prompt)
  }

  func activations(
    _ description: ModelDescription
  ) throws(PackError) -> [String: ActivationEncoding] {
    var reader = try required(.plan)
    return try PlanRecord.decoded(&reader, networks: description.networks)
  }

  /// Further sizes of pictures; empty where the pack has none.
  func rungs(
    _ description: ModelDescription, _ activations: [String: ActivationEncoding]
  ) throws(PackError) -> [Rung] {
    guard var reader = try reader(.ladder) else { return [] }
    return try LadderRecord.decoded(
      &reader, networks: description.networks, image: description.image, activations: activations)
  }

  /// Empty where the pack has none, or one of a later version.
  func provenance() throws(PackError) -> Provenance {
    guard var reader = try reader(.provenance) else { return Provenance() }
    return try Provenance(&reader)
  }

  func choice() throws(PackError) -> PrecisionChoice? {
    guard var reader = try reader(.choice) else { return nil }
    return try ChoiceRecord.decoded(&reader)
  }

  func preparation(_ description: ModelDescription) throws(PackError) -> ModelPreparation {
    guard var reader = try reader(.preparation) else { return ModelPreparation() }
    return try PreparationRecord.decoded(&reader, networks: description.networks)
  }

  /// What the model answered when the pack was made; `nil` where the pack does not tell.
  func proof(_ description: ModelDescription, tensors: Int) throws(PackError) -> Proof? {
    guard var reader = try reader(.proof) else { return nil }
    return try ProofRecord.decoded(&reader, description: description, tensors: tensors)
  }

  /// The tensor directory, every place and all padding of `DATA` checked.
  func tensorDirectory(_ description: ModelDescription) throws(PackError) -> TensorDirectory {
    guard let data = record(.data) else { throw .missingRecord(type: RecordType.data.name) }
    var reader = try required(.tensors)
    let end = data.offset + data.byteCount
    let directory = try TensorDirectory(
      &reader, parameters: description.networks.flatMap { $0.parameters },
      data: data.offset..<end)
    var cursor = data.offset
    for tensor in directory.tensors {
      for component in tensor.components {
        try checkPadding(cursor, component.offset)
        cursor = component.offset + component.storedBytes
      }
    }
    return directory
  }

  private func checkPadding(_ start: UInt64, _ end: UInt64) throws(PackError) {
    for (index, byte) in try Self.copy(file, start, end - start).enumerated() where byte != 0 {
      throw .padding(offset: start + UInt64(index), found: byte)
    }
  }

  /// - Precondition: none; a range outside the file is an error.
  private static func copy(
    _ file: MappedFile, _ offset: UInt64, _ count: UInt64
  ) throws(PackError) -> [UInt8] {
    if count == 0 { return [] }
    let end = UInt64(file.count)
    guard offset <= end, count <= end - offset else {
      throw .beyondEnd(part: .directory, offset: offset, size: count, end: end)
    }
    return file.withBytes { bytes in
      let part = bytes.extracting(Int(offset)..<Int(offset + count))
      // SAFETY: the buffer is only read during the call.
      return unsafe part.withUnsafeBytes { unsafe [UInt8]($0) }
    }
  }
}

/// Validates networks each by itself, and that no name of a parameter or layer repeats among them.
func checkNetworks(_ networks: [Network]) throws(PackError) {
  var parameters: Set<String> = []
  var layers: Set<String> = []
  for network in networks {
    do {
      try network.validate()
      try network.validateRunnable()
    } catch { throw .model(error) }
    for parameter in network.parameters where !parameters.insert(parameter.name).inserted {
      throw .model(.duplicateName(parameter.name))
    }
    for layer in network.layers where !layers.insert(layer.name).inserted {
      throw .model(.duplicateName(layer.name))
    }
  }
}
