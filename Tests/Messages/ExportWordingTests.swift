import MartletBoardMessages
import MartletCheckpoints
import MartletExport
import MartletMessages
import MartletPack
import MartletSynthesis
import Testing

/// The words of models that cannot be written for other programs, or at all.
@Suite struct ExportWordingTests {
  static let exports: [Wording] = [
    Wording(
      .of(ExportError.partMissing(part: "language model", format: "GGUF")), .badData,
      """
      error: there is nothing to export as GGUF
        expected: a language model; found: none
      """),
    Wording(
      .of(ExportError.form(layer: "language.norm", expected: "an RMS norm", found: "another op")),
      .badData,
      """
      error: the model is not of a form that the format can say
        layer 'language.norm': expected an RMS norm, found another op
      """),
    Wording(
      .of(ExportError.occupied(path: "d")), .usage,
      """
      error: cannot write 'd'
        expected: no such folder, or an empty one
      """),
    Wording(
      .of(ExportError.model(.duplicateName("a"))), .badData,
      "error: the model does not fit together\n  the name 'a' stands twice"),
    Wording(
      .of(ExportError.checkpoint(.noSuchTensor(name: "w"))), .badData,
      "error: the checkpoint lacks tensor 'w'"),
    Wording(
      .of(ExportError.pack(.missingRecord(type: "NETW"))), .badData,
      ErrorReport.of(PackError.missingRecord(type: "NETW")).text.trimmingNewline),
  ]

  static let synthesis: [Wording] = [
    Wording(
      .of(SynthesisError.occupied(path: "d")), .usage,
      """
      error: 'd' is taken
        expected: nothing, or an empty directory
        found: something else
        hint: name another directory, or remove that one first
      """),
    Wording(
      .of(SynthesisError.checkpoint(.noSuchTensor(name: "w"))), .badData,
      "error: the checkpoint lacks tensor 'w'"),
    Wording(
      .of(SynthesisError.file(.notAFile(path: "m"))), .badData,
      "error: cannot use 'm'\n  expected: a regular file\n  found: a folder, a device or a pipe"),
  ]

  @Test(arguments: exports) func wordsOfExports(_ wording: Wording) { wording.check() }
  @Test(arguments: synthesis) func wordsOfSynthesis(_ wording: Wording) { wording.check() }
}

extension String {
  fileprivate var trimmingNewline: String { hasSuffix("\n") ? String(dropLast()) : self }
}
