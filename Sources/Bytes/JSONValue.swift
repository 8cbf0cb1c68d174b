/// A value of JSON (RFC 8259).
package enum JSONValue: Equatable, Sendable {
  case null
  case bool(Bool)
  case number(JSONNumber)
  case string(String)
  case array([JSONValue])
  case object(JSONObject)

  /// Deepest nesting of arrays and objects that is read.
  package static let depthLimit = 128

  /// The member of this key; `nil` when there is none or this is no object.
  package subscript(key: String) -> JSONValue? {
    if case .object(let object) = self { return object[key] }
    return nil
  }

  package var isNull: Bool { self == .null }

  package var bool: Bool? {
    if case .bool(let value) = self { return value }
    return nil
  }

  /// The value of a number written as an integer that fits, `nil` otherwise.
  package var int: Int? {
    if case .number(let value) = self { return value.int }
    return nil
  }

  package var double: Double? {
    if case .number(let value) = self { return value.double }
    return nil
  }

  package var string: String? {
    if case .string(let value) = self { return value }
    return nil
  }

  package var array: [JSONValue]? {
    if case .array(let value) = self { return value }
    return nil
  }

  package var object: JSONObject? {
    if case .object(let value) = self { return value }
    return nil
  }

  /// What kind of value this is, in a word, for errors.
  package var kind: String {
    switch self {
    case .null: "null"
    case .bool: "boolean"
    case .number: "number"
    case .string: "string"
    case .array: "array"
    case .object: "object"
    }
  }
}

/// A number as it was written, so that nothing is lost before its use is known.
package struct JSONNumber: Equatable, Sendable {
  /// In JSON's grammar.
  package let text: String

  init(checkedText text: String) { self.text = text }

  package init(_ value: Int) { text = "\(value)" }

  /// The shortest text that reads back as the same double; `nil` for infinities and NaN.
  package init?(_ value: Double) {
    if !value.isFinite { return nil }
    text = value.description
  }

  /// The value when it is written as an integer (no point, no exponent) and fits.
  package var int: Int? { Int(text) }

  /// The nearest double; infinite when the number is beyond every double.
  package var double: Double { JSONNumber.nearestDouble(text) }
}

/// Members in the order they were written, found by key in constant time.
///
/// Keys are equal when their bytes are: `é` in one scalar and in two are different keys, as everywhere
/// outside Swift.
package struct JSONObject: Equatable, Sendable {
  package private(set) var members: [(key: String, value: JSONValue)] = []
  /// Positions by key once there are more members than are worth comparing one by one.
  private var positions: [Key: Int] = [:]
  private static let linearLimit = 8

  package init() {}

  package var count: Int { members.count }
  package var isEmpty: Bool { members.isEmpty }

  package subscript(key: String) -> JSONValue? {
    position(of: key).map { members[$0].value }
  }

  /// Appends a member; `false`, and nothing done, when the key stands here already.
  package mutating func append(_ key: String, _ value: JSONValue) -> Bool {
    if position(of: key) != nil { return false }
    if members.count == Self.linearLimit {
      for (index, member) in members.enumerated() { positions[Key(text: member.key)] = index }
    }
    if members.count >= Self.linearLimit { positions[Key(text: key)] = members.count }
    members.append((key, value))
    return true
  }

  private func position(of key: String) -> Int? {
    let key = Key(text: key)
    if members.count <= Self.linearLimit {
      return members.firstIndex { Key(text: $0.key) == key }
    }
    return positions[key]
  }

  /// Equal when the members are, in order.
  package static func == (left: JSONObject, right: JSONObject) -> Bool {
    left.members.elementsEqual(right.members) { $0.key == $1.key && $0.value == $1.value }
  }

  /// A text compared by its bytes.
  private struct Key: Hashable {
    let text: String

    static func == (left: Key, right: Key) -> Bool {
      left.text.utf8.count == right.text.utf8.count && left.text.utf8.elementsEqual(right.text.utf8)
    }

    func hash(into hasher: inout Hasher) {
      let hashed: Void? = unsafe text.utf8.withContiguousStorageIfAvailable { bytes in
        // SAFETY: the bytes are only read during the call.
        unsafe hasher.combine(bytes: UnsafeRawBufferPointer(bytes))
      }
      if hashed == nil { for byte in text.utf8 { hasher.combine(byte) } }
    }
  }
}

extension JSONValue: ExpressibleByStringLiteral, ExpressibleByIntegerLiteral,
  ExpressibleByBooleanLiteral, ExpressibleByArrayLiteral, ExpressibleByDictionaryLiteral
{
  package init(stringLiteral value: String) { self = .string(value) }
  package init(integerLiteral value: Int) { self = .number(JSONNumber(value)) }
  package init(booleanLiteral value: Bool) { self = .bool(value) }
  package init(arrayLiteral elements: JSONValue...) { self = .array(elements) }

  /// A trap when a key stands twice.
  package init(dictionaryLiteral elements: (String, JSONValue)...) {
    var object = JSONObject()
    for (key, value) in elements {
      precondition(object.append(key, value), "a key stands twice in a literal")
    }
    self = .object(object)
  }

  package init(_ value: String) { self = .string(value) }
  package init(_ value: Int) { self = .number(JSONNumber(value)) }
  package init(_ value: Bool) { self = .bool(value) }
  /// Infinities and NaN, which JSON cannot say, become `null`.
  package init(_ value: Double) { self = JSONNumber(value).map(JSONValue.number) ?? .null }
}
