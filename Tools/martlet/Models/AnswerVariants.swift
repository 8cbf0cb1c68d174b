import MartletBytes
import MartletImages
import MartletModel
import MartletPack
import MartletRuntime
import MartletText
import MartletVerification

/// A way of preparing pictures and of putting the question.
struct AnswerVariant: Equatable {
  /// Where the picture stands.
  enum Order: String, CaseIterable {
    case pictureFirst = "picture first"
    case questionFirst = "question first"
  }

  /// What stands before the conversation.
  enum System: String, CaseIterable {
    case own = "the model's system prompt"
    case none = "no system prompt"
  }

  var pixels: PreprocessingVariant
  var order: Order
  var system: System

  var name: String { "\(pixels.name); \(order.rawValue); \(system.rawValue)" }
}

/// How often a variant says what the reference said.
struct AnswerScore {
  var variant: AnswerVariant
  var equal = 0
  var asked = 0
  /// Characters before the first difference, as a share of the reference's answers.
  var sameStart = 0.0
  var isMatch: Bool { asked > 0 && equal == asked }
}

/// Asks a model in every usual way what a reference was asked.
struct AnswerVariants {
  let model: LoadedModel
  let options: RunOptions
  let pool: ThreadPool
  let longestAnswer: Int

  /// The variants of pixels that answers can tell apart.
  ///
  /// Filters differ by a level or two, which answers seldom show: only the plain one is held against the antialiased.
  private func pixelVariants() -> [PreprocessingVariant] {
    PreprocessingVariant.all(beside: model.description.image).filter {
      ($0.filter == .bicubic || $0.filter == .bilinear || $0.filter == .bilinearPlain)
        && $0.fit != .letterbox
    }
  }

  func scores(
    _ cases: VerificationCases, progress: (_ done: Int, _ total: Int) -> Void
  ) throws -> [AnswerScore] {
    guard let specification = model.description.tokenizer, let template = model.description.prompt
    else {
      throw CommandError(
        .badData, "the model cannot answer questions", ["it holds an image encoder only"])
    }
    let tokenizer = try Tokenizer(specification)
    let vision = try VisionSession(model: model, options: options, pool: pool)
    let pixels = pixelVariants()
    let kinds = AnswerVariant.System.allCases.filter { $0 == .own || template.hasSystem }
    var scores = pixels.flatMap { variant in
      kinds.flatMap { system in
        AnswerVariant.Order.allCases.map {
          AnswerScore(variant: AnswerVariant(pixels: variant, order: $0, system: system))
        }
      }
    }
    let perPixels = scores.count / max(1, pixels.count)
    var done = 0
    for picture in cases.pictures {
      let source = try decodedPicture(picture.path)
      // Variants that make the same bytes of this picture need no second run of the encoder.
      var known: [(bytes: [UInt8], rows: [Float])] = []
      for (place, variant) in pixels.enumerated() {
        let prepared = variant.pixels(source, side: vision.resolution)
        let rows: [Float]
        if let same = known.first(where: { $0.bytes == prepared.bytes }) {
          rows = same.rows
        } else {
          rows = try vision.encode(prepared).imageTokens
          known.append((prepared.bytes, rows))
        }
        for index in place * perPixels..<(place + 1) * perPixels {
          for question in picture.questions {
            guard let expected = question.answer else { continue }
            let found = try answer(
              question.text, rows, vision.tokens, scores[index].variant, template, tokenizer)
            let (a, b) = (AnswerText.normalized(expected), AnswerText.normalized(found))
            scores[index].asked += 1
            if a == b { scores[index].equal += 1 }
            let same = zip(a, b).prefix { $0 == $1 }.count
            scores[index].sameStart += a.isEmpty ? 1 : Double(same) / Double(a.count)
          }
        }
        done += 1
        progress(done, cases.pictures.count * pixels.count)
      }
    }
    for index in scores.indices { scores[index].sameStart /= Double(max(1, scores[index].asked)) }
    return scores.enumerated()
      .sorted {
        ($1.element.equal, $1.element.sameStart, $0.offset)
          < ($0.element.equal, $0.element.sameStart, $1.offset)
      }
      .map(\.element)
  }

  private func answer(
    _ question: String, _ rows: [Float], _ tokens: Int, _ variant: AnswerVariant,
    _ template: PromptTemplate, _ tokenizer: Tokenizer
  ) throws -> String {
    var template = template
    if variant.system == .none { template.opening = template.withoutSystem }
    let text: String =
      switch variant.order {
      case .pictureFirst: question
      case .questionFirst: question + template.separator + Prompt.imagePlaceholder
      }
    let prompt = try Prompt(
      question: text, imageCount: 1, template: template, tokenizer: tokenizer)
    let length = try prompt.splicedLength(
      tokensPerImage: tokens, maximum: template.maximumTokens)
    let session = try LanguageSession(
      model: model, capacity: length + longestAnswer, options: options, pool: pool)
    let result = try session.generate(
      GenerationRequest(
        ids: prompt.ids, maximumTokens: longestAnswer, stopIDs: template.stopIDs,
        sampler: Sampler(temperature: 0, seed: 0)),
      imageRows: rows, tokensPerImage: tokens
    ) { _ in true }
    return tokenizer.decode(result.ids)
  }
}

extension PromptTemplate {
  /// The opening from the user's turn on.
  fileprivate var withoutSystem: String {
    guard let turn = opening.range(of: "<|im_start|>user") else { return opening }
    return String(opening[turn.lowerBound...])
  }

  fileprivate var hasSystem: Bool { withoutSystem != opening }
}
