import MartletBytes

/// The key-value pairs of a GGUF file: where each value lies, checked when the file was opened and decoded when
/// it is asked for.
package struct GGUFMetadata: Sendable {
  /// The types of values, with the numbers that stand for them in the file.
  package enum ValueType: UInt32, CaseIterable, Sendable {
    case uint8 = 0
    case int8 = 1
    case uint16 = 2
    case int16 = 3
    case uint32 = 4
    case int32 = 5
    case float32 = 6
    case bool = 7
    case string = 8
    case array = 9
    case uint64 = 10
    case int64 = 11
    case float64 = 12

    /// Bytes of a value; `nil` where they depend on the value.
    var byteCount: Int? {
      switch self {
      case .uint8, .int8, .bool: 1
      case .uint16, .int16: 2
      case .uint32, .int32, .float32: 4
      case .uint64, .int64, .float64: 8
      case .string, .array: nil
      }
    }

    /// The name that error messages use.
    package var name: String {
      switch self {
      case .uint8: "u8"
      case .int8: "i8"
      case .uint16: "u16"
      case .int16: "i16"
      case .uint32: "u32"
      case .int32: "i32"
      case .float32: "f32"
      case .bool: "bool"
      case .string: "string"
      case .array: "array"
      case .uint64: "u64"
      case .int64: "i64"
      case .float64: "f64"
      }
    }
  }

  /// Where one value lies.
  struct Entry: Sendable {
    var key: String
    var type: ValueType
    /// Of an array, its elements' type and count; `bytes` then begins behind these.
    var elementType: ValueType?
    var count = 1
    /// In the file.
    var bytes: Range<Int>
  }

  /// In the order of the file.
  private(set) var entries: [Entry] = []
  private var places: [String: Int] = [:]
  private let file: MappedFile

  init(_ file: MappedFile) { self.file = file }

  /// - Returns: whether the key is new.
  mutating func append(_ entry: Entry) -> Bool {
    if places.updateValue(entries.count, forKey: entry.key) != nil { return false }
    entries.append(entry)
    return true
  }

  package var path: String { file.path }
  package var keys: [String] { entries.map(\.key) }

  private func entry(_ key: String) -> Entry? { places[key].map { entries[$0] } }

  // MARK: Typed values

  /// An integer of whatever width; `nil` where the key is not there.
  /// - Throws: `ggufField` for another type, or a u64 beyond `Int`.
  package func integer(_ key: String) throws(CheckpointError) -> Int? {
    guard let entry = entry(key) else { return nil }
    guard let value = try integers(entry)?.first, entry.elementType == nil else {
      throw fault(entry, expected: "an integer")
    }
    return value
  }

  /// A number, integers included.
  /// - Throws: `ggufField` for another type.
  package func number(_ key: String) throws(CheckpointError) -> Double? {
    guard let entry = entry(key) else { return nil }
    switch entry.type {
    case .float32:
      return try reading(entry) { (reader) throws(BytesError) in Double(try reader.float()) }
    case .float64:
      return try reading(entry) { (reader) throws(BytesError) in try reader.double() }
    case .uint8, .int8, .uint16, .int16, .uint32, .int32, .bool, .string, .array, .uint64, .int64:
      return try integer(key).map { Double($0) }
    }
  }

  /// - Throws: `ggufField` for another type.
  package func bool(_ key: String) throws(CheckpointError) -> Bool? {
    guard let entry = entry(key) else { return nil }
    guard entry.type == .bool else { throw fault(entry, expected: "a bool") }
    return try reading(entry) { (reader) throws(BytesError) in try reader.uint8() != 0 }
  }

  /// - Throws: `ggufField` for another type; `file(.notUTF8)`.
  package func string(_ key: String) throws(CheckpointError) -> String? {
    guard let entry = entry(key) else { return nil }
    guard entry.type == .string else { throw fault(entry, expected: "a string") }
    return try reading(entry) { (reader) throws(BytesError) in
      let count = try reader.size()
      return try reader.text(count)
    }
  }

  /// The bytes of every string of an array: a token's text need not be UTF-8.
  /// - Throws: `ggufField` for another type.
  package func strings(_ key: String) throws(CheckpointError) -> [[UInt8]]? {
    guard let entry = entry(key) else { return nil }
    guard entry.elementType == .string else { throw fault(entry, expected: "an array of strings") }
    return try reading(entry) { (reader) throws(BytesError) in
      var strings: [[UInt8]] = []
      // Opening the file walked all of them, so the count is true.
      strings.reserveCapacity(entry.count)
      for _ in 0..<entry.count {
        let count = try reader.size()
        strings.append(try reader.array(count))
      }
      return strings
    }
  }

  /// The integers of an array.
  /// - Throws: `ggufField` for another type, or a u64 beyond `Int`.
  package func integers(_ key: String) throws(CheckpointError) -> [Int]? {
    guard let entry = entry(key) else { return nil }
    guard entry.elementType != nil, let values = try integers(entry) else {
      throw fault(entry, expected: "an array of integers")
    }
    return values
  }

  /// What an error about a value says.
  package func fault(_ key: String, expected: String, found: String) -> CheckpointError {
    .ggufField(
      path: path, offset: entry(key)?.bytes.lowerBound ?? 0, field: key, expected: expected,
      found: found)
  }

  private func fault(_ entry: Entry, expected: String) -> CheckpointError {
    let found = entry.elementType.map { "an array of \($0.name)" } ?? entry.type.name
    return fault(entry.key, expected: expected, found: found)
  }

  /// One integer or an array of them; `nil` for other types.
  private func integers(_ entry: Entry) throws(CheckpointError) -> [Int]? {
    let type = entry.elementType ?? entry.type
    let read: (inout ByteReader) throws(BytesError) -> Int
    switch type {
    case .uint8: read = { (reader) throws(BytesError) in Int(try reader.uint8()) }
    case .int8:
      read = { (reader) throws(BytesError) in Int(Int8(bitPattern: try reader.uint8())) }
    case .uint16: read = { (reader) throws(BytesError) in Int(try reader.uint16()) }
    case .int16:
      read = { (reader) throws(BytesError) in Int(Int16(bitPattern: try reader.uint16())) }
    case .uint32: read = { (reader) throws(BytesError) in Int(try reader.uint32()) }
    case .int32: read = { (reader) throws(BytesError) in Int(try reader.int32()) }
    case .uint64: read = { (reader) throws(BytesError) in try reader.size() }
    case .int64: read = { (reader) throws(BytesError) in Int(try reader.int64()) }
    case .float32, .float64, .bool, .string, .array: return nil
    }
    return try reading(entry) { (reader) throws(BytesError) in
      var values: [Int] = []
      values.reserveCapacity(entry.count)
      for _ in 0..<entry.count { values.append(try read(&reader)) }
      return values
    }
  }

  private func reading<R>(
    _ entry: Entry, _ body: (inout ByteReader) throws(BytesError) -> R
  ) throws(CheckpointError) -> R {
    try rethrown { () throws(BytesError) in
      try file.bytes(in: entry.bytes) { (bytes: RawSpan) throws(BytesError) in
        var reader = ByteReader(bytes, source: file.path, base: entry.bytes.lowerBound)
        return try body(&reader)
      }
    }
  }

  // MARK: For listings

  /// Every pair in words: scalars as they are, arrays by their size.
  package var listing: [(key: String, value: String)] {
    entries.map { ($0.key, text(of: $0)) }
  }

  private func text(of entry: Entry) -> String {
    if let element = entry.elementType { return "[\(entry.count) × \(element.name)]" }
    switch entry.type {
    case .string: return (try? string(entry.key)) ?? "not UTF-8"
    case .bool: return (try? bool(entry.key)) == true ? "true" : "false"
    case .float32, .float64: return (try? number(entry.key)).flatMap { $0 }.map { "\($0)" } ?? ""
    case .uint8, .int8, .uint16, .int16, .uint32, .int32, .uint64, .int64, .array:
      return (try? integer(entry.key)).flatMap { $0 }.map { "\($0)" } ?? "beyond 2^63"
    }
  }
}
