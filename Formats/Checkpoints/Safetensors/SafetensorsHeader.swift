import MartletBytes

/// The header of a safetensors file: a u64 length, then JSON that says where each tensor lies.
///
/// The rules are those of the reference implementation (safetensors 0.4 to 0.6, `validate` in
/// `tensor.rs`): tensors cover the data from its first to its last byte, without overlaps or holes.
struct SafetensorsHeader {
  private(set) var contents = CheckpointContents()

  /// What the reference implementation allows.
  static let byteLimit = 100_000_000

  private let path: String
  private let byteCount: Int
  /// Where the data begins, counted in the file.
  private let dataStart: Int

  /// Reads and checks the header; touches no tensor's bytes.
  init(of file: MappedFile) throws(CheckpointError) {
    path = file.path
    byteCount = file.count
    let headerSize = try Self.headerSize(of: file)
    dataStart = 8 + headerSize
    let range = 8..<8 + headerSize
    let header = try rethrown { () throws(BytesError) in
      try file.bytes(in: range) { (bytes: RawSpan) throws(BytesError) in
        try JSONValue(parsing: bytes, source: file.path, base: 8)
      }
    }
    guard let header = header.object else {
      throw fieldError("", "header", expected: "object", found: header.kind)
    }
    for (name, value) in header.members {
      if name == "__metadata__" {
        contents.metadata = try metadata(value)
      } else {
        contents.tensors.append(try tensor(name, value))
      }
    }
    try checkCoverage()
  }

  private static func headerSize(of file: MappedFile) throws(CheckpointError) -> Int {
    let size = try rethrown { () throws(BytesError) -> UInt64 in
      try file.withBytes { (bytes: RawSpan) throws(BytesError) -> UInt64 in
        var reader = ByteReader(bytes, source: file.path)
        return try reader.uint64()
      }
    }
    let limit = min(byteLimit, file.count - 8)
    guard size <= UInt64(limit) else {
      throw .headerSize(path: file.path, found: size, limit: limit)
    }
    return Int(size)
  }

  private func fieldError(
    _ tensor: String, _ field: String, expected: String, found: String
  ) -> CheckpointError {
    .headerField(path: path, tensor: tensor, field: field, expected: expected, found: found)
  }

  private func metadata(
    _ value: JSONValue
  ) throws(CheckpointError) -> [(key: String, value: String)] {
    guard let object = value.object else {
      throw fieldError("", "__metadata__", expected: "object", found: value.kind)
    }
    var metadata: [(key: String, value: String)] = []
    for (key, value) in object.members {
      guard let text = value.string else {
        throw fieldError("", "__metadata__." + key, expected: "string", found: value.kind)
      }
      metadata.append((key, text))
    }
    return metadata
  }

  private func tensor(
    _ name: String, _ value: JSONValue
  ) throws(CheckpointError) -> CheckpointTensor {
    guard let entry = value.object else {
      throw fieldError(name, "", expected: "object", found: value.kind)
    }
    for (key, _) in entry.members where !["dtype", "shape", "data_offsets"].contains(key) {
      throw .unknownField(path: path, tensor: name, field: key)
    }
    guard let type = entry["dtype"]?.string else {
      throw fieldError(
        name, "dtype", expected: "string", found: entry["dtype"]?.kind ?? "nothing")
    }
    guard let elementType = ElementType(rawValue: type) else {
      throw .unknownElementType(path: path, tensor: name, found: type)
    }
    let shape = try sizes(entry["shape"], tensor: name, field: "shape")
    let offsets = try sizes(entry["data_offsets"], tensor: name, field: "data_offsets")
    if offsets.count != 2 || offsets[0] > offsets[1] {
      throw fieldError(
        name, "data_offsets", expected: "begin and end",
        found: offsets.count == 2 ? "\(offsets[0]) and \(offsets[1])" : "\(offsets.count) numbers")
    }
    guard let expected = elementType.byteCount(shape: shape) else {
      throw .shapeOverflow(path: path, tensor: name, shape: shape)
    }
    let (end, overflow) = dataStart.addingReportingOverflow(offsets[1])
    if overflow || end > byteCount {
      throw .dataBeyondEnd(
        path: path, tensor: name, end: overflow ? .max : end, byteCount: byteCount)
    }
    let range = dataStart + offsets[0]..<end
    if expected != range.count {
      throw .tensorSize(
        path: path, tensor: name, elementType: elementType, shape: shape, expected: expected,
        found: range.count, offset: range.lowerBound)
    }
    return CheckpointTensor(
      name: name, elementType: elementType, shape: shape, file: path, storage: .contiguous(range))
  }

  /// An array of integers that are not negative.
  private func sizes(
    _ value: JSONValue?, tensor: String, field: String
  ) throws(CheckpointError) -> [Int] {
    guard let elements = value?.array else {
      throw fieldError(tensor, field, expected: "array", found: value?.kind ?? "nothing")
    }
    var sizes: [Int] = []
    for element in elements {
      guard let size = element.int, size >= 0 else {
        var found = element.kind
        if case .number(let number) = element { found = number.text }
        throw fieldError(tensor, field, expected: "sizes", found: found)
      }
      sizes.append(size)
    }
    return sizes
  }

  /// Every byte behind the header belongs to exactly one tensor.
  private func checkCoverage() throws(CheckpointError) {
    // By position; empty tensors before the ones that begin where they lie.
    let ranges = contents.tensors.compactMap { tensor in
      tensor.storage.byteRange.map { (tensor: tensor, range: $0) }
    }.sorted {
      ($0.range.lowerBound, $0.range.upperBound) < ($1.range.lowerBound, $1.range.upperBound)
    }
    var end = dataStart
    var before = ""
    for (tensor, range) in ranges {
      let start = range.lowerBound
      if start < end {
        throw .overlap(path: path, first: before, second: tensor.name, offset: start)
      }
      if start > end {
        throw .hole(path: path, tensor: tensor.name, expected: end, found: start)
      }
      end = range.upperBound
      before = tensor.name
    }
    if end != byteCount { throw .trailingBytes(path: path, end: end, byteCount: byteCount) }
  }
}
