import MartletBytes

/// Reads what `torch.save` wrote: the ZIP container of torch 1.6 and later, or the one before it.
///
/// In: a mapped file. Out: its tensors as views of the file. Refused: compressed members, pickles that name
/// anything but tensors and dictionaries, big-endian files, compiled models (TorchScript), storages of another
/// size than stated, views that leave their storage.
struct TorchFile {
  private(set) var contents = CheckpointContents()
  private let file: MappedFile
  /// Pickles of checkpoints have some hundred kilobytes; this one is copied value by value.
  private static let pickleLimit = 64 << 20

  init(of file: MappedFile) throws(CheckpointError) {
    self.file = file
    if Self.isLegacy(file) { try readLegacy() } else { try readArchive() }
  }

  private var name: String { Directory.name(of: file.path) }

  // MARK: The ZIP container

  private mutating func readArchive() throws(CheckpointError) {
    let archive = try ZipDirectory(of: file)
    let suffix = "/data.pkl"
    let pickles = archive.names.filter { $0.hasSuffix(suffix) }
    guard pickles.count == 1, let pickle = archive.members[pickles[0]] else {
      throw .unsupportedFormat(
        path: file.path,
        found: pickles.isEmpty
          ? "a ZIP archive without torch's data.pkl" : "\(pickles.count) torch archives in one")
    }
    let top = String(pickles[0].dropLast(suffix.count))
    if archive.members[top + "/constants.pkl"] != nil {
      throw .unsupportedFormat(path: file.path, found: "a compiled torch model (TorchScript)")
    }
    try archive.requireStored()
    if let order = archive.members[top + "/byteorder"] {
      let isLittle = file.withBytes { bytes in
        bytes.extracting(order).holds(Array("little".utf8))
      }
      if !isLittle {
        throw .zip(
          path: file.path, member: top + "/byteorder", offset: order.lowerBound,
          expected: "little", found: "another byte order")
      }
    }
    if pickle.count > Self.pickleLimit {
      throw .zip(
        path: file.path, member: pickles[0], offset: pickle.lowerBound,
        expected: "at most \(Self.pickleLimit) bytes", found: "\(pickle.count)")
    }
    contents = try file.withBytes { (bytes: RawSpan) throws(CheckpointError) in
      var machine = PickleMachine(
        bytes.extracting(pickle), path: file.path, base: pickle.lowerBound,
        fileBytes: file.count)
      let state = try TorchState(try machine.run(), of: machine, file: name)
      if machine.position != pickle.upperBound {
        throw machine.error("the pickle's end at byte \(pickle.upperBound)", "more bytes")
      }
      var ranges: [Range<Int>?] = []
      for storage in machine.storages {
        ranges.append(archive.members[top + "/data/" + storage.key])
      }
      return try views(state, machine.storages, ranges)
    }
  }

  // MARK: The container before torch 1.6

  /// `torch.serialization.MAGIC_NUMBER`, little-endian, as the first pickle holds it.
  private static let magic: [UInt8] = [
    0x6C, 0xFC, 0x9C, 0x46, 0xF9, 0x20, 0x6A, 0xA8, 0x50, 0x19,
  ]
  /// PROTO 2, LONG1 of 10 bytes.
  static let legacyStart: [UInt8] = [0x80, 0x02, 0x8A, 0x0A] + magic

  private static func isLegacy(_ file: MappedFile) -> Bool {
    file.withBytes { bytes in
      bytes.byteCount > legacyStart.count
        && bytes.extracting(0..<legacyStart.count).holds(legacyStart)
    }
  }

  /// Five pickles: magic, protocol, machine, the object, the storages' keys; then each storage's count and data.
  private mutating func readLegacy() throws(CheckpointError) {
    contents = try file.withBytes { (bytes: RawSpan) throws(CheckpointError) in
      var machine = PickleMachine(
        bytes.extracting(first: Self.pickleLimit), path: file.path, base: 0,
        fileBytes: file.count)
      _ = try machine.run()
      guard case .integer(1001) = try machine.run() else {
        throw machine.error("protocol 1001", "another")
      }
      guard case .dictionary(let system) = try machine.run() else {
        throw machine.error("a description of the machine", "something else")
      }
      for (key, value) in machine.dictionaries[system] {
        if case .string("little_endian") = key, case .bool(false) = value {
          throw machine.error("a little-endian file", "a big-endian one")
        }
      }
      let state = try TorchState(try machine.run(), of: machine, file: name)
      guard case .list(let list) = try machine.run() else {
        throw machine.error("a list of storages", "something else")
      }
      var keys: [String] = []
      for value in machine.lists[list] {
        guard case .string(let key) = value else {
          throw machine.error("the name of a storage", value.kind)
        }
        keys.append(key)
      }
      let ranges = try legacyRanges(keys, machine.storages, from: machine.position)
      return try views(state, machine.storages, ranges)
    }
  }

