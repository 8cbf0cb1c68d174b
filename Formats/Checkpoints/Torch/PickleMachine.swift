import MartletBytes

/// Runs the opcodes of a pickle as a description of data (Python's `pickletools`, protocols 2 to 5).
///
/// Nothing is called: the only names are those of `TorchGlobal`, and each stands for one way to describe data.
/// Opcodes that checkpoints do not use are refused. A value costs as little as one byte of the pickle and up to 48 of
/// memory, so the size of the file limits how many there are; open marks and extents are limited too.
struct PickleMachine: ~Escapable {
  /// A tensor has some 40 values, and on average far more than 40 times this many bytes of file.
  private static let fileBytesPerValue = 32
  /// What small files may have besides.
  private static let freeValues = 1 << 14
  /// A checkpoint of 2000 tensors has 80 thousand values; one with an optimizer three times as many.
  private static let largestValueLimit = 1 << 19
  /// As in torch.
  static let extentLimit = 64
  /// Containers that are being filled at once.
  private static let markLimit = 1000

  private var reader: ByteReader
  private let path: String
  private var stack: [PickleValue] = []
  private var marks: [Int] = []
  /// Values by the number they are remembered by, and how many there are.
  private var memo: [PickleValue?] = []
  private var memoCount = 0
  private let valueLimit: Int
  private var valueCount = 0
  /// Where the opcode at hand stands in the file.
  private var offset = 0

  private(set) var tuples: [[PickleValue]] = []
  private(set) var lists: [[PickleValue]] = []
  private(set) var dictionaries: [[(key: PickleValue, value: PickleValue)]] = []
  private(set) var storages: [TorchStorage] = []
  private(set) var tensors: [TorchTensor] = []
  /// Keys of storages that were met, to their index.
  private var storageIndex: [String: Int] = [:]

  /// - Parameter fileBytes: the size of the whole file, weights included.
  @_lifetime(copy bytes)
  init(_ bytes: RawSpan, path: String, base: Int, fileBytes: Int) {
    reader = ByteReader(bytes, source: path, base: base)
    self.path = path
    valueLimit = min(
      Self.largestValueLimit, Self.freeValues + fileBytes / Self.fileBytesPerValue)
  }

  /// Where the next pickle begins.
  var position: Int { reader.offset }

  /// Runs until STOP and gives what lies on the stack then. Storages and memory of an earlier pickle of the same
  /// bytes stay; its memo does not.
  mutating func run() throws(CheckpointError) -> PickleValue {
    stack = []
    marks = []
    memo = []
    memoCount = 0
    offset = reader.offset
    while true {
      offset = reader.offset
      let opcode = try read { (reader) throws(BytesError) in try reader.uint8() }
      if opcode == 0x2E {
        let value = try pop()
        if !stack.isEmpty || !marks.isEmpty {
          throw error("one value at the end", "\(stack.count + 1)")
        }
        return value
      }
      try step(opcode)
    }
  }

  // MARK: Errors and reading

  func error(_ expected: String, _ found: String) -> CheckpointError {
    .pickle(path: path, offset: offset, expected: expected, found: found)
  }

  private mutating func read<R>(
    _ body: (inout ByteReader) throws(BytesError) -> R
  ) throws(CheckpointError) -> R {
    do throws(BytesError) {
      return try body(&reader)
    } catch { throw .file(error) }
  }

  private mutating func uint8() throws(CheckpointError) -> Int {
    Int(try read { (reader) throws(BytesError) in try reader.uint8() })
  }

  private mutating func uint32() throws(CheckpointError) -> Int {
    Int(try read { (reader) throws(BytesError) in try reader.uint32() })
  }

  private mutating func size() throws(CheckpointError) -> Int {
    try read { (reader) throws(BytesError) in try reader.size() }
  }

  private mutating func text(_ count: Int) throws(CheckpointError) -> String {
    try read { (reader) throws(BytesError) in try reader.text(count) }
  }

  /// The bytes up to a line feed, as protocol 2 writes names.
  private mutating func line() throws(CheckpointError) -> String {
    var bytes: [UInt8] = []
    while true {
      let byte = UInt8(try uint8())
      if byte == 0x0A { break }
      bytes.append(byte)
      if bytes.count > 256 { throw error("a name", "more than 256 bytes") }
    }
    guard let text = String(validating: bytes, as: UTF8.self) else {
      throw error("a name", "bytes that are not text")
    }
    return text
  }

  // MARK: Stack

  private mutating func countValue() throws(CheckpointError) {
    valueCount += 1
    if valueCount > valueLimit {
      throw error("at most \(valueLimit) values in a file of this size", "more")
    }
  }

  private mutating func push(_ value: PickleValue) throws(CheckpointError) {
    try countValue()
    stack.append(value)
  }

  private mutating func pop() throws(CheckpointError) -> PickleValue {
    guard stack.count > (marks.last ?? 0), let value = stack.popLast() else {
      throw error("a value on the stack", "none")
    }
    return value
  }

  private mutating func popToMark() throws(CheckpointError) -> [PickleValue] {
    guard let mark = marks.popLast() else { throw error("a mark on the stack", "none") }
    let values = Array(stack[mark...])
    stack.removeLast(stack.count - mark)
    return values
  }

