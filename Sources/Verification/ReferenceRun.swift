import MartletBytes
import MartletImages
import MartletModel
import MartletReference
import MartletText

/// The float reference on one picture after another. What it finds serves every pack that is held against it.
package final class ReferenceRun {
  package let model: ReferenceModel
  let tokenizer: Tokenizer?
  let template: PromptTemplate?
  /// Ids of a greedy continuation at most.
  package let longestAnswer: Int

  /// Ids of a greedy continuation that are compared at most, each position by its whole distribution as well.
  package static let longestAnswer = 64

  /// - Throws: `text` for a tokenizer that cannot be used.
  package init(
    _ model: ReferenceModel, longestAnswer: Int = ReferenceRun.longestAnswer
  ) throws(VerificationError) {
    self.model = model
    self.longestAnswer = longestAnswer
    do {
      tokenizer = try model.description.tokenizer.map { specification throws(TextError) in
        try Tokenizer(specification)
      }
    } catch { throw .text(error) }
    template = model.description.prompt
  }

  /// A picture, prepared and encoded.
  package struct Picture {
    package var name: String
    /// As it was decoded.
    package var source: Pixels
    package var prepared: Pixels
    /// `[tokens, channels]`, behind the encoder and behind the projector.
    package var encoded: ReferenceTensor
    package var tokens: ReferenceTensor
    package var times: PictureRecord.VisionTimes
  }

  package func picture(_ source: Pixels, name: String) throws(VerificationError) -> Picture {
    let prepared: Pixels
    do { prepared = try source.prepared(for: model.description.image, name: name) } catch {
      throw .image(error)
    }
    do {
      let start = MonotonicClock.nanoseconds
      let encoded = try model.encoded(prepared)
      let encode = MonotonicClock.milliseconds(since: start)
      let projection = MonotonicClock.nanoseconds
      let hasProjector = model.description.network(.projector) != nil
      let tokens = hasProjector ? try model.projected(encoded) : encoded
      return Picture(
        name: name, source: source, prepared: prepared, encoded: encoded, tokens: tokens,
        times: PictureRecord.VisionTimes(
          encode: encode, project: MonotonicClock.milliseconds(since: projection)))
    } catch { throw .reference(error) }
  }

  /// What the reference says to a question, and the logits that each id was chosen from.
  package struct Answer {
    package var promptIDs: [Int]
    /// Up to the one that ends the answer, that one included.
    package var ids: [Int]
    /// `[ids][vocabulary]`
    package var logits: [[Float]]
    /// Special tokens left out.
    package var text: String
    package var times: QuestionRecord.LanguageTimes
  }

  /// - Returns: `nil` where the model has no language part.
  package func answer(
    _ question: String, about picture: Picture
  ) throws(VerificationError) -> Answer? {
    guard let tokenizer, let template else { return nil }
    let prompt: Prompt
    do {
      prompt = try Prompt(
        question: question, imageCount: 1, template: template, tokenizer: tokenizer)
    } catch { throw .text(error) }
    do {
      let cache = MartletReference.KeyValueCache()
      let start = MonotonicClock.nanoseconds
      var logits = [try model.prefilled(ids: prompt.ids, images: [picture.tokens], cache: cache)]
      let prefill = MonotonicClock.milliseconds(since: start)
      let decoding = MonotonicClock.nanoseconds
      var ids = [model.greedyChoice(logits[0])]
      while ids.count < longestAnswer, !template.stopIDs.contains(ids[ids.count - 1]) {
        let next = try model.advanced(id: ids[ids.count - 1], cache: cache)
        logits.append(next)
        ids.append(model.greedyChoice(next))
      }
      return Answer(
        promptIDs: prompt.ids, ids: ids, logits: logits,
        text: tokenizer.decode(Array(ids.prefix { !template.stopIDs.contains($0) })),
        times: QuestionRecord.LanguageTimes(
          prefill: prefill, decode: MonotonicClock.milliseconds(since: decoding),
          steps: ids.count - 1))
    } catch { throw .reference(error) }
  }
}
