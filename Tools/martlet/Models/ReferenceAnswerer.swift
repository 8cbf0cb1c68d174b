import MartletBytes
import MartletModel
import MartletReference
import MartletRuntime
import MartletText

/// Answers with the float reference, folded.
struct ReferenceAnswerer: Answerer {
  let model: ReferenceModel
  var description: ModelDescription { model.description }

  init(_ source: LoadedSource, threads: Int) throws {
    model = try ReferenceModel(
      description: source.folded.description, parameters: source.folded.parameters,
      options: ReferenceOptions(threads: threads))
  }

  func answer(_ request: AnswerRequest, onToken: (Int) -> Void) throws -> Answer {
    let start = MonotonicClock.nanoseconds
    var timings = AnswerTimings()
    var images: [ReferenceTensor] = []
    for path in request.pictures {
      var before = MonotonicClock.nanoseconds
      let pixels = try preparedPicture(path, for: description.image)
      timings.preprocess += MonotonicClock.milliseconds(since: before)
      before = MonotonicClock.nanoseconds
      let encoded = try model.encoded(pixels)
      timings.encode += MonotonicClock.milliseconds(since: before)
      before = MonotonicClock.nanoseconds
      images.append(try model.projected(encoded))
      timings.project += MonotonicClock.milliseconds(since: before)
    }
    let template = description.prompt ?? .qwen2
    let tokensPerImage = images.first?.rows ?? 0
    let length = try request.prompt.splicedLength(
      tokensPerImage: tokensPerImage, maximum: template.maximumTokens)
    let before = MonotonicClock.nanoseconds
    let cache = MartletReference.KeyValueCache()
    var logits = try model.prefilled(ids: request.prompt.ids, images: images, cache: cache)
    timings.prefill = MonotonicClock.milliseconds(since: before)
    var sampler = Sampler(temperature: request.temperature, seed: request.seed)
    var ids: [Int] = []
    var finish = "length"
    let known = min(description.tokenizer?.size ?? logits.count, logits.count)
    var decodeStart = MonotonicClock.nanoseconds
    var steps = 0
    while ids.count < request.maximumTokens {
      let id = sampler.next(logits.span.extracting(0..<known))
      if timings.firstToken == 0 {
        timings.firstToken = MonotonicClock.milliseconds(since: start)
        decodeStart = MonotonicClock.nanoseconds
      }
      if template.stopIDs.contains(id) {
        finish = "stop"
        break
      }
      ids.append(id)
      onToken(id)
      if ids.count < request.maximumTokens {
        logits = try model.advanced(id: id, cache: cache)
        steps += 1
      }
    }
    let seconds = MonotonicClock.milliseconds(since: decodeStart) / 1000
    timings.total = MonotonicClock.milliseconds(since: start)
    return Answer(
      ids: ids, finishReason: finish, promptTokens: length,
      imageTokens: tokensPerImage * images.count, timings: timings,
      decodeTokensPerSecond: steps > 0 && seconds > 0 ? Double(steps) / seconds : 0,
      instructionSet: "reference")
  }
}
