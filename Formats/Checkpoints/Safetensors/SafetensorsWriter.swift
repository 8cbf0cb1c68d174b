import MartletBytes

/// A tensor that is going to be written.
package struct TensorDeclaration: Equatable, Sendable {
  package let name: String
  package let elementType: ElementType
  /// Row-major; `[]` is a scalar.
  package let shape: [Int]
  package let byteCount: Int

  /// - Throws: `shapeOverflow`.
  package init(
    _ name: String, _ elementType: ElementType, _ shape: [Int]
  ) throws(CheckpointError) {
    guard let byteCount = elementType.byteCount(shape: shape) else {
      throw .shapeOverflow(path: "", tensor: name, shape: shape)
    }
    self.name = name
    self.elementType = elementType
    self.shape = shape
    self.byteCount = byteCount
  }
}

/// Writes one safetensors file: the tensors are declared first, then their data is appended in the order of
/// the declarations, in pieces of any size.
///
/// The file appears on `commit`, or not at all. Mistakes in the calls (a name declared twice, too much or
/// too little data, another type than declared) are traps: only Martlet itself can make them.
package final class SafetensorsWriter {
  package let path: String
  private let file: AtomicFile
  private let tensors: [TensorDeclaration]
  private var progress: WritingProgress
  /// Bytes of tensor data so far.
  package var byteCount: Int { progress.byteCount }

  /// - Throws: `file`.
  package init(
    replacing path: String, tensors: [TensorDeclaration],
    metadata: [(key: String, value: String)] = [("format", "pt")]
  ) throws(CheckpointError) {
    self.path = path
    self.tensors = tensors
    progress = WritingProgress(tensors.map(\.byteCount))
    let header = Self.header(tensors, metadata)
    file = try rethrown { () throws(BytesError) in
      let file = try AtomicFile(replacing: path)
      try file.append(header)
      return file
    }
  }

  /// The length and the JSON, padded with spaces to a multiple of 8 as the reference implementation does.
  private static func header(
    _ tensors: [TensorDeclaration], _ metadata: [(key: String, value: String)]
  ) -> [UInt8] {
    var header = JSONObject()
    if !metadata.isEmpty {
      var object = JSONObject()
      for (key, value) in metadata {
        precondition(object.append(key, .string(value)), "metadata names a key twice")
      }
      _ = header.append("__metadata__", .object(object))
    }
    var offset = 0
    for tensor in tensors {
      let entry: JSONValue = [
        "dtype": .string(tensor.elementType.rawValue),
        "shape": .array(tensor.shape.map { JSONValue($0) }),
        "data_offsets": .array([JSONValue(offset), JSONValue(offset + tensor.byteCount)]),
      ]
      precondition(header.append(tensor.name, entry), "a tensor is declared twice")
      offset += tensor.byteCount
    }
    var json = JSONValue.object(header).utf8()
    while json.count % 8 != 0 { json.append(UInt8(ascii: " ")) }
    var writer = ByteWriter()
    writer.size(json.count)
    writer.append(json)
    return writer.bytes
  }

  /// Appends floats to the next tensor, converted to its type (F32, F16 or BF16).
  package func append(_ values: [Float]) throws(CheckpointError) {
    if values.isEmpty { return }
    try append(bytes: tensors[progress.next].elementType.bytes(of: values))
  }

  /// Appends integers to the next tensor, which is of an integer type that holds them.
  package func append(_ values: [Int]) throws(CheckpointError) {
    if values.isEmpty { return }
    let type = tensors[progress.next].elementType
    precondition(!type.isFloat, "integers are appended to a tensor of floats")
    var bytes: [UInt8] = []
    bytes.reserveCapacity(values.count * type.byteCount)
    for value in values {
      precondition(type.holds(value), "an integer does not fit its type")
      for index in 0..<type.byteCount {
        bytes.append(UInt8(truncatingIfNeeded: value >> (8 * index)))
      }
    }
    try append(bytes: bytes)
  }

  /// Appends stored bytes to the next tensor.
  package func append(bytes: [UInt8]) throws(CheckpointError) {
    if bytes.isEmpty { return }
    progress.require(bytes.count)
    try rethrown { () throws(BytesError) in try file.append(bytes) }
    progress.append(bytes.count)
  }

  /// Makes the file appear.
  ///
  /// - Throws: `file`; nothing appears then.
  package func commit() throws(CheckpointError) {
    progress.requireEnd()
    try rethrown { () throws(BytesError) in try file.commit() }
  }
}

extension ElementType {
  /// Whether an integer type holds a value; U64 up to the largest `Int`.
  fileprivate func holds(_ value: Int) -> Bool {
    switch self {
    case .int64: true
    case .int32: Int32(exactly: value) != nil
    case .int16: Int16(exactly: value) != nil
    case .int8: Int8(exactly: value) != nil
    case .uint64: value >= 0
    case .uint32: UInt32(exactly: value) != nil
    case .uint16: UInt16(exactly: value) != nil
    case .uint8: UInt8(exactly: value) != nil
    case .bool: value == 0 || value == 1
    case .float64, .float32, .float16, .bfloat16: false
    }
  }
}
