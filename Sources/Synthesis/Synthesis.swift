// Makes random models: every tensor of a FastVLM of a published size, none of them trained.
//
// In:      a size, a layout, a seed.
// Out:     a checkpoint directory with weights, configuration and tokenizer, or the same checkpoint made tensor by
//          tensor while it is read, with nothing on disk but the small files.
// Refuses: to write over anything that is there; a directory appears whole or not at all.
//
// Numbers are drawn so that activations keep their size from the first layer to the last: deviations follow from the
// layers' widths, batch norm statistics from the weights and inputs beside them (`Activity`). A tensor's numbers depend
// on the seed, its name in the train-time form and their position alone, so any part of any tensor can be made at any
// time, and all layouts of a seed hold one and the same model.

import MartletBytes
import MartletCheckpoints

/// What can go wrong while a random model is written.
package enum SynthesisError: Error, Equatable, Sendable {
  /// Something stands where the checkpoint should appear.
  case occupied(path: String)
  case checkpoint(CheckpointError)
  case file(BytesError)
}
