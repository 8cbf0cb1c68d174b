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
