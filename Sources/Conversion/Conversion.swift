// MartletConversion: from a checkpoint on disk to a model in runnable ops.
//
// In:      an opened `Checkpoint`: tensors by name, `config.json`, the files beside it.
// Out:     a `SourceModel`, which computes what the checkpoint's own framework computes, op by op; from it a
//          `FoldedModel` of runnable ops only. Both come with a report of what was decided and done.
// Refuses: architectures and layouts that are not read, tensors that are missing, of another shape, or unknown,
//          configurations that contradict the tensors, batch norms that cannot be.
//
// Architectures/ holds one builder per architecture, Folding/ one file per rule. Nothing reads weights before they are
// asked for, batch norm statistics and a tied embedding's copy aside.

import MartletCheckpoints
import MartletModel

extension SourceModel {
  /// Reads a checkpoint of whatever architecture it is.
  ///
  /// - Parameter languageSource: a GGUF file whose language model and tokenizer take the place of the checkpoint's.
  /// - Throws: every case of `ConversionError` but `batchNormStatistic`.
  package static func read(
    _ checkpoint: Checkpoint, languageSource: Checkpoint? = nil
  ) throws(ConversionError) -> (model: SourceModel, report: SourceReport) {
    try Architecture.detect(checkpoint).source(
      of: checkpoint, languageSource: languageSource)
  }
}