  private func top() throws(CheckpointError) -> PickleValue {
    guard stack.count > (marks.last ?? 0), let value = stack.last else {
      throw error("a value on the stack", "none")
    }
    return value
  }

  private mutating func pushTuple(_ values: [PickleValue]) throws(CheckpointError) {
    tuples.append(values)
    try push(.tuple(tuples.count - 1))
  }

  private mutating func pushTuple(last count: Int) throws(CheckpointError) {
    var values: [PickleValue] = []
    for _ in 0..<count { values.append(try pop()) }
    try pushTuple(values.reversed())
  }

  private mutating func pushDictionary() throws(CheckpointError) {
    dictionaries.append([])
    try push(.dictionary(dictionaries.count - 1))
  }

  /// Picklers count the values that they remember, from 0 or 1; some leave those out that are never asked for.
  private mutating func remember(_ index: Int) throws(CheckpointError) {
    try countValue()
    let value = try top()
    if index > valueCount {
      throw error("a number up to \(valueCount) to remember a value by", "\(index)")
    }
    while memo.count <= index { memo.append(nil) }
    if memo[index] == nil { memoCount += 1 }
    memo[index] = value
  }

  private mutating func recall(_ index: Int) throws(CheckpointError) {
    guard index < memo.count, let value = memo[index] else {
      throw error("a value remembered as \(index)", "none")
    }
    try push(value)
  }

  // MARK: Opcodes

  private mutating func step(_ opcode: UInt8) throws(CheckpointError) {
    switch opcode {
    case 0x80:  // PROTO
      let version = try uint8()
      if !(2...5).contains(version) { throw error("protocol 2 to 5", "\(version)") }
    case 0x95: _ = try size()  // FRAME
    case 0x28:  // MARK
      if marks.count == Self.markLimit {
        throw error("nesting up to \(Self.markLimit)", "deeper")
      }
      marks.append(stack.count)
    case 0x30: _ = try pop()  // POP
    case 0x31: _ = try popToMark()  // POP_MARK
    case 0x32: try push(try top())  // DUP
    case 0x71: try remember(try uint8())  // BINPUT
    case 0x72: try remember(try uint32())  // LONG_BINPUT
    case 0x94: try remember(memoCount)  // MEMOIZE
    case 0x68: try recall(try uint8())  // BINGET
    case 0x6A: try recall(try uint32())  // LONG_BINGET
    case 0x63: try pushGlobal(try line() + " " + (try line()))  // GLOBAL
    case 0x93:  // STACK_GLOBAL
      guard case .string(let name) = try pop(), case .string(let module) = try pop() else {
        throw error("a module and a name", "other values")
      }
      try pushGlobal(module + " " + name)
    case 0x51: try pushStorage(try pop())  // BINPERSID
    case 0x52: try reduce()  // REDUCE
    case 0x62: try build()  // BUILD
    default:
      if try stepContainer(opcode) { return }
      if try stepScalar(opcode) { return }
      throw error("an opcode that checkpoints use", hexadecimal(opcode))
    }
  }

  private mutating func stepContainer(_ opcode: UInt8) throws(CheckpointError) -> Bool {
    switch opcode {
    case 0x29: try pushTuple([])  // EMPTY_TUPLE
    case 0x85: try pushTuple(last: 1)  // TUPLE1
    case 0x86: try pushTuple(last: 2)  // TUPLE2
    case 0x87: try pushTuple(last: 3)  // TUPLE3
    case 0x74: try pushTuple(try popToMark())  // TUPLE
    case 0x5D:  // EMPTY_LIST
      lists.append([])
      try push(.list(lists.count - 1))
    case 0x61: try append([try pop()])  // APPEND
    case 0x65: try append(try popToMark())  // APPENDS
    case 0x7D: try pushDictionary()  // EMPTY_DICT
    case 0x73:  // SETITEM
      let value = try pop()
      try set([try pop(), value])
    case 0x75: try set(try popToMark())  // SETITEMS
    default: return false
    }
    return true
  }

  private mutating func append(_ values: [PickleValue]) throws(CheckpointError) {
    guard case .list(let index) = try top() else {
      throw error("a list to append to", try top().kind)
    }
    lists[index] += values
  }

  private mutating func set(_ values: [PickleValue]) throws(CheckpointError) {
    guard case .dictionary(let index) = try top() else {
      throw error("a dictionary to fill", try top().kind)
    }
    if values.count % 2 != 0 { throw error("keys with values", "an odd number") }
    for pair in stride(from: 0, to: values.count, by: 2) {
      dictionaries[index].append((values[pair], values[pair + 1]))
    }
  }

