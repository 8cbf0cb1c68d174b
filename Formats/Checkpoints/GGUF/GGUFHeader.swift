import MartletBytes

/// The front of a GGUF file, version 2 or 3: key-value pairs, then where each tensor lies.
///
/// The rules are those of llama.cpp's reader (`gguf.cpp`): little-endian, sizes of 64 bits, every tensor at a
/// multiple of the alignment, one behind the other with nothing but padding between.
struct GGUFHeader {
  private(set) var contents = CheckpointContents()
  private(set) var metadata: GGUFMetadata

  static let magic = Array("GGUF".utf8)
  static let alignmentKey = "general.alignment"
  static let defaultAlignment = 32
  /// As in llama.cpp.
  private static let mostDimensions = 4
  /// The format sets no limit; llama.cpp refuses arrays of arrays altogether.
  private static let deepestArray = 4

  private let file: MappedFile
  private var alignment = defaultAlignment

  /// A tensor whose offset still counts from the start of the data.
  private struct Info {
    var name: String
    var type: GGUFTensorType
    var shape: [Int]
    var byteCount: Int
    /// Relative to the data.
    var offset: Int
  }

  init(of file: MappedFile) throws(CheckpointError) {
    self.file = file
    metadata = GGUFMetadata(file)
    var infos: [Info] = []
    var end = 0
    // A copy works inside the closure, and what it found is taken back.
    var parser = self
    try file.withBytes { (bytes: RawSpan) throws(CheckpointError) in
      var reader = ByteReader(bytes, source: file.path)
      do throws(ParsingFault) {
        let (tensors, pairs) = try parser.counts(&reader)
        for _ in 0..<pairs { try parser.pair(&reader) }
        try parser.findAlignment()
        for _ in 0..<tensors { infos.append(try parser.info(&reader)) }
      } catch {
        switch error {
        case .bytes(let error): throw .file(error)
        case .checkpoint(let error): throw error
        }
      }
      end = reader.offset
    }
    (metadata, alignment) = (parser.metadata, parser.alignment)
    try place(infos, headerEnd: end)
  }

  /// What reading can fail with: the reader's own errors, or a broken rule.
  private enum ParsingFault: Error {
    case bytes(BytesError)
    case checkpoint(CheckpointError)
  }

  private func fault(
    _ offset: Int, _ field: String, expected: String, found: String
  ) -> ParsingFault {
    .checkpoint(
      .ggufField(path: file.path, offset: offset, field: field, expected: expected, found: found))
  }

  private func read<R>(
    _ body: () throws(BytesError) -> R
  ) throws(ParsingFault) -> R {
    do throws(BytesError) { return try body() } catch { throw .bytes(error) }
  }

  private func counts(
    _ reader: inout ByteReader
  ) throws(ParsingFault) -> (tensors: Int, pairs: Int) {
    let magic = try read { () throws(BytesError) in try reader.array(4) }
    if magic != Self.magic {
      throw fault(0, "magic", expected: "GGUF", found: "\(magic)")
    }
    let version = try read { () throws(BytesError) in try reader.uint32() }
    if version != 2, version != 3 {
      let isSwapped = version.byteSwapped == 2 || version.byteSwapped == 3
      throw fault(
        4, "version", expected: "2 or 3",
        found: isSwapped ? "\(version.byteSwapped), big-endian" : "\(version)")
    }
    let tensors = try read { () throws(BytesError) in try reader.size() }
    let pairs = try read { () throws(BytesError) in try reader.size() }
    // A pair has at least a key's length, a type and a byte; a tensor its name's length, a count, type and offset.
    for (field, count, least, place) in [
      ("tensor count", tensors, 24, 8), ("pair count", pairs, 13, 16),
    ]
    where count > reader.remaining / least {
      throw fault(
        place, field, expected: "at most \(reader.remaining / least) in a file of this size",
        found: "\(count)")
    }
    return (tensors, pairs)
  }

  private mutating func pair(_ reader: inout ByteReader) throws(ParsingFault) {
    let start = reader.offset
    let key = try read { () throws(BytesError) in
      let count = try reader.size()
      return try reader.text(count)
    }
    let type = try valueType(&reader, of: key)
    var entry = GGUFMetadata.Entry(key: key, type: type, bytes: start..<start)
    var begin = reader.offset
    if type == .array {
      let (element, count) = try arrayHead(&reader, of: key)
      begin = reader.offset
      try skipElements(&reader, of: key, element, count, depth: 1)
      (entry.elementType, entry.count) = (element, count)
    } else {
      try skipElements(&reader, of: key, type, 1, depth: 0)
    }
    entry.bytes = begin..<reader.offset
    if !metadata.append(entry) {
      throw fault(start, key, expected: "every key once", found: "twice")
    }
  }

  private func valueType(
    _ reader: inout ByteReader, of key: String
  ) throws(ParsingFault) -> GGUFMetadata.ValueType {
    let start = reader.offset
    let number = try read { () throws(BytesError) in try reader.uint32() }
    guard let type = GGUFMetadata.ValueType(rawValue: number) else {
      throw fault(start, key, expected: "a value type from 0 to 12", found: "\(number)")
    }
    return type
  }

  private func arrayHead(
    _ reader: inout ByteReader, of key: String
  ) throws(ParsingFault) -> (GGUFMetadata.ValueType, Int) {
    let element = try valueType(&reader, of: key)
    let start = reader.offset
    let count = try read { () throws(BytesError) in try reader.size() }
    // Strings and arrays begin with at least a length of 8 bytes.
    let most = reader.remaining / (element.byteCount ?? 8)
    if count > most {
      throw fault(
        start, key, expected: "at most \(most) elements in the rest of the file", found: "\(count)")
    }
    return (element, count)
  }

