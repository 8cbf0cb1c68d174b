import MartletBytes
import MartletImages
import MartletModel
import MartletReference
import MartletRuntime
import MartletText

/// A pack on the pictures of a `ReferenceRun`, compared stage by stage.
package final class PackedRun {
  let model: LoadedModel
  package let preparation: ModelPreparation
  let options: RunOptions
  let pool: ThreadPool
  private let vision: VisionSession
  private let tokenizer: Tokenizer?
  private let longestAnswer: Int
  private let referenceStops: [Int]
  private var language: LanguageSession?

  /// - Parameter preparation: as the pack tells it.
  /// - Throws: `mismatch` where the two cannot be compared, and what loading throws.
  package init(
    _ model: LoadedModel, preparation: ModelPreparation = ModelPreparation(),
    beside reference: ReferenceRun, options: RunOptions, pool: ThreadPool
  ) throws(VerificationError) {
    self.model = model
    self.preparation = preparation
    self.options = options
    self.pool = pool
    longestAnswer = reference.longestAnswer
    referenceStops = reference.template?.stopIDs ?? []
    let expected = reference.model.description
    let (a, b) = (expected.image.resolution, model.description.image.resolution)
    if a != b { throw .mismatch(what: "resolution", reference: a, packed: b) }
    let (c, d) = (expected.tokenizer?.size ?? 0, model.description.tokenizer?.size ?? 0)
    if c != d { throw .mismatch(what: "tokens", reference: c, packed: d) }
    do { vision = try VisionSession(model: model, options: options, pool: pool) } catch {
      throw .runtime(error)
    }
    do {
      tokenizer = try model.description.tokenizer.map { specification throws(TextError) in
        try Tokenizer(specification)
      }
    } catch { throw .text(error) }
  }

  package var description: ModelDescription { model.description }
  package var plan: QuantizationPlan { model.plan }

  // MARK: Vision

  /// What became of a picture: its record without questions, and the rows for the language model.
  package func picture(
    _ expected: ReferenceRun.Picture, place: Int
  ) throws(VerificationError) -> (record: PictureRecord, rows: [Float]) {
    let pixels: Pixels
    do {
      pixels = try expected.source.prepared(for: model.description.image, name: expected.name)
    } catch { throw .image(error) }
    let found: VisionSession.Encoding
    do { found = try vision.encode(pixels, keepingEncoderOutput: true) } catch {
      throw .runtime(error)
    }
    let (encoded, tokens) = (expected.encoded, expected.tokens)
    if found.encoderOutput.count != encoded.data.count {
      throw .mismatch(
        what: "encoder output", reference: encoded.data.count, packed: found.encoderOutput.count)
    }
    if found.imageTokens.count != tokens.data.count {
      throw .mismatch(
        what: "image tokens", reference: tokens.data.count, packed: found.imageTokens.count)
    }
    let record = PictureRecord(
      picture: place, name: expected.name,
      pixels: XXH64.checksum(expected.prepared.bytes),
      pixelsDifference: zip(pixels.bytes, expected.prepared.bytes).reduce(0) {
        max($0, abs(Int($1.0) - Int($1.1)))
      },
      encoder: SimilarityTerms(reference: encoded.data.span, found: found.encoderOutput.span),
      imageTokens: SimilarityTerms(reference: tokens.data.span, found: found.imageTokens.span),
      featureErrors: Self.rowErrors(encoded, found.encoderOutput), reference: expected.times,
      packed: PictureRecord.VisionTimes(
        encode: found.encodeMilliseconds, project: found.projectMilliseconds))
    return (record, found.imageTokens)
  }

  /// Length of each row's error over the root mean square length of the reference's rows; zeros where those are zero.
  private static func rowErrors(_ reference: ReferenceTensor, _ found: [Float]) -> [Double] {
    let width = reference.channels
    var errors: [Double] = []
    var power = 0.0
    for row in 0..<reference.rows {
      var noise = 0.0
      for index in row * width..<(row + 1) * width {
        let (a, b) = (Double(reference.data[index]), Double(found[index]))
        power += a * a
        noise += (a - b) * (a - b)
      }
      errors.append(noise)
    }
    let mean = power / Double(max(1, reference.rows))
    // Six digits are more than a picture of errors shows, and keep results files small.
    return errors.map { mean > 0 ? ($0 / mean).squareRoot().roundedToMillionths : 0 }
  }

  // MARK: Language

  /// One question about a picture whose rows are given.
  package func question(
    _ question: VerificationCases.Question, rows: [Float], expected: ReferenceRun.Answer
  ) throws(VerificationError) -> QuestionRecord? {
    guard let tokenizer, let template = model.description.prompt else { return nil }
    let prompt: Prompt
    do {
      prompt = try Prompt(
        question: question.text, imageCount: 1, template: template, tokenizer: tokenizer)
    } catch { throw .text(error) }
    let found = try continued(
      prompt.ids, rows, following: expected, stops: template.stopIDs)
    let answer = Array(expected.ids.prefix { !referenceStops.contains($0) })
    return QuestionRecord(
      question: question.place, text: question.text, group: question.group,
      answer: question.answer, reference: expected.text, packed: tokenizer.decode(found.ids),
      tokenIDsEqual: prompt.ids == expected.promptIDs, isExact: answer == found.ids,
      sameTokens: zip(answer, found.ids).prefix { $0 == $1 }.count, positions: found.positions,
      referenceTimes: expected.times, packedTimes: found.times)
  }

  private struct Continuation {
    /// Without the id that ended them.
    var ids: [Int] = []
    var positions: [PositionComparison] = []
    var times = QuestionRecord.LanguageTimes(prefill: 0, decode: 0, steps: 0)
  }

  /// The pack's own greedy ids, and its distributions along the reference's ids, so that one early difference does not
  /// make every later position incomparable.
  ///
  /// As long as both choose alike these are one walk. Where they part, the pack goes back to that place and on by itself.
  private func continued(
    _ ids: [Int], _ rows: [Float], following expected: ReferenceRun.Answer, stops: [Int]
  ) throws(VerificationError) -> Continuation {
    let longest = expected.logits.count
    let spliced = GenerationRequest(
      ids: ids, maximumTokens: longestAnswer, stopIDs: stops,
      sampler: Sampler(temperature: 0, seed: 0)
    ).spliced(tokensPerImage: vision.tokens)
    var result = Continuation()
    do {
      let session = try session(capacity: spliced.count + longestAnswer)
      session.reset()
      let start = MonotonicClock.nanoseconds
      try session.append(spliced, imageRows: rows)
      result.times.prefill = MonotonicClock.milliseconds(since: start)
      var parted: (id: Int, position: Int)?
      for step in 0..<longest {
        result.positions.append(Self.compared(expected.logits[step], session))
        if parted == nil {
          let id = Self.greedy(session)
          if id != expected.ids[step] || stops.contains(id) {
            parted = (id, session.position)
          } else {
            result.ids.append(id)
          }
        }
        if step + 1 == longest { break }
        let stepStart = MonotonicClock.nanoseconds
        try session.advance(expected.ids[step])
        result.times.decode += MonotonicClock.milliseconds(since: stepStart)
        result.times.steps += 1
      }
      if let parted {
        session.rewind(to: parted.position)
        var id = parted.id
        while !stops.contains(id) {
          result.ids.append(id)
          if result.ids.count == longestAnswer { break }
          try session.advance(id)
          id = Self.greedy(session)
        }
      }
    } catch { throw .runtime(error) }
    return result
  }

  private static func greedy(_ session: LanguageSession) -> Int {
    var sampler = Sampler(temperature: 0, seed: 0)
    return session.next(&sampler)
  }

  private static func compared(
    _ reference: [Float], _ session: LanguageSession
  ) -> PositionComparison {
    let known = min(session.tokenCount, reference.count)
    let found = session.withLogits { logits in
      PositionComparison(
        reference: reference.span.extracting(0..<known), found: logits.extracting(0..<known))
    }
    guard let found else { preconditionFailure("the prompt was run") }
    return found
  }

  /// The session of the question before, where it has room; results do not depend on how much there is.
  private func session(capacity: Int) throws(RuntimeError) -> LanguageSession {
    if let language, language.capacity >= capacity { return language }
    let session = try LanguageSession(
      model: model, capacity: max(256, capacity + capacity / 2), options: options, pool: pool)
    language = session
    return session
  }
}

extension Double {
  /// Six digits behind the point.
  fileprivate var roundedToMillionths: Double { (self * 1e6).rounded() / 1e6 }
}
