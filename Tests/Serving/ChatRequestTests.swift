import MartletServing
import Testing

/// The bodies of requests, to the last field.
@Suite struct ChatRequestTests {
  private func parsed(_ text: String) throws(ServingError) -> ChatRequest {
    try ChatRequest(parsing: Array(text.utf8))
  }

  @Test func aRequestAsOpenAIsClientSendsIt() throws {
    let request = try parsed(
      """
      {"model": "m", "max_completion_tokens": 7, "temperature": 0.5, "seed": 3, "stream": true, "top_p": 1,
       "stream_options": {"include_usage": true}, "user": "somebody", "n": 1, "stop": null,
       "messages": [
        {"role": "developer", "content": "Be short."},
        {"role": "user", "content": [
          {"type": "text", "text": "a"},
          {"type": "image_url", "image_url": {"url": "data:x", "detail": "high"}},
          {"type": "text", "text": "b"}]},
        {"role": "assistant", "content": "c", "refusal": null, "tool_calls": []},
        {"role": "user", "content": "d"}]}
      """)
    #expect(request.model == "m")
    #expect(request.maximumTokens == 7)
    #expect(request.temperature == 0.5)
    #expect(request.seed == 3)
    #expect(request.streams)
    #expect(request.includesUsage)
    #expect(request.messages.map(\.role) == [.system, .user, .assistant, .user])
    #expect(request.messages[1].text == "a\nb")
    #expect(request.messages[1].pictures == ["data:x"])
  }

  static let one = "\"messages\": [{\"role\": \"user\", \"content\": \"a\"}]"

  static let refused: [(fields: String, error: ServingError)] = [
    ("\"n\": 2", .unsupported(field: "n", found: "2", expected: "1")),
    ("\"top_p\": 0.5", .unsupported(field: "top_p", found: "0.5", expected: "1")),
    ("\"stop\": [\"x\"]", .unsupported(field: "stop", found: "[\"x\"]", expected: "null")),
    ("\"tools\": [1]", .unsupported(field: "tools", found: "[1]", expected: "an empty list")),
    (
      "\"response_format\": {\"type\": \"json_object\"}",
      .unsupported(
        field: "response_format", found: "{\"type\":\"json_object\"}",
        expected: "{\"type\": \"text\"}")
    ),
    ("\"temprature\": 1", .unknownField(field: "temprature", nearest: "temperature")),
    (
      "\"temperature\": -1",
      .value(field: "temperature", expected: "a number of 0.0 to 2.0", found: "-1")
    ),
    (
      "\"max_tokens\": 0",
      .value(field: "max_tokens", expected: "an integer of 1 to 1048576", found: "0")
    ),
    (
      "\"max_tokens\": 1, \"max_completion_tokens\": 2",
      .value(field: "max_completion_tokens", expected: "as max_tokens, 1", found: "2")
    ),
    ("\"stream\": 1", .value(field: "stream", expected: "true or false", found: "1")),
    (
      "\"stream_options\": {\"more\": true}",
      .unknownField(field: "stream_options.more", nearest: nil)
    ),
  ]

  @Test(arguments: refused)
  func whatIsNotKeptIsRefused(fields: String, error: ServingError) {
    #expect(throws: error) { try parsed("{\(Self.one), \(fields)}") }
  }

  static let badMessages: [(messages: String, error: ServingError)] = [
    (
      "[]", .value(field: "messages", expected: "a list of 1 to 1000 messages", found: "0 messages")
    ),
    ("1", .value(field: "messages", expected: "a list of 1 to 1000 messages", found: "number")),
    (
      "[{\"role\": \"tool\", \"content\": \"\"}]",
      .value(
        field: "messages[0].role", expected: "system, user or assistant", found: "\"tool\"")
    ),
    (
      "[{\"role\": \"user\"}]",
      .value(
        field: "messages[0].content", expected: "a text or a list of parts", found: "none")
    ),
    (
      "[{\"role\": \"user\", \"content\": \"\", \"name\": \"x\"}]",
      .unknownField(field: "messages[0].name", nearest: nil)
    ),
    (
      "[{\"role\": \"user\", \"content\": [{\"type\": \"input_audio\"}]}]",
      .value(
        field: "messages[0].content[0].type", expected: "text or image_url",
        found: "\"input_audio\"")
    ),
    (
      "[{\"role\": \"user\", \"content\": [{\"type\": \"text\", \"text\": \"\", \"more\": 1}]}]",
      .unknownField(field: "messages[0].content[0].more", nearest: nil)
    ),
    (
      "[{\"role\": \"system\", \"content\": [{\"type\": \"image_url\", \"image_url\": \"data:\"}]}]",
      .value(
        field: "messages[0].content", expected: "text only, as the role is system",
        found: "a picture")
    ),
  ]

  @Test(arguments: badMessages)
  func wrongMessagesAreRefusedWithTheirPlace(messages: String, error: ServingError) {
    #expect(throws: error) { try parsed("{\"messages\": \(messages)}") }
  }

  @Test func aRequestWithoutMessagesIsRefused() {
    #expect(throws: ServingError.missing(field: "messages")) { try parsed("{}") }
    #expect(throws: ServingError.self) { try parsed("") }
  }
}
