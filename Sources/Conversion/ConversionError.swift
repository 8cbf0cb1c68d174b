import MartletCheckpoints
import MartletModel
import MartletText

/// Why a checkpoint could not become a model. Cases carry evidence; `Tools/` words them.
package enum ConversionError: Error, Equatable, Sendable {
  // MARK: What the checkpoint is

  /// Nothing in the files names an architecture that is read. `architectures` are the configuration's own words.
  case unknownArchitecture(
    modelType: String?, architectures: [String], supported: [String], nearest: String?)
  /// The layout is known but not read. `evidence` is the tensor name or key that showed it.
  case unsupportedLayout(layout: String, evidence: String, supported: [String])

  /// No tensor of an image encoder, in any layout; `path` is the checkpoint's.
  case encoderMissing(path: String)

  // MARK: Tensors

  /// A tensor that the model needs is not there. `shape` is what it would have, where that is known.
  case missingTensor(name: String, shape: [Int]?, nearest: String?)
  /// A tensor has another shape than the model needs.
  case tensorShape(name: String, expected: String, found: [Int])
  /// A tensor that must hold floats holds something else.
  case tensorType(name: String, found: String)
  /// Tensors that no part of the model reads and no rule allows to ignore. `names` are the first of them.
  case unknownTensors(count: Int, names: [String])
  /// A unit is stored fused and in train-time form at once.
  case ambiguousForm(fused: String, trainTime: String)

  // MARK: Configuration

  /// A file without which the model is not known.
  case configurationFileMissing(directory: String, file: String)
  /// A key without which the model is not known.
  case configurationMissing(file: String, key: String)
  /// A value of the wrong kind, out of range, or naming something that is not supported.
  case configurationValue(file: String, key: String, expected: String, found: String)
  /// The configuration says otherwise than the tensors.
  case configurationMismatch(key: String, stated: Int, tensor: String, found: Int)
  /// The parts of the model do not fit each other.
  case widthMismatch(from: String, width: Int, to: String, expected: Int)
  /// None of the files that a tokenizer is read from is there.
  case tokenizerMissing(directory: String, tried: [String])
  /// The tokenizer has no token that the prompt needs.
  case tokenMissing(content: String)
  /// The tokenizer has more tokens than the embedding has rows.
  case tokenizerSize(size: Int, rows: Int)
  /// The tokenizer follows other conventions than the decoder.
  case tokenizerFamily(decoder: String, tokenizer: String)

  // MARK: Numbers

  /// A statistic no batch norm can have: a variance below zero, or a number that is not finite.
  case batchNormStatistic(layer: String, parameter: String, channel: Int, found: Float)

  // MARK: From below

  case model(ModelError)
  case checkpoint(CheckpointError)
  case tokenizer(TextError)
}
