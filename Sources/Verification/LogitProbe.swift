import MartletBytes
import MartletImages
import MartletModel
import MartletRuntime
import MartletText

/// How far the next token's distribution moves when layers of a model are stored otherwise: on pictures with questions and along the
/// model's own answers.
package final class LogitProbe {
  /// Tokens of an answer that are compared, the first one by the prompt alone.
  package static let answerLength = 8

  private struct Case {
    var pixels: Pixels
    var ids: [Int]
    /// The base's.
    var rows: [Float]
    var answer: [Int]
    /// `[answer][tokens]`
    var logits: [[Float]]
  }

  private let base: LoadedModel
  private let options: RunOptions
  private let pool: ThreadPool
  private let vision: VisionSession
  private let tokenizer: Tokenizer
  private let template: PromptTemplate
  private var cases: [Case] = []

  /// - Parameter base: what others are compared with.
  /// - Throws: `noAnswers` for a model without a language part, and what sessions throw.
  package init(
    _ base: LoadedModel, options: RunOptions, pool: ThreadPool
  ) throws(VerificationError) {
    guard let specification = base.description.tokenizer, let template = base.description.prompt,
      base.description.network(.language) != nil
    else { throw .noAnswers }
    self.base = base
    self.options = options
    self.pool = pool
    self.template = template
    do { tokenizer = try Tokenizer(specification) } catch { throw .text(error) }
    do { vision = try VisionSession(model: base, options: options, pool: pool) } catch {
      throw .runtime(error)
    }
  }

  package var pictures: Int { cases.count }
  package var positions: Int { cases.reduce(0) { $0 + $1.answer.count } }

  /// Adds a picture as it was decoded, with a question.
  package func add(
    _ picture: Pixels, name: String, question: String
  ) throws(VerificationError) {
    let pixels: Pixels
    do { pixels = try picture.prepared(for: base.description.image, name: name) } catch {
      throw .image(error)
    }
    let prompt: Prompt
    do {
      prompt = try Prompt(
        question: question, imageCount: 1, template: template, tokenizer: tokenizer)
    } catch { throw .text(error) }
    let ids = GenerationRequest(
      ids: prompt.ids, maximumTokens: Self.answerLength, stopIDs: [],
      sampler: Sampler(temperature: 0, seed: 0)
    ).spliced(tokensPerImage: vision.tokens)
    do {
      let rows = try vision.encode(pixels).imageTokens
      let session = try session(of: base, ids)
      try session.append(ids, imageRows: rows)
      var (answer, logits): ([Int], [[Float]]) = ([], [])
      while answer.count < Self.answerLength {
        logits.append(Self.logits(session))
        var sampler = Sampler(temperature: 0, seed: 0)
        answer.append(session.next(&sampler))
        if template.stopIDs.contains(answer[answer.count - 1]) { break }
        if answer.count < Self.answerLength { try session.advance(answer[answer.count - 1]) }
      }
      cases.append(Case(pixels: pixels, ids: ids, rows: rows, answer: answer, logits: logits))
    } catch { throw .runtime(error) }
  }

  /// Mean divergence of another model's distributions from the base's, in nats.
  ///
  /// - Parameter changed: parts in which it differs; where that is the language model alone, pictures are not encoded again.
  package func divergence(
    of other: LoadedModel, changed: Set<NetworkRole>
  ) throws(VerificationError) -> Double {
    do {
      let seesOtherwise = changed.contains(.vision) || changed.contains(.projector)
      var eyes: VisionSession?
      if seesOtherwise {
        eyes = try VisionSession(model: other, options: options, pool: pool)
      }
      let longest = cases.map(\.ids.count).max() ?? 0
      let session = try LanguageSession(
        model: other, capacity: longest + Self.answerLength, options: options, pool: pool)
      var sum = 0.0
      for entry in cases {
        var rows = entry.rows
        if let eyes { rows = try eyes.encode(entry.pixels).imageTokens }
        session.reset()
        try session.append(entry.ids, imageRows: rows)
        for (place, expected) in entry.logits.enumerated() {
          let found = Self.logits(session)
          sum += PositionComparison(reference: expected.span, found: found.span).divergence
          if place + 1 < entry.logits.count { try session.advance(entry.answer[place]) }
        }
      }
      return sum / Double(max(1, positions))
    } catch { throw .runtime(error) }
  }

  private func session(
    of model: LoadedModel, _ ids: [Int]
  ) throws(RuntimeError) -> LanguageSession {
    try LanguageSession(
      model: model, capacity: ids.count + Self.answerLength, options: options, pool: pool)
  }

  private static func logits(_ session: LanguageSession) -> [Float] {
    session.withLogits { logits in
      (0..<session.tokenCount).map { logits[$0] }
    } ?? []
  }

  // MARK: Times

  /// Milliseconds of each layer with a matrix, up to the first token.
  package struct LayerTimes: Sendable {
    package var layers: [String: Double] = [:]
    package var total = 0.0
  }

  /// Runs a model on the first picture and shares out the time.
  ///
  /// The encoder's by measured regions, within them and in the other parts by multiply-adds.
  package func times(of model: LoadedModel, runs: Int = 3) throws(VerificationError) -> LayerTimes {
    guard let entry = cases.first else { throw .noPictures }
    var profiled = options
    profiled.profile = true
    do {
      let eyes = try VisionSession(model: model, options: profiled, pool: pool)
      let session = try session(of: model, entry.ids)
      var regions: [Int64] = []
      var (encode, project, prefill) = (Double.infinity, Double.infinity, Double.infinity)
      for _ in 0..<runs {
        let encoding = try eyes.encode(entry.pixels)
        let found = eyes.takeTimings()
        regions = regions.isEmpty ? found : zip(regions, found).map { min($0, $1) }
        encode = min(encode, encoding.encodeMilliseconds)
        project = min(project, encoding.projectMilliseconds)
        session.reset()
        let start = MonotonicClock.nanoseconds
        try session.append(entry.ids, imageRows: encoding.imageTokens)
        prefill = min(prefill, MonotonicClock.milliseconds(since: start))
      }
      var times = LayerTimes()
      times.total = encode + project + prefill
      for (region, nanoseconds) in zip(eyes.encoderSchedule.regions, regions) {
        times.share(
          Double(nanoseconds) / 1e6, among: region.layers, of: eyes.encoderNetwork)
      }
      for (role, spent) in [(NetworkRole.projector, project), (.language, prefill)] {
        guard let network = model.description.network(role) else { continue }
        times.share(spent, among: network.layers.map(\.name), of: network)
      }
      return times
    } catch { throw .runtime(error) }
  }
}

extension LogitProbe.LayerTimes {
  /// Shares out time by the size of matrices: all rows go through each of them.
  fileprivate mutating func share(
    _ milliseconds: Double, among names: [String], of network: Network
  ) {
    let wanted = Set(names)
    var sizes: [(name: String, size: Double)] = []
    for layer in network.layers where wanted.contains(layer.name) {
      // The head runs for one row only.
      guard case .linear(let op) = layer.op,
        layer.output != network.output || network.role != .language
      else { continue }
      sizes.append((layer.name, Double(op.inputs) * Double(op.outputs)))
    }
    let all = sizes.reduce(0) { $0 + $1.size }
    for (name, size) in sizes { layers[name, default: 0] += milliseconds * size / max(1, all) }
  }
}
