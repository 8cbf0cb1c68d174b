import MartletBoardMessages
import MartletVerification

extension ErrorReport {
  package static func of(_ error: VerificationError) -> ErrorReport {
    switch error {
    case .reference(let error): return of(error)
    case .runtime(let error): return of(error)
    case .text(let error): return of(error)
    case .image(let error): return of(error)
    case .bytes(let error): return of(error)
    case .model(let error): return of(error)
    case .proof(let error): return of(error)
    case .selfCheck(let departure):
      return ErrorReport(
        .bug, "the pack departs from the proof that was just made of it: \(departure.place)",
        departure.evidence)
    case .mismatch(let what, let reference, let packed):
      return ErrorReport(
        .badData, "pack and checkpoint cannot be compared",
        ["\(what): \(reference) in the checkpoint, \(packed) in the pack"],
        hint: "the pack may come from another checkpoint")
    case .otherPreparation(let name): return otherPreparation(name)
    case .noAnswers:
      return ErrorReport(
        .usage, "the model answers no questions, so nothing can be seen at its logits",
        ["expected: a language model with tokenizer and prompt"])
    case .noPictures:
      return ErrorReport(
        .inputMissing, "there are no pictures to compare on", hint: "name some: --images DIR")
    case .results(let path, let line, let problem):
      return ErrorReport(
        .badData, "cannot use results file '\(path)'", ["line \(line): \(words(of: problem))"],
        hint: hint(for: problem))
    case .otherEvaluation(let path, let what, let expected, let found):
      return ErrorReport(
        .badData, "results file '\(path)' is about another evaluation",
        ["\(what): expected \(expected), found \(found)"],
        hint: "results belong together when pack, reference, questions and options are the same")
    case .busy(let path):
      return ErrorReport(
        .inputOutput, "results file '\(path)' is being written by another process",
        hint: "give every shard a file of its own")
    case .overlap(let picture, let path, let other):
      return ErrorReport(
        .badData, "results overlap",
        ["picture '\(picture)' stands in '\(path)' and in '\(other)'"],
        hint: "give every shard's results once")
    case .missing(let pictures, let all, let shards, let count):
      let names = shards.map { "\($0)/\(count)" }.joined(separator: ", ")
      return ErrorReport(
        .badData, "results are not complete",
        ["\(pictures) of \(all) pictures are missing, from shards \(names)"],
        hint: "run these shards to their end: each goes on where it stopped")
    }
  }

  private static func words(of problem: ResultsProblem) -> String {
    switch problem {
    case .json(let error): of(error).evidence.first ?? "not JSON"
    case .tooLong(let limit): "longer than \(limit) bytes"
    case .checksum: "its bytes are not those that were written"
    case .missing(let key): "'\(key)' is missing"
    case .unknown(let key): "'\(key)' is not known"
    case .kind(let key, let expected): "'\(key)' is not \(expected)"
    case .range(let key, let found, let least, let most):
      "'\(key)' is \(found), expected \(least) to \(most)"
    case .version(let version): "version \(version) is not known"
    case .noHeader: "does not begin as results do"
    case .unfinished: "breaks off"
    case .foreignPicture(let picture): "picture \(picture) does not belong to this shard"
    case .repeatedPicture(let picture): "picture \(picture) stands here a second time"
    case .repeatedQuestion(let question): "question \(question) stands here a second time"
    }
  }

  private static func hint(for problem: ResultsProblem) -> String? {
    switch problem {
    case .noHeader: "results are written by verify --output FILE"
    case .unfinished: "run its shard again: it goes on where it stopped"
    case .version: "merge with the version of martlet that wrote them"
    case .json, .tooLong, .checksum, .missing, .unknown, .kind, .range, .foreignPicture,
      .repeatedPicture, .repeatedQuestion:
      "make the file again: remove it and run its shard"
    }
  }
}
