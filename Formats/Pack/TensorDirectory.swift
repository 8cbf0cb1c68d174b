import MartletBytes
import MartletModel

/// `TENS`: names, shapes, encodings and places of the tensors (pack-format.md, section 3.8).
struct TensorDirectory: Equatable {
  static let frameSizes = 64...(1 << 24)
  /// No component unpacks to more than this many times its stored size, so a small file cannot ask for much memory.
  static let largestExpansion: UInt64 = 16

  /// Unpacked size of every frame but the last of a component.
  var frameBytes: Int
  var tensors: [StoredTensor]

  init(frameBytes: Int, tensors: [StoredTensor]) {
    self.frameBytes = frameBytes
    self.tensors = tensors
  }

  // MARK: Writing

  func encoded() throws(PackError) -> [UInt8] {
    var writer = ByteWriter()
    try writer.u32(frameBytes, "frame size")
    try writer.u32(tensors.count, "tensor count")
    for tensor in tensors {
      try writer.string(tensor.name)
      try NetworkRecord.encode(shape: tensor.shape, into: &writer)
      writer.uint8(tensor.encoding.code)
      try writer.u8(tensor.components.count, "component count")
      for component in tensor.components {
        writer.uint8(component.component.rawValue)
        writer.uint8(component.storage.rawValue)
        writer.uint64(component.offset)
        writer.uint64(component.byteCount)
        for frame in component.frames {
          writer.uint32(frame.storedBytes)
          writer.uint64(frame.checksum)
        }
      }
    }
    return writer.bytes
  }

  // MARK: Reading

  /// Reads the directory and checks it against the parameters it must describe and the bytes of `DATA`.
  /// - Parameter data: the offsets of `DATA`.
  init(
    _ reader: inout RecordReader, parameters: [Parameter], data: Range<UInt64>
  ) throws(PackError) {
    let start = reader.offset
    frameBytes = try reader.u32("frame size", in: Self.frameSizes)
    if frameBytes % Int(PackHeader.alignment) != 0 {
      throw reader.field("frame size", "\(frameBytes)", at: start)
    }
    let count = try reader.count(elementBytes: 10)
    if count != parameters.count {
      throw .tensorCount(expected: parameters.count, found: count)
    }
    tensors = []
    tensors.reserveCapacity(count)
    var cursor = data.lowerBound
    for parameter in parameters {
      tensors.append(
        try Self.tensor(
          &reader, parameter: parameter, frameBytes: frameBytes, end: data.upperBound,
          cursor: &cursor))
    }
    try reader.finish()
    if cursor != data.upperBound {
      throw .place(
        part: .record(type: RecordType.data.name), expected: cursor, found: data.upperBound)
    }
  }

  private static func tensor(
    _ reader: inout RecordReader, parameter: Parameter, frameBytes: Int, end: UInt64,
    cursor: inout UInt64
  ) throws(PackError) -> StoredTensor {
    let start = reader.offset
    let name = try reader.string()
    let shape = try NetworkRecord.shape(&reader)
    if name != parameter.name || shape != parameter.shape {
      throw .tensorMismatch(
        expected: "\(parameter.name) \(text(parameter.shape))", found: "\(name) \(text(shape))",
        offset: start)
    }
    let codeOffset = reader.offset
    let code = try reader.u8()
    guard let encoding = WeightEncoding(code: code) else {
      throw reader.field("encoding of '\(name)'", "\(code)", at: codeOffset)
    }
    guard let expected = encoding.components(shape: shape) else {
      throw .model(
        .parameterUnavailable(name: name, reason: "its encoding does not fit its shape"))
    }
    let countOffset = reader.offset
    let count = Int(try reader.u8())
    if count != expected.count {
      throw reader.field("component count of '\(name)'", "\(count)", at: countOffset)
    }
    var components: [StoredComponent] = []
    for (component, byteCount) in expected {
      let stored = try self.component(
        &reader, tensor: name, component, byteCount: byteCount, frameBytes: frameBytes)
      try place(stored, tensor: name, end: end, cursor: &cursor)
      components.append(stored)
    }
    return StoredTensor(name: name, shape: shape, encoding: encoding, components: components)
  }

  private static func component(
    _ reader: inout RecordReader, tensor: String, _ expected: WeightComponent, byteCount: Int,
    frameBytes: Int
  ) throws(PackError) -> StoredComponent {
    let start = reader.offset
    let kind = try reader.u8()
    if kind != expected.rawValue {
      throw reader.field("component of '\(tensor)'", "\(kind)", at: start)
    }
    let code = try reader.u8()
    guard let storage = Storage(rawValue: code),
      storage == .raw || byteCount % Int(storage.rawValue) == 0
    else { throw reader.field("storage of '\(tensor)'", "\(code)", at: start + 1) }
    let offset = try reader.integer(UInt64.self)
    let found = try reader.integer(UInt64.self)
    if found != UInt64(byteCount) {
      throw .componentSize(
        tensor: tensor, component: expected, expected: UInt64(byteCount), found: found)
    }
    let frameCount = (byteCount - 1) / frameBytes + 1
    try reader.require(frameCount, 12)
    var frames: [StoredFrame] = []
    frames.reserveCapacity(frameCount)
    for index in 0..<frameCount {
      let start = reader.offset
      let storedBytes = try reader.integer(UInt32.self)
      let unpacked = min(frameBytes, byteCount - index * frameBytes)
      // What zstd needs at most for bytes that do not compress.
      let fits =
        storage == .raw ? storedBytes == unpacked : storedBytes <= unpacked + unpacked / 256 + 64
      if !fits || storedBytes == 0 {
        throw reader.field("stored size of a frame of '\(tensor)'", "\(storedBytes)", at: start)
      }
      frames.append(
        StoredFrame(storedBytes: storedBytes, checksum: try reader.integer(UInt64.self)))
    }
    let stored = StoredComponent(
      component: expected, storage: storage, offset: offset, byteCount: UInt64(byteCount),
      frames: frames)
    if stored.byteCount / largestExpansion > stored.storedBytes {
      throw .expansion(
        tensor: tensor, component: expected, stored: stored.storedBytes,
        unpacked: stored.byteCount)
    }
    return stored
  }

  /// Checks that a component lies where the order puts it, and moves the cursor behind it.
  private static func place(
    _ stored: StoredComponent, tensor: String, end: UInt64, cursor: inout UInt64
  ) throws(PackError) {
    let part = PackPart.tensor(name: tensor, component: stored.component)
    guard let expected = stored.storage == .raw ? alignedUp(cursor) : cursor,
      expected <= end, stored.storedBytes <= end - expected
    else {
      throw .beyondEnd(part: part, offset: stored.offset, size: stored.storedBytes, end: end)
    }
    if stored.offset != expected {
      throw .place(part: part, expected: expected, found: stored.offset)
    }
    cursor = expected + stored.storedBytes
  }

  private static func text(_ shape: [Int]) -> String {
    var text = "["
    for (index, extent) in shape.enumerated() { text += index == 0 ? "\(extent)" : ", \(extent)" }
    return text + "]"
  }
}
