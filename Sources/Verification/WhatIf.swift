import MartletBytes
import MartletImages
import MartletModel
import MartletReference
import MartletRuntime

/// What restoring layers of a pack really changes: each restoration is run on the same pictures and questions.
///
/// The layers' biases are taken as the checkpoint has them. A pack that `convert` makes with the option differs by its
/// correction of biases where a layer is restored to 8 bits, and not at all where it is restored to float.
package final class WhatIf {
  /// What one pack does on the sample.
  package struct Measure: Equatable, Sendable {
    package var imageTokens: SimilaritySummary
    package var logits: LogitSummary
    /// Least milliseconds of any picture, and of any prompt.
    package var encode: Double
    package var prefill: Double
  }

  package struct Trial: Equatable, Sendable {
    package var restoration: Restoration
    package var measure: Measure
  }

  /// The pictures with what the reference says about them: logits of at most 256 MB in all.
  private var sample: [(picture: ReferenceRun.Picture, asked: [Asked])] = []
  private typealias Asked = (question: VerificationCases.Question, answer: ReferenceRun.Answer)
  private let reference: ReferenceRun
  private var room = 256 << 20

  package init(_ reference: ReferenceRun) { self.reference = reference }

  package var pictures: Int { sample.count }
  package var questions: Int { sample.reduce(0) { $0 + $1.asked.count } }

  /// Adds a picture to the sample.
  package func add(
    _ picture: VerificationCases.Picture, pixels: Pixels
  ) throws(VerificationError) {
    let seen = try reference.picture(pixels, name: picture.name)
    var asked: [Asked] = []
    for question in picture.questions where room > 0 {
      guard let answer = try reference.answer(question.text, about: seen) else { continue }
      asked.append((question, answer))
      room -= answer.logits.reduce(0) { $0 + 4 * $1.count }
    }
    sample.append((seen, asked))
  }

  /// Runs a pack on the sample.
  package func measure(_ pack: PackedRun) throws(VerificationError) -> Measure {
    var tokens = SimilaritySummary()
    var positions: [PositionComparison] = []
    var (encode, prefill) = (Double.infinity, Double.infinity)
    for (place, entry) in sample.enumerated() {
      let (record, rows) = try pack.picture(entry.picture, place: place)
      tokens.add(record.imageTokens)
      encode = min(encode, record.packed.encode)
      for asked in entry.asked {
        guard
          let found = try pack.question(asked.question, rows: rows, expected: asked.answer)
        else { continue }
        positions += found.positions
        prefill = min(prefill, found.packedTimes.prefill)
      }
    }
    return Measure(
      imageTokens: tokens, logits: LogitSummary(positions),
      encode: encode.isFinite ? encode : 0, prefill: prefill.isFinite ? prefill : 0)
  }

  /// Runs a pack with layers restored.
  ///
  /// - Parameter encoded: brings a parameter to the encoding that the restored plan gives it.
  package func trial(
    _ restoration: Restoration, of pack: PackedRun,
    encoded: (String) throws(ModelError) -> EncodedParameter
  ) throws(VerificationError) -> Trial {
    var parameters: [EncodedParameter] = []
    do {
      for name in restoration.parameters { parameters.append(try encoded(name)) }
    } catch { throw .model(error) }
    let restored: LoadedModel
    do {
      restored = try pack.model.replacing(parameters, plan: restoration.plan)
    } catch { throw .runtime(error) }
    let run = try PackedRun(
      restored, preparation: pack.preparation, beside: reference, options: pack.options,
      pool: pack.pool)
    return Trial(restoration: restoration, measure: try measure(run))
  }
}
