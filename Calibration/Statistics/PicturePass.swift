import MartletModel
import MartletReference
import MartletText

/// One picture through the parts of the model that have to run.
struct PicturePass {
  private let reference: ReferenceModel
  private let collectors: CollectorSet
  /// The last part to run; `nil` if nothing was asked for.
  private let last: NetworkRole?
  private let tokenizer: Tokenizer?
  private let answerTokens: Int

  /// - Throws: `noTokenizer` where the language part has to run without one.
  init(
    _ model: FoldedModel, options: CalibrationOptions, collectors: CollectorSet
  ) throws(CalibrationError) {
    do throws(ReferenceError) {
      reference = try ReferenceModel(
        description: model.description, parameters: model.parameters,
        options: ReferenceOptions(
          threads: options.threads, weightByteLimit: options.weightByteLimit, nonFinite: .refused))
    } catch {
      throw .reference(error)
    }
    self.collectors = collectors
    answerTokens = options.answerTokens
    last = collectors.roles.max { $0.rawValue < $1.rawValue }
    guard last == .language else {
      tokenizer = nil
      return
    }
    guard let specification = model.description.tokenizer, model.description.prompt != nil else {
      throw .noTokenizer
    }
    do throws(TextError) {
      tokenizer = try Tokenizer(specification)
    } catch {
      throw .text(error)
    }
  }

  /// What was asked about a picture.
  struct Asked: Equatable {
    var questions = 0
    /// Tokens of answers that ran.
    var answerTokens = 0
  }

  /// Runs a prepared picture; without questions the default one is asked.
  func run(_ pixels: Pixels, questions: [Question]) throws(CalibrationError) -> Asked {
    guard let last else { return Asked() }
    let tap = collectors.tap
    let encoded = try judged { () throws(ReferenceError) in
      try reference.encoded(pixels, tap: tap)
    }
    if last == .vision { return Asked() }
    let image = try judged { () throws(ReferenceError) in
      try reference.projected(encoded, tap: tap)
    }
    guard let tokenizer, let template = reference.description.prompt else { return Asked() }
    var texts = questions.map(\.text)
    if texts.isEmpty { texts = [CalibrationOptions.defaultQuestion] }
    var asked = Asked(questions: texts.count)
    for text in texts {
      let (ids, length) = try prompt(text, template, tokenizer, tokensPerImage: image.rows)
      asked.answerTokens += try judged { () throws(ReferenceError) in
        let cache = KeyValueCache()
        let logits = try reference.prefilled(ids: ids, images: [image], cache: cache, tap: tap)
        return try answered(
          logits, stopIDs: template.stopIDs, most: template.maximumTokens - length, cache, tap)
      }
    }
    return asked
  }

  /// Runs the model's own answer, greedily, up to where it ends: each of its tokens is a row of every value.
  /// - Returns: how many tokens were run.
  private func answered(
    _ first: [Float], stopIDs: [Int], most: Int, _ cache: KeyValueCache, _ tap: ReferenceTap
  ) throws(ReferenceError) -> Int {
    var (logits, count) = (first, 0)
    while count < min(answerTokens, most) {
      let id = reference.greedyChoice(logits)
      if stopIDs.contains(id) { break }
      logits = try reference.advanced(id: id, cache: cache, tap: tap)
      count += 1
    }
    return count
  }

  private func prompt(
    _ question: String, _ template: PromptTemplate, _ tokenizer: Tokenizer, tokensPerImage: Int
  ) throws(CalibrationError) -> (ids: [Int], length: Int) {
    do throws(TextError) {
      let prompt = try Prompt(
        question: question, imageCount: 1, template: template, tokenizer: tokenizer)
      let length = try prompt.splicedLength(
        tokensPerImage: tokensPerImage, maximum: template.maximumTokens)
      return (prompt.ids, length)
    } catch {
      throw .text(error)
    }
  }

  private func judged<Result>(
    _ body: () throws(ReferenceError) -> Result
  ) throws(CalibrationError) -> Result {
    do throws(ReferenceError) {
      return try body()
    } catch {
      throw .reference(error)
    }
  }
}
