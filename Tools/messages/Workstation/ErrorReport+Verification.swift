import MartletBoardMessages
import MartletVerification

extension ErrorReport {
  package static func of(_ error: VerificationError) -> ErrorReport {
    switch error {
    case .reference(let error): return of(error)
    case .runtime(let error): return of(error)
    case .text(let error): return of(error)
    case .image(let error): return of(error)
    case .mismatch(let what, let reference, let packed):
      return ErrorReport(
        .badData, "pack and checkpoint cannot be compared",
        ["\(what): \(reference) in the checkpoint, \(packed) in the pack"],
        hint: "the pack may come from another checkpoint")
    case .noPictures:
      return ErrorReport(
        .inputMissing, "there are no pictures to compare on", hint: "name some: --images DIR")
    }
  }
}
