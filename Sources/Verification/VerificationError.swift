import MartletImages
import MartletModel
import MartletReference
import MartletRuntime
import MartletText

/// Why a comparison could not be made.
package enum VerificationError: Error, Equatable, Sendable {
  case reference(ReferenceError)
  case runtime(RuntimeError)
  case text(TextError)
  case image(ImageError)
  /// The pack and the checkpoint have different shapes of something.
  case mismatch(what: String, reference: Int, packed: Int)
  /// There is nothing to compare on.
  case noPictures
}
