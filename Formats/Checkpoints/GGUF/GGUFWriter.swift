import MartletBytes

/// A value of a pair that is written.
package enum GGUFValue: Equatable, Sendable {
  case uint32(Int)
  case int32(Int)
  case float32(Float)
  case bool(Bool)
  case string(String)
  case strings([String])
  case integers([Int])
}

/// A tensor that is going to be written.
package struct GGUFDeclaration: Equatable, Sendable {
  /// The types that are written.
  package enum StoredType: String, CaseIterable, Sendable {
    case float32 = "F32"
    case float16 = "F16"
    case q8 = "Q8_0"
    case q4 = "Q4_0"

    /// Elements that are stored together.
    package var blockElements: Int { type.blockElements }

    var type: GGUFTensorType {
      switch self {
      case .float32: .plain(.float32)
      case .float16: .plain(.float16)
      case .q8: .blocks(.q80)
      case .q4: .blocks(.q40)
      }
    }

    /// Whole rows in this type.
    func bytes(of values: [Float]) -> [UInt8] {
      switch type {
      case .plain(let type): type.bytes(of: values)
      case .blocks(let blocks): BlockEncoding.bytes(values, as: blocks)
      }
    }
  }

  package let name: String
  package let type: StoredType
  /// Row-major, as everywhere in Martlet.
  package let shape: [Int]
  package let byteCount: Int

  /// Rows are whole blocks: another width is a trap.
  /// - Throws: `shapeOverflow`.
  package init(
    _ name: String, _ type: StoredType, _ shape: [Int]
  ) throws(CheckpointError) {
    precondition((shape.last ?? 1) % type.blockElements == 0, "rows are whole blocks")
    guard let byteCount = type.type.byteCount(shape: shape) else {
      throw .shapeOverflow(path: "", tensor: name, shape: shape)
    }
    self.name = name
    self.type = type
    self.shape = shape
    self.byteCount = byteCount
  }
}

/// Writes one GGUF file of version 3: pairs and tensors are declared first, then the tensors' data is appended in
/// the order of the declarations, in pieces of whole blocks.
///
/// The file appears on `commit`, or not at all. Mistakes in the calls are traps.
package final class GGUFWriter {
  package let path: String
  private let file: AtomicFile
  private let tensors: [GGUFDeclaration]
  private var progress: WritingProgress
  /// Bytes of tensor data so far.
  package var byteCount: Int { progress.byteCount }

  /// - Throws: `file`.
  package init(
    replacing path: String, pairs: [(key: String, value: GGUFValue)], tensors: [GGUFDeclaration]
  ) throws(CheckpointError) {
    self.path = path
    self.tensors = tensors
    progress = WritingProgress(tensors.map(\.byteCount))
    precondition(
      Set(tensors.map(\.name)).count == tensors.count && Set(pairs.map(\.key)).count == pairs.count,
      "names and keys stand once")
    let header = Self.header(pairs, tensors)
    file = try rethrown { () throws(BytesError) in
      let file = try AtomicFile(replacing: path)
      try file.append(header)
      try file.pad(to: GGUFHeader.defaultAlignment)
      return file
    }
  }

  private static func header(
    _ pairs: [(key: String, value: GGUFValue)], _ tensors: [GGUFDeclaration]
  ) -> [UInt8] {
    var writer = ByteWriter()
    writer.append(GGUFHeader.magic)
    writer.uint32(3)
    writer.size(tensors.count)
    writer.size(pairs.count)
    for (key, value) in pairs {
      writer.string(key)
      writer.value(value)
    }
    var offset = 0
    for tensor in tensors {
      writer.string(tensor.name)
      writer.uint32(UInt32(tensor.shape.count))
      for extent in tensor.shape.reversed() { writer.size(extent) }
      writer.uint32(tensor.type.type.number)
      writer.size(offset)
      offset += aligned(tensor.byteCount)
    }
    return writer.bytes
  }

  private static func aligned(_ count: Int) -> Int {
    let alignment = GGUFHeader.defaultAlignment
    return (count + alignment - 1) / alignment * alignment
  }

  /// Appends numbers to the next tensor, brought to its type: whole blocks.
  package func append(_ values: [Float]) throws(CheckpointError) {
    if values.isEmpty { return }
    try append(bytes: tensors[progress.next].type.bytes(of: values))
  }

  /// Appends stored bytes to the next tensor.
  package func append(bytes: [UInt8]) throws(CheckpointError) {
    if bytes.isEmpty { return }
    progress.require(bytes.count)
    try rethrown { () throws(BytesError) in try file.append(bytes) }
    progress.append(bytes.count)
    if progress.isBetweenTensors {
      try rethrown { () throws(BytesError) in try file.pad(to: GGUFHeader.defaultAlignment) }
    }
  }

  /// Makes the file appear.
  ///
  /// - Throws: `file`; nothing appears then.
  package func commit() throws(CheckpointError) {
    progress.requireEnd()
    try rethrown { () throws(BytesError) in try file.commit() }
  }
}

extension ByteWriter {
  fileprivate mutating func string(_ text: String) {
    size(text.utf8.count)
    self.text(text)
  }

  private mutating func type(_ type: GGUFMetadata.ValueType) { uint32(type.rawValue) }

  fileprivate mutating func value(_ value: GGUFValue) {
    switch value {
    case .uint32(let number):
      type(.uint32)
      uint32(UInt32(number))
    case .int32(let number):
      type(.int32)
      uint32(UInt32(bitPattern: Int32(number)))
    case .float32(let number):
      type(.float32)
      uint32(number.bitPattern)
    case .bool(let bool):
      type(.bool)
      append([bool ? 1 : 0])
    case .string(let text):
      type(.string)
      string(text)
    case .strings(let texts):
      type(.array)
      type(.string)
      size(texts.count)
      for text in texts { string(text) }
    case .integers(let numbers):
      type(.array)
      type(.int32)
      size(numbers.count)
      for number in numbers { uint32(UInt32(bitPattern: Int32(number))) }
    }
  }
}
