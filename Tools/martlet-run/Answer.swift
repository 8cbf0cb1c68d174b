import MartletBytes
import MartletRuntime

/// Milliseconds of the stages of an answer.
struct AnswerTimings {
  var load = 0.0
  var preprocess = 0.0
  var encode = 0.0
  var project = 0.0
  var prefill = 0.0
  /// From the decoded request with the model loaded: all of the above and the first choice.
  var firstToken = 0.0
  var total = 0.0
}

/// What `--json` tells.
struct Answer {
  var text: String
  var result: GenerationResult
  var imageTokens: Int
  var timings: AnswerTimings
  var instructionSet: String
  var threads: Int
  /// The side that a deadline chose.
  var resolution: Int?

  /// The object of the contract, equal in its keys to that of `martlet run --json`.
  var json: JSONValue {
    var times = JSONObject()
    times.set("load", .number(timings.load))
    times.set("preprocess", .number(timings.preprocess))
    times.set("encode", .number(timings.encode))
    times.set("project", .number(timings.project))
    times.set("prefill", .number(timings.prefill))
    times.set("first_token", .number(timings.firstToken))
    times.set("total", .number(timings.total))
    var answer = JSONObject()
    answer.set("text", JSONValue(text))
    answer.set("token_ids", .array(result.ids.map { JSONValue($0) }))
    answer.set("prompt_tokens", JSONValue(result.promptTokens))
    answer.set("image_tokens", JSONValue(imageTokens))
    answer.set("finish_reason", JSONValue(result.finishReason.name))
    answer.set("timings_ms", .object(times))
    answer.set("decode_tokens_per_second", .number(result.decodeTokensPerSecond))
    answer.set("peak_rss_bytes", JSONValue(Machine.peakResidentBytes))
    answer.set("isa", JSONValue(instructionSet))
    answer.set("threads", JSONValue(threads))
    if let resolution { answer.set("resolution", JSONValue(resolution)) }
    return .object(answer)
  }

  /// A measured number as text: more than a few digits would be noise.
  static func rounded(_ value: Double, digits: Int = 3) -> String {
    JSONValue.number(value, digits: digits).text()
  }
}

extension JSONObject {
  fileprivate mutating func set(_ key: String, _ value: JSONValue) {
    let isNew = append(key, value)
    precondition(isNew, "a key is written once")
  }
}

extension JSONValue {
  fileprivate static func number(_ value: Double, digits: Int = 3) -> JSONValue {
    var scale = 1.0
    for _ in 0..<digits { scale *= 10 }
    return JSONValue((value * scale).rounded() / scale)
  }
}
