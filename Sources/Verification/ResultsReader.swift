import MartletBytes

/// Why a line of a results file cannot be used.
package enum ResultsProblem: Error, Equatable, Sendable {
  case json(BytesError)
  /// The line is longer than any record needs to be.
  case tooLong(limit: Int)
  /// The bytes are not those that were written.
  case checksum
  case missing(key: String)
  case unknown(key: String)
  case kind(key: String, expected: String)
  case range(key: String, found: Int, least: Int, most: Int)
  /// Of a results file of another version.
  case version(Int)
  /// The file does not begin with what it is about.
  case noHeader
  /// The file ends within a line.
  case unfinished
  /// A picture that lies in another shard, or beyond the last.
  case foreignPicture(Int)
  case repeatedPicture(Int)
  case repeatedQuestion(Int)
}

/// Reads an object whose every key is known: what is missing, superfluous or of another kind is an error.
struct ResultsReader {
  private let object: JSONObject
  private var keys: [String] = []

  init(_ value: JSONValue, key: String) throws(ResultsProblem) {
    guard let object = value.object else { throw .kind(key: key, expected: "an object") }
    self.object = object
  }

  private mutating func value(_ key: String) throws(ResultsProblem) -> JSONValue {
    guard let value = object[key] else { throw .missing(key: key) }
    keys.append(key)
    return value
  }

  /// - Throws: `unknown` for a key that was not asked for.
  func finish() throws(ResultsProblem) {
    for (key, _) in object.members where !keys.contains(key) { throw .unknown(key: key) }
  }

  mutating func int(
    _ key: String, _ range: ClosedRange<Int>
  ) throws(ResultsProblem) -> Int {
    guard let found = try value(key).int else { throw .kind(key: key, expected: "an integer") }
    guard range.contains(found) else {
      throw .range(key: key, found: found, least: range.lowerBound, most: range.upperBound)
    }
    return found
  }

  mutating func text(_ key: String) throws(ResultsProblem) -> String {
    guard let found = try value(key).string else { throw .kind(key: key, expected: "text") }
    return found
  }

  /// Text, or `nil` for null.
  mutating func optionalText(_ key: String) throws(ResultsProblem) -> String? {
    let found = try value(key)
    if found.isNull { return nil }
    guard let text = found.string else { throw .kind(key: key, expected: "text or null") }
    return text
  }

  mutating func bool(_ key: String) throws(ResultsProblem) -> Bool {
    guard let found = try value(key).bool else { throw .kind(key: key, expected: "true or false") }
    return found
  }

  mutating func word(_ key: String) throws(ResultsProblem) -> UInt64 {
    let text = try text(key)
    guard text.utf8.count == 16, let word = UInt64(text, radix: 16) else {
      throw .kind(key: key, expected: "16 hexadecimal digits")
    }
    return word
  }

  mutating func digest(_ key: String) throws(ResultsProblem) -> [UInt8] {
    let digits = Array(try text(key).utf8)
    var digest: [UInt8] = []
    guard digits.count == 64 else { throw .kind(key: key, expected: "64 hexadecimal digits") }
    for place in stride(from: 0, to: 64, by: 2) {
      guard
        let byte = UInt8(String(decoding: digits[place..<place + 2], as: UTF8.self), radix: 16)
      else { throw .kind(key: key, expected: "64 hexadecimal digits") }
      digest.append(byte)
    }
    return digest
  }

  mutating func array<Element>(
    _ key: String, _ element: (JSONValue) throws(ResultsProblem) -> Element
  ) throws(ResultsProblem) -> [Element] {
    guard let values = try value(key).array else { throw .kind(key: key, expected: "an array") }
    var elements: [Element] = []
    for value in values { elements.append(try element(value)) }
    return elements
  }

  mutating func number(_ key: String) throws(ResultsProblem) -> Double {
    try Self.number(value(key), key: key)
  }

  mutating func numbers(_ key: String) throws(ResultsProblem) -> [Double] {
    try array(key) { value throws(ResultsProblem) in try Self.number(value, key: key) }
  }

  /// An array of exactly so many numbers.
  mutating func numbers(_ key: String, count: Int) throws(ResultsProblem) -> [Double] {
    let numbers = try numbers(key)
    guard numbers.count == count else { throw .kind(key: key, expected: "\(count) numbers") }
    return numbers
  }

  mutating func object<Result>(
    _ key: String, _ body: (inout ResultsReader) throws(ResultsProblem) -> Result
  ) throws(ResultsProblem) -> Result {
    var reader = try ResultsReader(value(key), key: key)
    let result = try body(&reader)
    try reader.finish()
    return result
  }

  /// A number, or the text of one that JSON cannot say.
  static func number(_ value: JSONValue, key: String) throws(ResultsProblem) -> Double {
    if let number = value.double { return number }
    switch value.string {
    case "inf": return .infinity
    case "-inf": return -.infinity
    case "nan": return .nan
    default: throw .kind(key: key, expected: "a number")
    }
  }
}

extension JSONObject {
  mutating func set(_ key: String, _ value: JSONValue) {
    let isNew = append(key, value)
    precondition(isNew, "a key is written once")
  }
}

extension JSONValue {
  /// A number so that it reads back the same, bit for bit; what JSON cannot say as text.
  static func exact(_ value: Double) -> JSONValue {
    if let number = JSONNumber(value) { return .number(number) }
    return .string(value.isNaN ? "nan" : value > 0 ? "inf" : "-inf")
  }

  static func exact(_ values: [Double]) -> JSONValue { .array(values.map(exact)) }
}