  private func skipElements(
    _ reader: inout ByteReader, of key: String, _ type: GGUFMetadata.ValueType, _ count: Int,
    depth: Int
  ) throws(ParsingFault) {
    if let size = type.byteCount {
      // Cannot overflow: an array's count was compared with the bytes left.
      return try read { () throws(BytesError) in try reader.skip(count * size) }
    }
    if type == .array, depth >= Self.deepestArray {
      throw fault(
        reader.offset, key, expected: "arrays at most \(Self.deepestArray) deep", found: "more")
    }
    for _ in 0..<count {
      if type == .array {
        let (element, inner) = try arrayHead(&reader, of: key)
        try skipElements(&reader, of: key, element, inner, depth: depth + 1)
      } else {
        try read { () throws(BytesError) in
          let size = try reader.size()
          try reader.skip(size)
        }
      }
    }
  }

  private mutating func findAlignment() throws(ParsingFault) {
    let stated: Int?
    do throws(CheckpointError) { stated = try metadata.integer(Self.alignmentKey) } catch {
      throw .checkpoint(error)
    }
    guard let stated else { return }
    if stated <= 0 || stated > 1 << 20 || stated & (stated - 1) != 0 {
      throw .checkpoint(
        metadata.fault(
          Self.alignmentKey, expected: "a power of two up to 2^20", found: "\(stated)"))
    }
    alignment = stated
  }

  // MARK: Tensors

  private func info(_ reader: inout ByteReader) throws(ParsingFault) -> Info {
    let name = try read { () throws(BytesError) in
      let count = try reader.size()
      return try reader.text(count)
    }
    let place = reader.offset
    let dimensions = try read { () throws(BytesError) in try reader.uint32() }
    if dimensions > Self.mostDimensions {
      throw fault(
        place, name, expected: "at most \(Self.mostDimensions) dimensions", found: "\(dimensions)")
    }
    var shape: [Int] = []
    for _ in 0..<dimensions {
      shape.append(try read { () throws(BytesError) in try reader.size() })
    }
    // The innermost dimension comes first in the file and last here.
    shape.reverse()
    let typePlace = reader.offset
    let number = try read { () throws(BytesError) in try reader.uint32() }
    guard let type = GGUFTensorType(number: number) else {
      throw .checkpoint(
        .unknownElementType(
          path: file.path, tensor: name, found: GGUFTensorType.name(number)))
    }
    let width = shape.last ?? 1
    if width % type.blockElements != 0 {
      throw fault(
        typePlace, name, expected: "rows of whole blocks of \(type.blockElements)",
        found: "\(width) elements of \(type.name)")
    }
    guard let byteCount = type.byteCount(shape: shape) else {
      throw .checkpoint(.shapeOverflow(path: file.path, tensor: name, shape: shape))
    }
    let offsetPlace = reader.offset
    let offset = try read { () throws(BytesError) in try reader.size() }
    if offset % alignment != 0 {
      throw fault(
        offsetPlace, name, expected: "an offset that is a multiple of \(alignment)",
        found: "\(offset)")
    }
    return Info(
      name: name, type: type, shape: shape, byteCount: byteCount, offset: offset)
  }

  /// Turns offsets into places in the file and checks that the tensors fill it.
  private mutating func place(_ infos: [Info], headerEnd: Int) throws(CheckpointError) {
    let start = aligned(headerEnd)
    var names: Set<String> = []
    var places: [(name: String, bytes: Range<Int>)] = []
    for info in infos {
      if !names.insert(info.name).inserted {
        throw .duplicateTensor(name: info.name, first: file.path, second: file.path)
      }
      let (begin, overflow) = start.addingReportingOverflow(info.offset)
      let (end, overflows) = begin.addingReportingOverflow(info.byteCount)
      if overflow || overflows || end > file.count {
        throw .dataBeyondEnd(
          path: file.path, tensor: info.name, end: overflow || overflows ? .max : end,
          byteCount: file.count)
      }
      places.append((info.name, begin..<end))
      contents.tensors.append(tensor(info, bytes: begin..<end))
    }
    places.sort {
      ($0.bytes.lowerBound, $0.bytes.upperBound) < ($1.bytes.lowerBound, $1.bytes.upperBound)
    }
    contents.metadata = metadata.listing
    contents.gguf = metadata
    var (end, before) = (headerEnd, "")
    for (name, bytes) in places {
      if bytes.lowerBound < end {
        throw .overlap(path: file.path, first: before, second: name, offset: bytes.lowerBound)
      }
      if bytes.lowerBound > aligned(end) {
        throw .hole(
          path: file.path, tensor: name, expected: aligned(end), found: bytes.lowerBound)
      }
      (end, before) = (bytes.upperBound, name)
    }
    // Some writers pad the last tensor too.
    if file.count != end, file.count != aligned(end) {
      throw .trailingBytes(path: file.path, end: end, byteCount: file.count)
    }
  }

  private func tensor(_ info: Info, bytes: Range<Int>) -> CheckpointTensor {
    switch info.type {
    case .plain(let type):
      CheckpointTensor(
        name: info.name, elementType: type, shape: info.shape, file: file.path,
        storage: .contiguous(bytes))
    case .blocks(let blocks):
      CheckpointTensor(
        name: info.name, elementType: .float32, shape: info.shape, file: file.path,
        storage: .decoded(BlockTensor(file, start: bytes.lowerBound, blocks: blocks)))
    }
  }

  /// The next multiple of the alignment; at most a mebibyte beyond a place in the file, so it cannot overflow.
  private func aligned(_ offset: Int) -> Int { (offset + alignment - 1) / alignment * alignment }
}
