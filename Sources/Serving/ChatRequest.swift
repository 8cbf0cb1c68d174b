import MartletBytes
import MartletModel

/// A request for a chat completion: the fields of OpenAI's interface that Martlet keeps.
///
/// Source: OpenAI API reference, "Create chat completion".
package struct ChatRequest: Equatable, Sendable {
  package var model: String?
  package var messages: [ChatMessage]
  /// Most tokens to generate; `nil` leaves it to the server.
  package var maximumTokens: Int?
  package var temperature: Double
  package var seed: UInt64
  package var streams: Bool
  /// Whether the stream ends with a chunk that counts tokens.
  package var includesUsage: Bool

  /// Most messages and parts of one request; far beyond what any context holds.
  package static let messageLimit = 1_000

  /// - Throws: `body`, `value`, `missing`, `unknownField`, `unsupported`.
  package init(parsing body: [UInt8]) throws(ServingError) {
    let json: JSONValue
    do { json = try JSONValue(parsing: body, source: "the request") } catch { throw .body(error) }
    guard case .object(let object) = json else {
      throw .value(field: "the request", expected: "an object", found: json.kind)
    }
    try Self.checkNames(object)
    try Self.checkNeutral(object)
    var fields = RequestFields(object)
    model = try fields.string("model")
    let tokens = try fields.integer("max_tokens", 1...(1 << 20))
    let completion = try fields.integer("max_completion_tokens", 1...(1 << 20))
    if let tokens, let completion, tokens != completion {
      throw .value(
        field: "max_completion_tokens", expected: "as max_tokens, \(tokens)", found: "\(completion)"
      )
    }
    maximumTokens = completion ?? tokens
    temperature = try fields.number("temperature", 0...2) ?? 0
    seed = UInt64(try fields.integer("seed", 0...Int.max) ?? 0)
    streams = try fields.bool("stream") ?? false
    includesUsage = false
    if let options = object["stream_options"], !options.isNull {
      guard case .object(let options) = options else {
        throw .value(field: "stream_options", expected: "an object", found: options.kind)
      }
      for (name, _) in options.members where name != "include_usage" {
        throw .unknownField(field: "stream_options.\(name)", nearest: nil)
      }
      var fields = RequestFields(options, within: "stream_options.")
      includesUsage = try fields.bool("include_usage") ?? false
    }
    messages = try ChatMessage.list(object["messages"])
  }

  /// Fields that are read.
  private static let kept = [
    "model", "messages", "max_tokens", "max_completion_tokens", "temperature", "seed", "stream",
    "stream_options",
  ]
  /// Fields that say something about the caller and nothing about the answer.
  private static let remarks = ["user", "metadata", "store", "safety_identifier", "service_tier"]

  /// Fields Martlet has not, with the values that ask for nothing.
  private static let neutral:
    [(name: String, expected: String, isNeutral: @Sendable (JSONValue) -> Bool)] = [
      ("n", "1", { $0.double == 1 }),
      ("top_p", "1", { $0.double == 1 }),
      ("frequency_penalty", "0", { $0.double == 0 }),
      ("presence_penalty", "0", { $0.double == 0 }),
      ("logprobs", "false", { $0.bool == false }),
      ("top_logprobs", "0", { $0.double == 0 }),
      ("logit_bias", "an empty object", { $0.object?.isEmpty == true }),
      ("tools", "an empty list", { $0.array?.isEmpty == true }),
      ("tool_choice", "none", { $0.string == "none" }),
      ("parallel_tool_calls", "no tools", { $0.bool != nil }),
      (
        "response_format", "{\"type\": \"text\"}",
        { $0["type"]?.string == "text" && $0.object?.count == 1 }
      ),
      ("stop", "null", { $0.array?.isEmpty == true }),
      ("modalities", "[\"text\"]", { $0.array == [.string("text")] }),
    ]

  private static func checkNames(_ object: JSONObject) throws(ServingError) {
    let known = kept + remarks + neutral.map { $0.name }
    for (name, _) in object.members where !known.contains(name) {
      throw .unknownField(field: name, nearest: NearestName.nearest(to: name, among: known))
    }
  }

  private static func checkNeutral(_ object: JSONObject) throws(ServingError) {
    for (name, expected, isNeutral) in neutral {
      guard let value = object[name], !value.isNull, !isNeutral(value) else { continue }
      throw .unsupported(field: name, found: RequestFields.shown(value), expected: expected)
    }
  }
}

/// Members by name and kind; null is as if a member were not there.
struct RequestFields {
  private let object: JSONObject
  private let prefix: String

  init(_ object: JSONObject, within prefix: String = "") {
    self.object = object
    self.prefix = prefix
  }

  private func value(_ name: String) -> JSONValue? {
    guard let value = object[name], !value.isNull else { return nil }
    return value
  }

  private func wrong(_ name: String, _ expected: String, _ value: JSONValue) -> ServingError {
    .value(field: prefix + name, expected: expected, found: Self.shown(value))
  }

  mutating func string(_ name: String) throws(ServingError) -> String? {
    guard let value = value(name) else { return nil }
    guard let string = value.string else { throw wrong(name, "a text", value) }
    return string
  }

  mutating func bool(_ name: String) throws(ServingError) -> Bool? {
    guard let value = value(name) else { return nil }
    guard let bool = value.bool else { throw wrong(name, "true or false", value) }
    return bool
  }

  mutating func integer(
    _ name: String, _ range: ClosedRange<Int>
  ) throws(ServingError) -> Int? {
    guard let value = value(name) else { return nil }
    guard let integer = value.int, range.contains(integer) else {
      throw wrong(name, "an integer of \(range.lowerBound) to \(range.upperBound)", value)
    }
    return integer
  }

  mutating func number(
    _ name: String, _ range: ClosedRange<Double>
  ) throws(ServingError) -> Double? {
    guard let value = value(name) else { return nil }
    guard let number = value.double, range.contains(number) else {
      throw wrong(name, "a number of \(range.lowerBound) to \(range.upperBound)", value)
    }
    return number
  }

  /// A value for an error: short ones as they are, others by their kind.
  static func shown(_ value: JSONValue) -> String {
    let text = value.text()
    return text.utf8.count <= 60 ? text : value.kind
  }
}
