import MartletBytes
import MartletModel
import MartletText

/// One question, with its pictures.
struct AnswerRequest {
  var prompt: Prompt
  var pictures: [String]
  var maximumTokens: Int
  var temperature: Float
  var seed: UInt64
}

/// Milliseconds of the stages of an answer.
struct AnswerTimings {
  var preprocess = 0.0
  var encode = 0.0
  var project = 0.0
  var prefill = 0.0
  /// From the decoded request with the model loaded: all of the above and the first choice.
  var firstToken = 0.0
  var total = 0.0
}

struct Answer {
  var ids: [Int]
  var finishReason: String
  var promptTokens: Int
  var imageTokens: Int
  var timings: AnswerTimings
  var decodeTokensPerSecond: Double
  var instructionSet: String

  /// The object of `run --json`.
  func json(text: String, load: Double, threads: Int) -> JSONOutput {
    var output = JSONOutput()
    output.set("text", text)
    output.set("token_ids", JSONValue.array(ids.map { .number(JSONNumber($0)) }))
    output.set("prompt_tokens", promptTokens)
    output.set("image_tokens", imageTokens)
    output.set("finish_reason", finishReason)
    var times = JSONOutput()
    times.set("load", load)
    times.set("preprocess", timings.preprocess)
    times.set("encode", timings.encode)
    times.set("project", timings.project)
    times.set("prefill", timings.prefill)
    times.set("first_token", timings.firstToken)
    times.set("total", timings.total)
    output.set("timings_ms", times)
    output.set("decode_tokens_per_second", decodeTokensPerSecond)
    output.set("peak_rss_bytes", Machine.peakResidentBytes)
    output.set("isa", instructionSet)
    output.set("threads", threads)
    return output
  }
}

/// Whatever can answer: the packed runtime or the float reference.
protocol Answerer {
  var description: ModelDescription { get }
  func answer(_ request: AnswerRequest, onToken: (Int) -> Void) throws -> Answer
}
