import MartletBytes
import MartletImages
import MartletModel
import MartletProof
import MartletReference
import MartletRuntime
import MartletText

/// Why a comparison could not be made.
package enum VerificationError: Error, Equatable, Sendable {
  case reference(ReferenceError)
  case runtime(RuntimeError)
  case text(TextError)
  case image(ImageError)
  case bytes(BytesError)
  case model(ModelError)
  /// The pack and the checkpoint have different shapes of something.
  case mismatch(what: String, reference: Int, packed: Int)
  /// What the pack tells of its preparation cannot have been done to the checkpoint.
  case otherPreparation(name: String)
  /// The model cannot be asked: it has no language part.
  case noAnswers
  /// A proof could not be made.
  case proof(ProofError)
  /// The runtime departs from the proof it just made itself: a bug.
  case selfCheck(ProofDeparture)
  /// There is nothing to compare on.
  case noPictures
  /// A line of a results file cannot be used; lines count from 1.
  case results(path: String, line: Int, problem: ResultsProblem)
  /// A results file is about another evaluation.
  case otherEvaluation(path: String, what: String, expected: String, found: String)
  /// Another process writes this results file.
  case busy(path: String)
  /// A picture or a question stands in two results files.
  case overlap(picture: String, path: String, other: String)
  /// Pictures stand in none of the results files; the first shards that lack some.
  case missing(pictures: Int, of: Int, shards: [Int], shardCount: Int)
}
