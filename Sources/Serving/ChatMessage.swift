import MartletBytes

/// One message of a conversation.
package struct ChatMessage: Equatable, Sendable {
  package enum Role: String, Equatable, Sendable {
    case system
    case user
    case assistant
  }

  package enum Part: Equatable, Sendable {
    case text(String)
    /// The address as it was given, a data URL mostly.
    case picture(address: String)
  }

  package var role: Role
  package var parts: [Part]
  /// Where it stands in the request, for errors: `messages[2]`.
  package var field: String

  /// The texts, a line feed between two.
  package var text: String {
    var texts: [String] = []
    for case .text(let text) in parts { texts.append(text) }
    return texts.joined(separator: "\n")
  }

  package var pictures: [String] {
    var addresses: [String] = []
    for case .picture(let address) in parts { addresses.append(address) }
    return addresses
  }

  static func list(_ value: JSONValue?) throws(ServingError) -> [ChatMessage] {
    guard let value else { throw .missing(field: "messages") }
    guard let array = value.array, !array.isEmpty, array.count <= ChatRequest.messageLimit else {
      throw .value(
        field: "messages", expected: "a list of 1 to \(ChatRequest.messageLimit) messages",
        found: value.array.map { "\($0.count) messages" } ?? value.kind)
    }
    var messages: [ChatMessage] = []
    for (index, value) in array.enumerated() {
      messages.append(try ChatMessage(value, field: "messages[\(index)]"))
    }
    return messages
  }

  private init(_ value: JSONValue, field: String) throws(ServingError) {
    guard case .object(let object) = value else {
      throw .value(field: field, expected: "an object", found: value.kind)
    }
    for (name, value) in object.members {
      // What a client gets from us it may send back.
      let isEcho = ["refusal", "annotations", "audio", "tool_calls", "function_call"].contains(name)
      let isEmpty = value.isNull || value.array?.isEmpty == true
      if ["role", "content"].contains(name) || (isEcho && isEmpty) { continue }
      throw .unknownField(field: "\(field).\(name)", nearest: nil)
    }
    self.field = field
    let role = object["role"]
    switch role?.string {
    case "system", "developer": self.role = .system
    case "user": self.role = .user
    case "assistant": self.role = .assistant
    default:
      throw .value(
        field: "\(field).role", expected: "system, user or assistant",
        found: role.map { RequestFields.shown($0) } ?? "none")
    }
    switch object["content"] {
    case .string(let text): parts = [.text(text)]
    case .array(let values): parts = try Self.parts(values, "\(field).content")
    case let other:
      throw .value(
        field: "\(field).content", expected: "a text or a list of parts",
        found: other?.kind ?? "none")
    }
    if self.role != .user, !pictures.isEmpty {
      throw .value(
        field: "\(field).content", expected: "text only, as the role is \(self.role.rawValue)",
        found: "a picture")
    }
  }

  private static func parts(
    _ values: [JSONValue], _ field: String
  ) throws(ServingError) -> [Part] {
    if values.isEmpty || values.count > ChatRequest.messageLimit {
      throw .value(
        field: field, expected: "1 to \(ChatRequest.messageLimit) parts", found: "\(values.count)")
    }
    var parts: [Part] = []
    for (index, value) in values.enumerated() {
      parts.append(try part(value, "\(field)[\(index)]"))
    }
    return parts
  }

  private static func part(_ value: JSONValue, _ field: String) throws(ServingError) -> Part {
    guard case .object(let object) = value else {
      throw .value(field: field, expected: "an object", found: value.kind)
    }
    let kind = object["type"]?.string
    let content: String
    switch kind {
    case "text": content = "text"
    case "image_url": content = "image_url"
    default:
      throw .value(
        field: "\(field).type", expected: "text or image_url",
        found: object["type"].map { RequestFields.shown($0) } ?? "none")
    }
    for (name, _) in object.members where name != "type" && name != content {
      throw .unknownField(field: "\(field).\(name)", nearest: nil)
    }
    guard let found = object[content] else { throw .missing(field: "\(field).\(content)") }
    if content == "text" {
      guard let text = found.string else {
        throw .value(field: "\(field).text", expected: "a text", found: found.kind)
      }
      return .text(text)
    }
    return .picture(address: try address(found, "\(field).image_url"))
  }

  private static func address(
    _ value: JSONValue, _ field: String
  ) throws(ServingError) -> String {
    if let address = value.string { return address }
    guard case .object(let object) = value else {
      throw .value(field: field, expected: "an object with a url", found: value.kind)
    }
    for (name, value) in object.members where name != "url" {
      // Pictures have one resolution here, the pack's.
      if name == "detail", ["auto", "low", "high"].contains(value.string ?? "") { continue }
      throw .unknownField(field: "\(field).\(name)", nearest: nil)
    }
    guard let address = object["url"]?.string else {
      throw .value(
        field: "\(field).url", expected: "a text", found: object["url"]?.kind ?? "none")
    }
    return address
  }
}
