import MartletBytes
import MartletImages
import MartletModel
import MartletPack
import MartletRuntime
import MartletText

/// Takes golden pictures through a model, when a proof is made and when it is checked.
package final class GoldenRunner {
  package typealias Preparation = (Pixels, ImageSpecification) -> Pixels

  package let options: RunOptions
  /// Used instead of the real one where it is set.
  package var preparation: Preparation?
  private let model: LoadedModel
  private let pool: ThreadPool
  private let tokenizer: Tokenizer?

  /// - Throws: `text`.
  package convenience init(
    model: LoadedModel, options: RunOptions, pool: ThreadPool
  ) throws(ProofError) {
    var tokenizer: Tokenizer?
    if let specification = model.description.tokenizer {
      do throws(TextError) { tokenizer = try Tokenizer(specification) } catch { throw .text(error) }
    }
    self.init(model, options, pool, tokenizer)
  }

  private init(
    _ model: LoadedModel, _ options: RunOptions, _ pool: ThreadPool, _ tokenizer: Tokenizer?
  ) {
    self.model = model
    self.options = options
    self.pool = pool
    self.tokenizer = tokenizer
  }

  /// The same on other options.
  func with(_ options: RunOptions) -> GoldenRunner {
    GoldenRunner(model, options, pool, tokenizer)
  }

  /// A picture as the model takes it at a side.
  package func prepared(
    _ picture: Pixels, side: Int, name: String
  ) throws(ProofError) -> Pixels {
    var specification = model.description.image
    specification.resolution = side
    if let preparation { return preparation(picture, specification) }
    do throws(ImageError) {
      return try picture.prepared(for: specification, name: name)
    } catch { throw .image(error) }
  }

  /// The text of ids; empty without a tokenizer.
  package func text(of ids: [Int]) -> String { tokenizer?.decode(ids) ?? "" }

  /// `nil` without a tokenizer.
  package func ids(of text: String) -> [Int]? { tokenizer?.encode(text) }

  /// The prompt of a question about one picture.
  package func promptIDs(_ question: String) throws(ProofError) -> [Int] {
    guard let tokenizer, let template = model.description.prompt else {
      throw .runtime(.missingNetwork(NetworkRole.language.name))
    }
    do throws(TextError) {
      return try Prompt(
        question: question, imageCount: 1, template: template, tokenizer: tokenizer
      ).ids
    } catch { throw .text(error) }
  }

  /// An answer.
  package struct Run {
    package var ids: [Int]
    package var text: String
    /// Next-token logits behind the prompt, of real tokens only.
    package var logits: [Float]
  }

  /// One picture through encoder and projector and, with a prompt, through the language model.
  ///
  /// - Parameters:
  ///   - tokens: ids generated at most, greedily.
  ///   - stopsAfter: ends generation one id behind so many, since what follows is not compared.
  ///   - tap: sees every region up to the end of the prompt.
  /// - Returns: `nil` without a prompt.
  package func run(
    _ pixels: Pixels, side: Int, promptIDs: [Int]?, tokens: Int, stopsAfter: Int?,
    tap: @escaping NetworkExecutor.Tap
  ) throws(ProofError) -> Run? {
    do throws(RuntimeError) {
      let vision = try VisionSession(model: model, resolution: side, options: options, pool: pool)
      let rows = try vision.encode(pixels, tap: tap).imageTokens
      guard let promptIDs, let tokenizer, let template = model.description.prompt else {
        return nil
      }
      let most = min(tokens, (stopsAfter ?? tokens - 1) + 1)
      let request = GenerationRequest(
        ids: promptIDs, maximumTokens: most, stopIDs: template.stopIDs,
        sampler: Sampler(temperature: 0, seed: 0))
      let spliced = request.spliced(tokensPerImage: vision.tokens)
      let language = try LanguageSession(
        model: model, capacity: spliced.count + max(1, most), options: options, pool: pool)
      try language.append(spliced, imageRows: rows, tap: tap)
      let known = language.tokenCount
      let logits: [Float]? = language.withLogits { logits in
        var copy: [Float] = []
        copy.reserveCapacity(known)
        for index in 0..<known { copy.append(logits[index]) }
        return copy
      }
      let ids = try continued(language, request)
      return Run(ids: ids, text: tokenizer.decode(ids), logits: logits ?? [])
    } catch { throw .runtime(error) }
  }

  /// Greedy ids, without the one that ends the answer.
  private func continued(
    _ language: LanguageSession, _ request: GenerationRequest
  ) throws(RuntimeError) -> [Int] {
    var ids: [Int] = []
    var sampler = request.sampler
    while ids.count < request.maximumTokens {
      let id = language.next(&sampler)
      if request.stopIDs.contains(id) { break }
      ids.append(id)
      if ids.count < request.maximumTokens { try language.advance(id) }
    }
    return ids
  }
}
