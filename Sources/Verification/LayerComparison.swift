import MartletImages
import MartletModel
import MartletReference
import MartletRuntime
import MartletText

/// Where the error comes from: every layer of a pack once on what it really receives, once on the reference's inputs.
///
/// Holds the values of one network for one picture twice: for the encoder at 1024² about 3 GB.
package final class LayerComparison {
  private let packed: PackedRun
  private let reference: ReferenceRun
  private let options: RunOptions
  private let prepared: PreparedValues

  /// Layers are kept apart, since those that run together cannot be told apart.
  /// - Throws: `otherPreparation` where the pack cannot have been made of the reference's model.
  package init(
    _ packed: PackedRun, beside reference: ReferenceRun
  ) throws(VerificationError) {
    self.packed = packed
    self.reference = reference
    var options = packed.options
    options.fuse = false
    self.options = options
    prepared = try PreparedValues(packed.preparation, of: reference.model)
  }

  /// What `run` takes: a look at every value, and numbers to put in place of others.
  private typealias Run = (
    _ tap: @escaping NetworkExecutor.Tap, _ inject: NetworkExecutor.Injection?
  ) throws(RuntimeError) -> Void

  /// Encoder, projector and, with a question, the language model on the prompt.
  ///
  /// - Returns: the layers in order; none of the language model where the prompt is longer than a session runs at once.
  package func layers(
    _ picture: ReferenceRun.Picture, question: String?
  ) throws(VerificationError) -> [LayerRecord] {
    var records = try vision(picture)
    if let question { records += try language(picture, question) }
    return records
  }

  private func vision(
    _ picture: ReferenceRun.Picture
  ) throws(VerificationError) -> [LayerRecord] {
    var expected: [String: [Float]] = [:]
    let tap = prepared.tap { expected[$0] = $1.data }
    do {
      let encoded = try reference.model.encoded(picture.prepared, tap: tap)
      if reference.model.description.network(.projector) != nil {
        _ = try reference.model.projected(encoded, tap: tap)
      }
    } catch { throw .reference(error) }
    do {
      let session = try VisionSession(model: packed.model, options: options, pool: packed.pool)
      return try records([.vision, .projector], expected) { tap, inject throws(RuntimeError) in
        _ = try session.encode(picture.prepared, tap: tap, inject: inject)
      }
    } catch { throw .runtime(error) }
  }

  private func language(
    _ picture: ReferenceRun.Picture, _ question: String
  ) throws(VerificationError) -> [LayerRecord] {
    guard let tokenizer = reference.tokenizer, let template = reference.template else { return [] }
    let ids: [Int]
    do {
      ids = try Prompt(
        question: question, imageCount: 1, template: template, tokenizer: tokenizer
      ).ids
    } catch { throw .text(error) }
    let spliced = GenerationRequest(
      ids: ids, maximumTokens: 1, stopIDs: [], sampler: Sampler(temperature: 0, seed: 0)
    ).spliced(tokensPerImage: picture.tokens.rows)
    if spliced.count > LanguageSession.longestPart { return [] }
    var expected: [String: [Float]] = [:]
    let tap = prepared.tap { expected[$0] = $1.data }
    do {
      _ = try reference.model.prefilled(
        ids: ids, images: [picture.tokens], cache: MartletReference.KeyValueCache(), tap: tap)
    } catch { throw .reference(error) }
    do {
      // The rows the pack really sees, not the reference's: what the encoder did is inherited.
      let rows = try VisionSession(model: packed.model, options: packed.options, pool: packed.pool)
        .encode(picture.prepared).imageTokens
      let session = try LanguageSession(
        model: packed.model, capacity: spliced.count, options: options, pool: packed.pool)
      return try records([.language], expected) { tap, inject throws(RuntimeError) in
        session.reset()
        try session.append(spliced, imageRows: rows, tap: tap, inject: inject)
      }
    } catch { throw .runtime(error) }
  }

  private func records(
    _ roles: [NetworkRole], _ expected: [String: [Float]], _ run: Run
  ) throws(RuntimeError) -> [LayerRecord] {
    var alone: [String: [Float]] = [:]
    try run(
      { region, _, values in
        guard let name = region.layers.last else { return }
        alone[name] = values.indices.map { values[$0] }
      }, { expected[$0] })
    var found: [String: LayerRecord] = [:]
    try run(
      { region, _, values in
        guard let name = region.layers.last, let reference = expected[name],
          let own = alone.removeValue(forKey: name), reference.count == values.count,
          own.count == values.count
        else { return }
        found[name] = LayerRecord(
          name: name, whole: SimilarityTerms(reference: reference.span, found: values),
          introduced: SimilarityTerms(reference: reference.span, found: own.span).noise,
          inherited: SimilarityTerms(reference: own.span, found: values).noise)
      }, nil)
    return roles.compactMap { packed.model.description.network($0) }
      .flatMap { $0.layers.compactMap { found[$0.name] } }
  }
}
