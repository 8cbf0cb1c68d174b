import Foundation
import MartletBytes

/// Builds the one JSON object of `--json`, keys in the order of the contract.
struct JSONOutput {
  private var object = JSONObject()

  mutating func set(_ key: String, _ value: JSONValue) {
    let isNew = object.append(key, value)
    precondition(isNew, "a key is written once")
  }
  mutating func set(_ key: String, _ value: String) { set(key, JSONValue.string(value)) }
  mutating func set(_ key: String, _ value: Int) { set(key, JSONValue.number(JSONNumber(value))) }
  mutating func set(_ key: String, _ value: Bool) { set(key, JSONValue.bool(value)) }
  mutating func set(_ key: String, _ value: Double) { set(key, JSONValue.rounded(value)) }
  mutating func set(_ key: String, _ value: JSONOutput) { set(key, JSONValue.object(value.object)) }

  var value: JSONValue { .object(object) }

  func print() {
    printOrExit(JSONValue.object(object).text(.indented) + "\n")
  }
}

extension JSONValue {
  /// A measured number, to six significant digits: more would be noise. Not finite becomes null.
  static func rounded(_ value: Double) -> JSONValue {
    guard value.isFinite else { return .null }
    guard let rounded = Double(String(format: "%.6g", value)), let number = JSONNumber(rounded)
    else { return .null }
    return .number(number)
  }
}
