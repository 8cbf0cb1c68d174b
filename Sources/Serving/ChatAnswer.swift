import MartletBytes

/// The JSON of answers: whole, in chunks of a stream, and of errors.
package struct ChatAnswer: Sendable {
  package let id: String
  package let model: String
  /// Seconds since 1970.
  package let created: Int

  package init(id: String, model: String, created: Int) {
    self.id = id
    self.model = model
    self.created = created
  }

  /// How an answer ended and what it took.
  package struct Ending: Sendable {
    /// `stop` or `length`.
    package var reason: String
    package var promptTokens: Int
    package var completionTokens: Int
    /// Milliseconds by stage, in order; a member of Martlet's own, `timings_ms`.
    package var timings: [(name: String, milliseconds: Double)]

    package init(
      reason: String, promptTokens: Int, completionTokens: Int,
      timings: [(name: String, milliseconds: Double)]
    ) {
      self.reason = reason
      self.promptTokens = promptTokens
      self.completionTokens = completionTokens
      self.timings = timings
    }
  }

  package func whole(text: String, _ ending: Ending) -> JSONValue {
    var object = head("chat.completion")
    let message = Self.object([
      ("role", .string("assistant")), ("content", .string(text)), ("refusal", .null),
    ])
    Self.set(&object, "choices", .array([Self.choice("message", message, ending.reason)]))
    Self.set(&object, "usage", Self.usage(ending))
    Self.set(&object, "timings_ms", Self.timings(ending))
    return .object(object)
  }

  /// The first chunk of a stream, which names the role.
  package var opening: JSONValue {
    chunk(Self.object([("role", .string("assistant")), ("content", .string(""))]), reason: nil)
  }

  package func piece(_ text: String) -> JSONValue {
    chunk(Self.object([("content", .string(text))]), reason: nil)
  }

  package func closing(_ ending: Ending) -> JSONValue {
    guard case .object(var object) = chunk(.object(JSONObject()), reason: ending.reason) else {
      return .null
    }
    Self.set(&object, "timings_ms", Self.timings(ending))
    return .object(object)
  }

  /// The chunk without choices that `stream_options.include_usage` asks for.
  package func usage(_ ending: Ending) -> JSONValue {
    var object = head("chat.completion.chunk")
    Self.set(&object, "choices", .array([]))
    Self.set(&object, "usage", Self.usage(ending))
    return .object(object)
  }

  /// An error in OpenAI's form.
  package static func error(
    message: String, type: String, code: String?, field: String?
  ) -> JSONValue {
    let error = object([
      ("message", .string(message)), ("type", .string(type)),
      ("param", field.map { .string($0) } ?? .null), ("code", code.map { .string($0) } ?? .null),
    ])
    return object([("error", error)])
  }

  private func chunk(_ delta: JSONValue, reason: String?) -> JSONValue {
    var object = head("chat.completion.chunk")
    Self.set(&object, "choices", .array([Self.choice("delta", delta, reason)]))
    return .object(object)
  }

  private func head(_ kind: String) -> JSONObject {
    var object = JSONObject()
    Self.set(&object, "id", .string(id))
    Self.set(&object, "object", .string(kind))
    Self.set(&object, "created", .number(JSONNumber(created)))
    Self.set(&object, "model", .string(model))
    return object
  }

  private static func choice(_ key: String, _ value: JSONValue, _ reason: String?) -> JSONValue {
    object([
      ("index", .number(JSONNumber(0))), (key, value), ("logprobs", .null),
      ("finish_reason", reason.map { .string($0) } ?? .null),
    ])
  }

  private static func usage(_ ending: Ending) -> JSONValue {
    object([
      ("prompt_tokens", .number(JSONNumber(ending.promptTokens))),
      ("completion_tokens", .number(JSONNumber(ending.completionTokens))),
      ("total_tokens", .number(JSONNumber(ending.promptTokens + ending.completionTokens))),
    ])
  }

  private static func timings(_ ending: Ending) -> JSONValue {
    object(
      ending.timings.map { name, milliseconds in
        (name, JSONNumber((milliseconds * 10).rounded() / 10).map { .number($0) } ?? .null)
      })
  }

  private static func object(_ members: [(String, JSONValue)]) -> JSONValue {
    var object = JSONObject()
    for (key, value) in members { set(&object, key, value) }
    return .object(object)
  }

  private static func set(_ object: inout JSONObject, _ key: String, _ value: JSONValue) {
    let isNew = object.append(key, value)
    precondition(isNew, "a key is written once")
  }
}
