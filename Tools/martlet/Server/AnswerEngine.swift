import Foundation
import MartletBytes
import MartletImages
import MartletModel
import MartletRuntime
import MartletServing
import MartletText

/// Makes one answer after another, on a thread of its own: the kernels use all cores for each.
///
/// Jobs wait in the order they came; beyond the limit they are turned away, so that a client hears at once what a long
/// queue would let it wait for.
final class AnswerEngine: @unchecked Sendable {
  // SAFETY (of the conformance): `queue` and `isOpen` are touched under `condition` only; sessions belong to the thread.
  let model: LoadedModel
  let tokenizer: Tokenizer
  let template: PromptTemplate
  private let options: RunOptions
  private let pool: ThreadPool
  private let limits: ImageLimits
  private let queueLimit: Int
  private let metrics: ServerMetrics
  private let condition = NSCondition()
  private var queue: [AnswerJob] = []
  private var isOpen = true
  private let stopped = DispatchSemaphore(value: 0)

  init(
    _ answerer: PackAnswerer, tokenizer: Tokenizer, template: PromptTemplate,
    options server: ServerOptions, metrics: ServerMetrics
  ) {
    model = answerer.model
    options = answerer.options
    pool = answerer.pool
    self.tokenizer = tokenizer
    self.template = template
    limits = server.pictureLimits
    queueLimit = server.queueLimit
    self.metrics = metrics
  }

  /// Starts the thread; the encoder's memory is taken here, so that what a request needs is there.
  func start() throws {
    let vision = try VisionSession(model: model, options: options, pool: pool)
    let sessions = Sessions(vision: vision)
    let thread = Thread { [self] in
      while let job = next() { run(job, sessions.vision) }
      stopped.signal()
    }
    thread.name = "martlet-engine"
    // A parser of pictures from strangers gets the stack of a main thread.
    thread.stackSize = 8 << 20
    thread.start()
  }

  /// Hands the session to the thread, which alone uses it from then on.
  private struct Sessions: @unchecked Sendable {
    let vision: VisionSession
  }

  /// `false` where too many wait already.
  func add(_ job: AnswerJob) -> Bool {
    condition.lock()
    defer { condition.unlock() }
    queue.removeAll { $0.isCancelled }
    if !isOpen || queue.count >= queueLimit { return false }
    queue.append(job)
    metrics.setWaiting(queue.count)
    condition.signal()
    return true
  }

  /// Ends the thread after its present job; those that wait are abandoned.
  func stop() {
    condition.lock()
    isOpen = false
    for job in queue { job.cancel() }
    condition.broadcast()
    condition.unlock()
  }

  /// Waits for the job that was running when `stop` was called.
  func waitUntilStopped() { stopped.wait() }

  private func next() -> AnswerJob? {
    condition.lock()
    defer { condition.unlock() }
    while queue.isEmpty {
      if !isOpen { return nil }
      condition.wait()
    }
    let job = queue.removeFirst()
    metrics.setWaiting(queue.count)
    return job
  }

  private func run(_ job: AnswerJob, _ vision: VisionSession) {
    do {
      if let ending = try answer(job, vision) {
        metrics.answered(
          prompt: ending.promptTokens, completion: ending.completionTokens,
          pictures: job.pictures.count, timings: ending.timings)
        job.tell(.ended(ending))
      } else {
        metrics.cancelled()
        job.tell(.abandoned)
      }
    } catch {
      job.tell(.failed(error))
    }
  }

  /// `nil` where the client went away.
  private func answer(_ job: AnswerJob, _ vision: VisionSession) throws -> ChatAnswer.Ending? {
    if job.isCancelled { return nil }
    let start = MonotonicClock.nanoseconds
    let length = try job.prompt.splicedLength(
      tokensPerImage: vision.tokens, maximum: template.maximumTokens)
    var (preprocess, encode) = (0.0, 0.0)
    var rows: [Float] = []
    for (name, bytes) in job.pictures {
      let before = MonotonicClock.nanoseconds
      let pixels = try ImageDecoder.pixels(of: bytes, name: name, limits: limits)
        .prepared(for: model.description.image, name: name)
      preprocess += MonotonicClock.milliseconds(since: before)
      let encoding = try vision.encode(pixels)
      encode += encoding.encodeMilliseconds + encoding.projectMilliseconds
      rows += encoding.imageTokens
      if job.isCancelled { return nil }
    }
    let maximum = min(job.maximumTokens, max(1, template.maximumTokens - length))
    let session = try LanguageSession(
      model: model, capacity: length + maximum, options: options, pool: pool)
    var decoder = StreamingDecoder(tokenizer)
    var isFirst = true
    func tell(_ piece: String) {
      // White space before the first word is left out, as the reference strips it.
      let text = isFirst ? String(piece.drop { $0.isWhitespace }) : piece
      if text.isEmpty { return }
      isFirst = false
      job.tell(.text(text))
    }
    let before = MonotonicClock.milliseconds(since: start)
    let result = try session.generate(
      GenerationRequest(
        ids: job.prompt.ids, maximumTokens: maximum, stopIDs: template.stopIDs,
        sampler: Sampler(temperature: job.temperature, seed: job.seed)),
      imageRows: rows, tokensPerImage: vision.tokens
    ) { id in
      tell(decoder.append(id))
      return !job.isCancelled
    }
    if result.finishReason == .cancelled { return nil }
    tell(decoder.finish())
    let total = MonotonicClock.milliseconds(since: start)
    return ChatAnswer.Ending(
      reason: result.finishReason.name, promptTokens: length, completionTokens: result.ids.count,
      timings: [
        ("preprocess", preprocess), ("encode", encode), ("prefill", result.prefillMilliseconds),
        ("first_token", before + result.firstTokenMilliseconds),
        ("decode", result.totalMilliseconds - result.firstTokenMilliseconds), ("total", total),
      ])
  }
}
