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

  /// Runs a prepared picture; without questions the default one is asked.
  /// - Returns: how many questions were asked.
  func run(_ pixels: Pixels, questions: [Question]) throws(CalibrationError) -> Int {
    guard let last else { return 0 }
    let tap = collectors.tap
    let encoded = try judged { () throws(ReferenceError) in
      try reference.encoded(pixels, tap: tap)
    }
    if last == .vision { return 0 }
    let image = try judged { () throws(ReferenceError) in
      try reference.projected(encoded, tap: tap)
    }
    guard let tokenizer, let template = reference.description.prompt else { return 0 }
    var texts = questions.map(\.text)
    if texts.isEmpty { texts = [CalibrationOptions.defaultQuestion] }
    for text in texts {
      let ids = try prompt(text, template, tokenizer, tokensPerImage: image.rows)
      _ = try judged { () throws(ReferenceError) in
        try reference.prefilled(ids: ids, images: [image], cache: KeyValueCache(), tap: tap)
      }
    }
    return texts.count
  }

  private func prompt(
    _ question: String, _ template: PromptTemplate, _ tokenizer: Tokenizer, tokensPerImage: Int
  ) throws(CalibrationError) -> [Int] {
    do throws(TextError) {
      let prompt = try Prompt(
        question: question, imageCount: 1, template: template, tokenizer: tokenizer)
      _ = try prompt.splicedLength(
        tokensPerImage: tokensPerImage, maximum: template.maximumTokens)
      return prompt.ids
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