  /// Where the data of each storage lies: one behind the other, each after its number of elements.
  private func legacyRanges(
    _ keys: [String], _ storages: [TorchStorage], from start: Int
  ) throws(CheckpointError) -> [Range<Int>?] {
    var index: [String: Int] = [:]
    for (position, storage) in storages.enumerated() { index[storage.key] = position }
    var ranges = [Range<Int>?](repeating: nil, count: storages.count)
    var offset = start
    for key in keys {
      guard let position = index[key], ranges[position] == nil else {
        throw .torchStorage(
          path: file.path, storage: key, expected: "a storage of the pickle, once",
          found: "its name in the list", offset: offset)
      }
      let count = try rethrown { () throws(BytesError) in
        try file.bytes(in: offset..<max(offset, min(file.count, offset + 8))) {
          (bytes: RawSpan) throws(BytesError) in
          var reader = ByteReader(bytes, source: file.path, base: offset)
          return try reader.size()
        }
      }
      offset += 8
      let storage = storages[position]
      if count != storage.count {
        throw .torchStorage(
          path: file.path, storage: key, expected: "\(storage.count) elements", found: "\(count)",
          offset: offset - 8)
      }
      let size = storage.elementType?.byteCount ?? 1
      let (bytes, overflow) = count.multipliedReportingOverflow(by: size)
      if overflow || bytes > file.count - offset {
        throw .torchStorage(
          path: file.path, storage: key, expected: "\(overflow ? .max : bytes) bytes",
          found: "\(file.count - offset)", offset: offset)
      }
      ranges[position] = offset..<offset + bytes
      offset += bytes
    }
    if offset != file.count {
      throw .trailingBytes(path: file.path, end: offset, byteCount: file.count)
    }
    return ranges
  }

  // MARK: Tensors

  /// Compares every tensor with its storage and every storage with its bytes.
  private func views(
    _ state: TorchState, _ storages: [TorchStorage], _ ranges: [Range<Int>?]
  ) throws(CheckpointError) -> CheckpointContents {
    var contents = CheckpointContents(remarks: state.remarks)
    for (name, tensor) in state.tensors {
      let storage = storages[tensor.storage]
      guard let range = ranges[tensor.storage] else {
        throw .torchStorage(
          path: file.path, storage: storage.key, expected: "its bytes, for tensor '\(name)'",
          found: "none", offset: 0)
      }
      let (stored, overflow) = storage.count.multipliedReportingOverflow(
        by: storage.elementType?.byteCount ?? 1)
      if overflow || stored != range.count {
        throw .torchStorage(
          path: file.path, storage: storage.key,
          expected: "\(overflow ? .max : stored) bytes, as tensor '\(name)' says",
          found: "\(range.count)", offset: range.lowerBound)
      }
      // An expanded tensor repeats its elements: more of them than the storage has would make a small file huge.
      let size = tensor.elementType.byteCount
      let available = range.count / size
      let needed = tensor.layout.reach == 0 ? 0 : max(tensor.layout.reach, tensor.elementCount)
      let end = tensor.offset.addingReportingOverflow(needed)
      if end.overflow || end.partialValue > available {
        throw .torchView(
          path: file.path, tensor: name, storage: storage.key, shape: tensor.layout.shape,
          strides: tensor.layout.strides, end: end.overflow ? .max : end.partialValue,
          available: available)
      }
      contents.tensors.append(
        .view(
          name: name, elementType: tensor.elementType, layout: tensor.layout, file: file.path,
          start: range.lowerBound + tensor.offset * size))
    }
    return contents
  }
}

extension TorchTensor {
  /// Elements of the shape, which was checked not to overflow.
  fileprivate var elementCount: Int { layout.shape.reduce(1, *) }
}

extension RawSpan {
  /// Whether these are exactly the bytes.
  func holds(_ expected: [UInt8]) -> Bool {
    if byteCount != expected.count { return false }
    for index in expected.indices {
      // SAFETY: the load checks the offset; every bit pattern is a byte.
      if unsafe unsafeLoad(fromByteOffset: index, as: UInt8.self) != expected[index] {
        return false
      }
    }
    return true
  }
}