  private mutating func stepScalar(_ opcode: UInt8) throws(CheckpointError) -> Bool {
    switch opcode {
    case 0x4E: try push(.none)  // NONE
    case 0x88: try push(.bool(true))  // NEWTRUE
    case 0x89: try push(.bool(false))  // NEWFALSE
    case 0x4B: try push(.integer(try uint8()))  // BININT1
    case 0x4D:  // BININT2
      try push(.integer(Int(try read { (reader) throws(BytesError) in try reader.uint16() })))
    case 0x4A:  // BININT
      try push(.integer(Int(try read { (reader) throws(BytesError) in try reader.int32() })))
    case 0x8A: try pushLong(try uint8())  // LONG1
    case 0x8B: try pushLong(try uint32())  // LONG4
    case 0x47:  // BINFLOAT, the only big-endian number
      let bits = try read { (reader) throws(BytesError) in try reader.uint64() }
      try push(.double(Double(bitPattern: bits.byteSwapped)))
    case 0x8C: try push(.string(try text(try uint8())))  // SHORT_BINUNICODE
    case 0x58: try push(.string(try text(try uint32())))  // BINUNICODE
    case 0x8D: try push(.string(try text(try size())))  // BINUNICODE8
    case 0x55, 0x43: try pushBytes(try uint8())  // SHORT_BINSTRING, SHORT_BINBYTES
    case 0x54, 0x42: try pushBytes(try uint32())  // BINSTRING, BINBYTES
    case 0x8E: try pushBytes(try size())  // BINBYTES8
    default: return false
    }
    return true
  }

  private mutating func pushBytes(_ count: Int) throws(CheckpointError) {
    try read { (reader) throws(BytesError) in try reader.skip(count) }
    try push(.bytes)
  }

  /// A little-endian two's complement integer of any length.
  private mutating func pushLong(_ count: Int) throws(CheckpointError) {
    if count > 64 { throw error("an integer of at most 64 bytes", "\(count) bytes") }
    let bytes = try read { (reader) throws(BytesError) in try reader.array(count) }
    if count > 8 {
      try push(.long(bytes))
      return
    }
    var value: UInt64 = bytes.last.map { $0 >= 0x80 ? .max : 0 } ?? 0
    for byte in bytes.reversed() { value = value << 8 | UInt64(byte) }
    try push(.integer(Int(Int64(bitPattern: value))))
  }

  private func hexadecimal(_ byte: UInt8) -> String {
    "0x" + (byte < 16 ? "0" : "") + String(byte, radix: 16)
  }

  // MARK: Names

  private mutating func pushGlobal(_ name: String) throws(CheckpointError) {
    guard let global = TorchGlobal.byName[name] else {
      throw .pickleGlobal(path: path, offset: offset, name: name)
    }
    try push(.global(global))
  }

  /// `("storage", class, key, device, count)`; the legacy container adds a view, which is `None`.
  private mutating func pushStorage(_ id: PickleValue) throws(CheckpointError) {
    guard case .tuple(let index) = id, tuples[index].count >= 5, tuples[index].count <= 6,
      case .string("storage") = tuples[index][0], case .global(let type) = tuples[index][1],
      case .string(let key) = tuples[index][2], case .integer(let count) = tuples[index][4],
      count >= 0
    else { throw error("a storage's identity", id.kind) }
    if tuples[index].count == 6 {
      guard case .none = tuples[index][5] else {
        throw error("a whole storage", "a view of one")
      }
    }
    var storage = TorchStorage(key: key, elementType: nil, count: count)
    switch type {
    case .storage(let elementType): storage.elementType = elementType
    case .untypedStorage: break
    default: throw error("a storage's class", "'\(type.name)'")
    }
    if let known = storageIndex[key] {
      if storages[known] != storage {
        throw error("storage '\(key)' as it was stated before", "another type or size")
      }
      try push(.storage(known))
      return
    }
    storages.append(storage)
    storageIndex[key] = storages.count - 1
    try push(.storage(storages.count - 1))
  }

  private mutating func reduce() throws(CheckpointError) {
    guard case .tuple(let index) = try pop() else { throw error("arguments", "no tuple") }
    let arguments = tuples[index]
    guard case .global(let global) = try pop() else {
      throw error("a name from the list of those allowed", "another value")
    }
    switch global {
    case .orderedDictionary:
      if !arguments.isEmpty { throw error("an empty OrderedDict", "one made of values") }
      try pushDictionary()
    case .size:
      guard arguments.count == 1, case .tuple(let extents) = arguments[0] else {
        throw error("a torch.Size of a tuple", "\(arguments.count) arguments")
      }
      try push(.tuple(extents))
    case .rebuildParameter:
      guard let first = arguments.first, case .tensor(let tensor) = first else {
        throw error("a parameter of a tensor", arguments.first?.kind ?? "nothing")
      }
      try push(.tensor(tensor))
    case .rebuildTensor, .rebuildTensorOfType:
      tensors.append(try tensor(arguments, hasType: global == .rebuildTensorOfType))
      try push(.tensor(tensors.count - 1))
    case .storage, .untypedStorage, .elementType:
      throw error("a function of the list of those allowed", "'\(global.name)'")
    }
  }

  /// Attributes of a state dictionary (`_metadata`) say nothing of tensors and are dropped.
  private mutating func build() throws(CheckpointError) {
    _ = try pop()
    guard case .dictionary = try top() else {
      throw error("attributes of a dictionary", "of \(try top().kind)")
    }
  }
}
