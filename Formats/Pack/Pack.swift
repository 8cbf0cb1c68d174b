// The single-file format: one reader, one writer, defined by Formats/pack-format.md.
//
// In:      a `QuantizedModel` with its provenance (`PackWriter`); a file (`Pack`).
// Out:     a file, the same bytes for the same inputs; a `ModelDescription`, a `QuantizationPlan` and weights ready
//          for the kernels (`LoadedWeights`), mapped where they are stored raw.
// Refuses: every file with a byte that differs from what was written, and every file that was made to harm: sizes are
//          compared with the bytes present before memory is reserved. `PackError` names the part and the offset.

import MartletBytes
import MartletModel

/// A pack that was opened: everything checked but the bytes of the tensors, which `LoadedWeights` checks.
package final class Pack: Sendable {
  package let description: ModelDescription
  package let plan: QuantizationPlan
  /// Further sizes of pictures, smallest first; all below that of the description.
  package let rungs: [Rung]
  package let provenance: Provenance
  /// How the networks differ from those of the checkpoint.
  package let preparation: ModelPreparation
  /// Why its layers have their precisions, where that was measured.
  package let choice: PrecisionChoice?
  /// What the model answered when the pack was made, where the pack tells.
  package let proof: Proof?
  /// In file order, those this version does not know included.
  package let records: [PackRecord]
  /// One for each parameter of each network, in their order.
  package let tensors: [StoredTensor]
  /// Unpacked size of a frame.
  package let frameBytes: Int
  /// Identifies the content: the checksum at the end of the header covers all others.
  package let identity: UInt64
  let file: MappedFile

  package var path: String { file.path }
  package var byteCount: Int { file.count }

  /// Maps a pack and checks all of it but the bytes of the tensors.
  ///
  /// Costs a pass over the records (a few MB, nearly all of it the tokenizer) and none over the weights.
  package init(path: String) throws(PackError) {
    let file: MappedFile
    do { file = try MappedFile(path: path) } catch { throw .file(error) }
    let outline = try PackOutline(file)
    description = try outline.description()
    let directory = try outline.tensorDirectory(description)
    var weights: [String: WeightEncoding] = [:]
    for tensor in directory.tensors { weights[tensor.name] = tensor.encoding }
    let activations = try outline.activations(description)
    plan = QuantizationPlan(weights: weights, activations: activations)
    for network in description.networks {
      do { try network.validate(plan: plan) } catch { throw .model(error) }
    }
    rungs = try outline.rungs(description, activations)
    provenance = try outline.provenance()
    preparation = try outline.preparation(description)
    choice = try outline.choice()
    proof = try outline.proof(description, tensors: directory.tensors.count)
    records = outline.records
    tensors = directory.tensors
    frameBytes = directory.frameBytes
    identity = outline.identity
    self.file = file
  }

  /// Checks the bytes of every tensor without unpacking them.
  /// - Throws: the first damaged frame, in file order.
  package func verifyTensors(pool: ThreadPool) throws(PackError) {
    let frames = FrameList(self, tensors: Array(tensors.indices))
    try frames.check(in: file, pool: pool)
  }

  /// The stored tensor of a parameter.
  package func tensor(_ name: String) throws(PackError) -> StoredTensor {
    for tensor in tensors where tensor.name == name { return tensor }
    throw .noTensor(name: name)
  }
}
