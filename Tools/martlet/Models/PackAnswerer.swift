import MartletBytes
import MartletModel
import MartletPack
import MartletRuntime
import MartletText

/// Answers with the packed runtime.
struct PackAnswerer: Answerer {
  private(set) var model: LoadedModel
  let options: RunOptions
  let pool: ThreadPool
  var description: ModelDescription { model.description }

  /// Weights are checked and unpacked here.
  init(
    _ pack: Pack, isa: String?, threads: Int, fuse: Bool = true, cache: CachePrecision = .float32
  ) throws {
    pool = try ThreadPool(threads: threads)
    options = RunOptions(
      instructionSet: try isa.map { try InstructionSet(named: $0) } ?? .best, threads: threads,
      fuse: fuse, cache: cache)
    model = try naming(pack: pack.path) { [pool] in try LoadedModel(pack, pool: pool) }
  }

  /// Takes the size of picture that gives the first token in time, found out with the request itself.
  mutating func choose(deadline: Double, for request: AnswerRequest) throws -> RungChoice {
    var trial = request
    trial.maximumTokens = 1
    let choice = try RungChoice(sides: model.sides, deadline: deadline) { side in
      var other = self
      other.model = try model.at(side)
      return try other.answer(trial) { _ in }.timings.firstToken
    }
    model = try model.at(choice.side)
    return choice
  }

  func answer(_ request: AnswerRequest, onToken: (Int) -> Void) throws -> Answer {
    let start = MonotonicClock.nanoseconds
    var timings = AnswerTimings()
    var rows: [Float] = []
    var tokensPerImage = 0
    if !request.pictures.isEmpty {
      let vision = try VisionSession(model: model, options: options, pool: pool)
      tokensPerImage = vision.tokens
      for path in request.pictures {
        let before = MonotonicClock.nanoseconds
        let pixels = try preparedPicture(path, for: description.image)
        timings.preprocess += MonotonicClock.milliseconds(since: before)
        let encoding = try vision.encode(pixels)
        timings.encode += encoding.encodeMilliseconds
        timings.project += encoding.projectMilliseconds
        rows += encoding.imageTokens
      }
    }
    let template = description.prompt ?? .qwen2
    let length = try request.prompt.splicedLength(
      tokensPerImage: tokensPerImage, maximum: template.maximumTokens)
    let language = try LanguageSession(
      model: model, capacity: length + request.maximumTokens, options: options, pool: pool)
    let beforePrefill = MonotonicClock.milliseconds(since: start)
    let result = try language.generate(
      GenerationRequest(
        ids: request.prompt.ids, maximumTokens: request.maximumTokens, stopIDs: template.stopIDs,
        sampler: Sampler(temperature: request.temperature, seed: request.seed)),
      imageRows: rows, tokensPerImage: tokensPerImage
    ) { id in
      onToken(id)
      return true
    }
    timings.prefill = result.prefillMilliseconds
    timings.firstToken = beforePrefill + result.firstTokenMilliseconds
    timings.total = MonotonicClock.milliseconds(since: start)
    return Answer(
      ids: result.ids, finishReason: result.finishReason.name, promptTokens: length,
      imageTokens: tokensPerImage * request.pictures.count, timings: timings,
      decodeTokensPerSecond: result.decodeTokensPerSecond,
      instructionSet: options.instructionSet.name)
  }
}
