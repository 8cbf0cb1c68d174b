import MartletBytes
import MartletModel

/// Why generation ended.
package enum FinishReason: Equatable, Sendable {
  case stop
  case length
  /// The caller asked to end.
  case cancelled

  package var name: String {
    switch self {
    case .stop: "stop"
    case .length: "length"
    case .cancelled: "cancelled"
    }
  }
}

/// What to generate.
package struct GenerationRequest: Sendable {
  /// The prompt, `PromptTemplate.imageSentinel` at each image.
  package var ids: [Int]
  package var maximumTokens: Int
  package var stopIDs: [Int]
  package var sampler: Sampler

  package init(ids: [Int], maximumTokens: Int, stopIDs: [Int], sampler: Sampler) {
    self.ids = ids
    self.maximumTokens = maximumTokens
    self.stopIDs = stopIDs
    self.sampler = sampler
  }

  /// The prompt with every sentinel replaced by `tokensPerImage` places of −1.
  package func spliced(tokensPerImage: Int) -> [Int] {
    var spliced: [Int] = []
    for id in ids {
      if id == PromptTemplate.imageSentinel {
        spliced.append(contentsOf: repeatElement(-1, count: tokensPerImage))
      } else {
        spliced.append(id)
      }
    }
    return spliced
  }
}

/// What was generated, and how long it took.
package struct GenerationResult: Equatable, Sendable {
  /// Without the stop token.
  package var ids: [Int]
  package var finishReason: FinishReason
  package var promptTokens: Int
  package var prefillMilliseconds: Double
  /// From the start of the prefill to the first id.
  package var firstTokenMilliseconds: Double
  package var decodeTokensPerSecond: Double
  package var totalMilliseconds: Double
}

extension LanguageSession {
  /// Prefill, then one token after another.
  ///
  /// - Parameters:
  ///   - imageRows: rows of all images, in order.
  ///   - onToken: called with every id as it comes; `false` ends generation.
  /// - Throws: as `append` and `advance`.
  package func generate(
    _ request: GenerationRequest, imageRows: [Float], tokensPerImage: Int,
    onToken: (Int) -> Bool
  ) throws(RuntimeError) -> GenerationResult {
    let start = MonotonicClock.nanoseconds
    let prompt = request.spliced(tokensPerImage: tokensPerImage)
    try append(prompt, imageRows: imageRows)
    var result = GenerationResult(
      ids: [], finishReason: .length, promptTokens: prompt.count,
      prefillMilliseconds: MonotonicClock.milliseconds(since: start), firstTokenMilliseconds: 0,
      decodeTokensPerSecond: 0, totalMilliseconds: 0)
    result.ids.reserveCapacity(request.maximumTokens)
    var sampler = request.sampler
    var decodeStart = MonotonicClock.nanoseconds
    var steps = 0
    while result.ids.count < request.maximumTokens {
      let id = next(&sampler)
      if steps == 0 {
        result.firstTokenMilliseconds = MonotonicClock.milliseconds(since: start)
        decodeStart = MonotonicClock.nanoseconds
      }
      if request.stopIDs.contains(id) {
        result.finishReason = .stop
        break
      }
      result.ids.append(id)
      if !onToken(id) {
        result.finishReason = .cancelled
        break
      }
      if result.ids.count < request.maximumTokens {
        try advance(id)
        steps += 1
      }
    }
    let decodeSeconds = MonotonicClock.milliseconds(since: decodeStart) / 1000
    if steps > 0, decodeSeconds > 0 { result.decodeTokensPerSecond = Double(steps) / decodeSeconds }
    result.totalMilliseconds = MonotonicClock.milliseconds(since: start)
    return result
  }
}
