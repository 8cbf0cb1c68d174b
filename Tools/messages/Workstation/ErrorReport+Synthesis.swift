import MartletBoardMessages
import MartletSynthesis

extension ErrorReport {
  package static func of(_ error: SynthesisError) -> ErrorReport {
    switch error {
    case .occupied(let path):
      return ErrorReport(
        .usage, "'\(path)' is taken",
        ["expected: nothing, or an empty directory", "found: something else"],
        hint: "name another directory, or remove that one first")
    case .checkpoint(let error): return of(error)
    case .file(let error): return of(error)
    }
  }
}
