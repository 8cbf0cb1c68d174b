import MartletRuntime

extension ErrorReport {
  /// - Parameter path: the pack that was run, where the caller knows it.
  package static func of(_ error: RuntimeError, in path: String? = nil) -> ErrorReport {
    switch error {
    case .pack(let error): return of(error, in: path)
    case .resolution(let found, let multiple):
      return ErrorReport(
        .usage, "the encoder does not take \(found) × \(found) pixels",
        ["expected: a positive multiple of \(multiple)"])
    case .rung(let found, let sides):
      var known = ""
      for side in sides { known += (known.isEmpty ? "" : ", ") + "\(side)" }
      return ErrorReport(
        .usage, "the pack was not made for \(found) × \(found) pixels",
        ["expected: one of \(known)"], hint: "make it for more: convert --resolutions A,B,C")
    case .pixels(let expected, let height, let width):
      return ErrorReport(
        .bug, "a picture reached the encoder unprepared",
        ["\(expected) × \(expected) pixels expected, \(width) × \(height) found"])
    case .unschedulable(let layer, let op):
      return ErrorReport(
        .badData, "the runtime cannot run this model", ["layer '\(layer)' is of kind \(op)"])
    case .missingNetwork(let part):
      return ErrorReport(.badData, "the pack cannot answer this", ["it has no \(part)"])
    case .encoding(let layer, let parameter, let found):
      return ErrorReport(
        .badData, "the runtime cannot run this model",
        ["layer '\(layer)', parameter '\(parameter)': no kernel takes \(found)"])
    case .contextLength(let limit, let needed):
      return ErrorReport(
        .usage, "the conversation is too long",
        ["it takes \(needed) positions, at most \(limit) expected"],
        hint: "ask for fewer tokens: --max-tokens N")
    case .imageCount(let expected, let found):
      return ErrorReport(
        .badData, "the prompt does not fit its pictures",
        ["it has places for \(expected) image rows, \(found) were made"])
    case .tokenID(let found, let vocabulary):
      return ErrorReport(
        .badData, "the tokenizer does not fit the model",
        ["token id \(found): expected 0 to \(vocabulary - 1)"])
    case .instructionSet(let requested, let available):
      return ErrorReport(
        .usage, "this machine cannot run '\(requested)'", ["available: \(available)"])
    case .outOfMemory(let bytes):
      return ErrorReport(
        .inputOutput, "no memory to run the model", ["\(bytes) bytes were refused"])
    case .memoryLimit(let limit, let needed, let unpacked):
      return ErrorReport(
        .inputOutput, "the model does not run in \(limit) bytes of memory",
        ["at least \(needed) bytes are needed"],
        hint: unpacked > 0
          ? "convert with --raw: weights stored plain need not all be in memory"
          : "allow more, or ask for fewer tokens")
    }
  }
}
