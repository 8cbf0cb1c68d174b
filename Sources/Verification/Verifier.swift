import MartletBytes
import MartletImages
import MartletModel
import MartletReference
import MartletRuntime
import MartletText

/// One picture with its question, and the answer where it is known.
package struct VerificationCase: Sendable {
  package var picture: Pixels
  package var name: String
  package var question: String
  package var answer: String?
  /// The kind of picture or question whose score is counted apart as well.
  package var group: String?

  package init(
    picture: Pixels, name: String, question: String, answer: String?, group: String? = nil
  ) {
    self.picture = picture
    self.name = name
    self.question = question
    self.answer = answer
    self.group = group
  }
}

/// Runs the reference and the pack on the same cases and compares them stage by stage.
package final class Verifier {
  private let reference: ReferenceModel
  private let packed: LoadedModel
  private let options: RunOptions
  private let pool: ThreadPool
  private let vision: VisionSession
  private let tokenizers: (reference: Tokenizer, packed: Tokenizer)?
  private let wantsLayers: Bool
  private let longestAnswer: Int
  private var result = Verification()
  /// The picture encoded last: questions about one picture follow each other.
  private var latest: (name: String, tokens: ReferenceTensor, packedRows: [Float])?

  /// Ids of a greedy continuation that are compared at most, each position by its whole distribution as well.
  package static let longestAnswer = 64

  /// - Throws: `mismatch` where the two cannot be compared, and what loading throws.
  package init(
    reference: ReferenceModel, packed: LoadedModel, options: RunOptions, pool: ThreadPool,
    layers: Bool, longestAnswer: Int = Verifier.longestAnswer
  ) throws(VerificationError) {
    self.reference = reference
    self.packed = packed
    self.options = options
    self.pool = pool
    wantsLayers = layers
    self.longestAnswer = longestAnswer
    let (a, b) = (reference.description.image.resolution, packed.description.image.resolution)
    if a != b { throw .mismatch(what: "resolution", reference: a, packed: b) }
    do { vision = try VisionSession(model: packed, options: options, pool: pool) } catch {
      throw .runtime(error)
    }
    if let first = reference.description.tokenizer, let second = packed.description.tokenizer {
      do { tokenizers = (try Tokenizer(first), try Tokenizer(second)) } catch { throw .text(error) }
    } else {
      tokenizers = nil
    }
  }

  /// What was found so far.
  package var verification: Verification { result }

  /// Adds one case. A picture named like the case before it is not encoded again.
  package func add(_ item: VerificationCase) throws(VerificationError) {
    let (tokens, packedRows) = try encoded(item)
    if let tokenizers {
      result.questions += 1
      try compareLanguage(item, tokens, packedRows, tokenizers.reference, tokenizers.packed)
    }
  }

  /// Image tokens of both, compared the first time the picture comes.
  private func encoded(
    _ item: VerificationCase
  ) throws(VerificationError) -> (ReferenceTensor, [Float]) {
    if let latest, latest.name == item.name { return (latest.tokens, latest.packedRows) }
    let pixels = try prepared(item, for: packed.description.image)
    let expected = try prepared(item, for: reference.description.image)
    let difference = zip(pixels.bytes, expected.bytes).reduce(0) {
      max($0, abs(Int($1.0) - Int($1.1)))
    }
    result.inputs.pixelsMaximumDifference = max(result.inputs.pixelsMaximumDifference, difference)
    let isFirst = result.images == 0
    let (tokens, packedRows) = try compareVision(
      expected, pixels, withLayers: isFirst && wantsLayers)
    result.images += 1
    latest = (item.name, tokens, packedRows)
    return (tokens, packedRows)
  }

  private func prepared(
    _ item: VerificationCase, for specification: ImageSpecification
  ) throws(VerificationError) -> Pixels {
    do { return try item.picture.prepared(for: specification, name: item.name) } catch {
      throw .image(error)
    }
  }

  /// Folds a new value into a running mean over pictures.
  private func average(_ mean: inout Double, _ value: Double, count: Int) {
    mean += (value - mean) / Double(count)
  }

  // MARK: Vision

  private func compareVision(
    _ expected: Pixels, _ pixels: Pixels, withLayers: Bool
  ) throws(VerificationError) -> (ReferenceTensor, [Float]) {
    let count = result.images + 1
    do {
      var start = MonotonicClock.nanoseconds
      let encoded = try reference.encoded(expected)
      average(
        &result.referenceTimes.encode, MonotonicClock.milliseconds(since: start), count: count)
      start = MonotonicClock.nanoseconds
      let hasProjector = reference.description.network(.projector) != nil
      let tokens = hasProjector ? try reference.projected(encoded) : encoded
      average(
        &result.referenceTimes.project, MonotonicClock.milliseconds(since: start), count: count)
      let found: VisionSession.Encoding
      do { found = try vision.encode(pixels, keepingEncoderOutput: true) } catch {
        throw VerificationError.runtime(error)
      }
      average(&result.packedTimes.encode, found.encodeMilliseconds, count: count)
      average(&result.packedTimes.project, found.projectMilliseconds, count: count)
      if found.encoderOutput.count != encoded.data.count {
        throw VerificationError.mismatch(
          what: "encoder output", reference: encoded.data.count, packed: found.encoderOutput.count)
      }
      if found.imageTokens.count != tokens.data.count {
        throw VerificationError.mismatch(
          what: "image tokens", reference: tokens.data.count, packed: found.imageTokens.count)
      }
      result.encoder.add(reference: encoded.data, found: found.encoderOutput)
      result.imageTokens.add(reference: tokens.data, found: found.imageTokens)
      if withLayers { try compareLayers(expected) }
      return (tokens, found.imageTokens)
    } catch let error as ReferenceError {
      throw .reference(error)
    } catch let error as VerificationError {
      throw error
    } catch {
      preconditionFailure("no other error is thrown here")
    }
  }

  private func compareLayers(_ pixels: Pixels) throws(VerificationError) {
    guard let network = packed.description.network(.vision) else { return }
    var comparison = LayerComparison()
    do {
      try comparison.record { tap throws(ReferenceError) in
        _ = try reference.encoded(pixels, tap: tap)
      }
    } catch { throw .reference(error) }
    var apart = options
    apart.fuse = false
    do {
      let session = try VisionSession(model: packed, options: apart, pool: pool)
      result.layers = try comparison.errors(of: network) { tap, inject throws(RuntimeError) in
        _ = try session.encode(pixels, tap: tap, inject: inject)
      }
    } catch { throw .runtime(error) }
  }

  // MARK: Language

  private func compareLanguage(
    _ item: VerificationCase, _ tokens: ReferenceTensor, _ packedRows: [Float],
    _ referenceTokenizer: Tokenizer, _ packedTokenizer: Tokenizer
  ) throws(VerificationError) {
    guard let template = reference.description.prompt,
      let packedTemplate = packed.description.prompt
    else { return }
    let prompt: Prompt
    let packedPrompt: Prompt
    do {
      prompt = try Prompt(
        question: item.question, imageCount: 1, template: template, tokenizer: referenceTokenizer)
      packedPrompt = try Prompt(
        question: item.question, imageCount: 1, template: packedTemplate,
        tokenizer: packedTokenizer)
    } catch { throw .text(error) }
    if prompt.ids != packedPrompt.ids { result.inputs.tokenIDsEqual = false }
    let expected = try continueReference(prompt.ids, tokens, stops: template.stopIDs)
    let found = try continuePacked(
      packedPrompt.ids, packedRows, following: expected.ids, expected.logits,
      stops: packedTemplate.stopIDs)
    // The pack's ids come without the one that ended them.
    let answer = Array(expected.ids.prefix { !template.stopIDs.contains($0) })
    let same = zip(answer, found).prefix { $0 == $1 }.count
    let count = result.questions
    average(
      &result.text.exactMatch, answer == found ? 1 : 0, count: count)
    average(&result.text.firstDivergenceMean, Double(same), count: count)
    score(item, expected.ids, found, template, referenceTokenizer, packedTokenizer)
  }

  /// Greedy ids of the reference up to the one that ends its answer, and the logits each was chosen from.
  private func continueReference(
    _ ids: [Int], _ tokens: ReferenceTensor, stops: [Int]
  ) throws(VerificationError) -> (ids: [Int], logits: [[Float]]) {
    do {
      let cache = MartletReference.KeyValueCache()
      let start = MonotonicClock.nanoseconds
      var logits = [try reference.prefilled(ids: ids, images: [tokens], cache: cache)]
      average(
        &result.referenceTimes.prefill, MonotonicClock.milliseconds(since: start),
        count: result.questions)
      var chosen = [reference.greedyChoice(logits[0])]
      while chosen.count < longestAnswer, !stops.contains(chosen[chosen.count - 1]) {
        let next = try reference.advanced(id: chosen[chosen.count - 1], cache: cache)
        logits.append(next)
        chosen.append(reference.greedyChoice(next))
      }
      return (chosen, logits)
    } catch { throw .reference(error) }
  }

  /// Greedy ids of the pack. Distributions are compared along the reference's ids, so that one early difference
  /// does not make every later position incomparable.
  private func continuePacked(
    _ ids: [Int], _ rows: [Float], following expected: [Int], _ logits: [[Float]], stops: [Int]
  ) throws(VerificationError) -> [Int] {
    do {
      let request = GenerationRequest(
        ids: ids, maximumTokens: longestAnswer, stopIDs: stops,
        sampler: Sampler(temperature: 0, seed: 0))
      let spliced = request.spliced(tokensPerImage: vision.tokens)
      let session = try LanguageSession(
        model: packed, capacity: spliced.count + longestAnswer, options: options, pool: pool)
      let start = MonotonicClock.nanoseconds
      try session.append(spliced, imageRows: rows)
      average(
        &result.packedTimes.prefill, MonotonicClock.milliseconds(since: start),
        count: result.questions)
      let known = session.tokenCount
      for (step, reference) in logits.enumerated() {
        let found = session.withLogits { span in (0..<known).map { span[$0] } } ?? []
        result.logits.add(reference: reference.prefix(known), found: found[...])
        if step + 1 < logits.count { try session.advance(expected[step]) }
      }
      session.reset()
      return try session.generate(request, imageRows: rows, tokensPerImage: vision.tokens) { _ in
        true
      }.ids
    } catch { throw .runtime(error) }
  }

  private func score(
    _ item: VerificationCase, _ expected: [Int], _ found: [Int], _ template: PromptTemplate,
    _ referenceTokenizer: Tokenizer, _ packedTokenizer: Tokenizer
  ) {
    func text(_ ids: [Int], _ tokenizer: Tokenizer) -> String {
      tokenizer.decode(Array(ids.prefix { !template.stopIDs.contains($0) }))
    }
    let answered = AnsweredQuestion(
      picture: item.name, question: item.question, group: item.group, answer: item.answer,
      reference: text(expected, referenceTokenizer), packed: text(found, packedTokenizer))
    result.answers.append(answered)
    guard let referenceIsRight = answered.isRight(answered.reference),
      let packIsRight = answered.isRight(answered.packed)
    else { return }
    var task = result.task ?? TaskScore()
    task.add(referenceIsRight: referenceIsRight, packIsRight: packIsRight)
    result.task = task
    guard let group = item.group else { return }
    let place = result.groups.firstIndex { $0.name == group } ?? result.groups.count
    if place == result.groups.count { result.groups.append((group, TaskScore())) }
    result.groups[place].score.add(referenceIsRight: referenceIsRight, packIsRight: packIsRight)
  }
}
