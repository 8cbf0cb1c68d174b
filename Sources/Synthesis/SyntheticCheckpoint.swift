import MartletBytes
import MartletCheckpoints

/// A random checkpoint: its tensors with the recipes for their numbers, and the files beside them.
///
/// The layouts of one size and seed hold the same model. Fused tensors are computed from the stored train-time values
/// and rounded once more where floats are BF16, as in released files; that rounding alone moves the encoder's output by
/// some percent (reference section 3.8). The tiny size stores F32, so its layouts agree within rounding of F32.
package struct SyntheticCheckpoint: Sendable {
  package let size: ModelSize
  package let layout: SynthesisLayout
  package let seed: UInt64
  /// The type of stored floats: BF16 as released, F32 for the tiny size.
  let type: ElementType
  let tensors: [SyntheticTensor]
  /// Configuration and tokenizer.
  let files: [TextBeside]

  /// - Parameters:
  ///   - copiesHead: whether a tied output matrix is stored once more in Apple's layout, as in Apple's files.
  ///   - plantsHazards: whether it is made as hard to quantize as trained models are; its function stays that of its twin.
  package init(
    size: ModelSize, layout: SynthesisLayout, seed: UInt64, copyingHead copiesHead: Bool = true,
    plantingHazards plantsHazards: Bool = false
  ) {
    self.size = size
    self.layout = layout
    self.seed = seed
    let shape = size.shape
    type = size == .tiny ? .float32 : .bfloat16
    let list = TensorList(
      drawing: Drawing(seed: seed, type: type), isTrainTime: layout == .llavaTrain)
    var encoder = EncoderTensors(shape.encoder, list: list)
    encoder.add()
    var decoder = DecoderTensors(shape, rows: shape.embeddingRows(layout), list: encoder.list)
    decoder.add(copyingHead: copiesHead && layout != .native)
    var drawn = decoder.list.tensors
    if plantsHazards {
      drawn = PlantedHazards(drawing: list.drawing, decoder: shape.decoder).planted(drawn)
    }
    tensors = layout == .native ? NativeNames(shape.encoder).renamed(drawn) : drawn
    let vocabulary = SyntheticVocabulary(
      size: shape.vocabulary, tokenizer: shape.tokenizer, hasImageToken: layout == .native)
    files =
      ConfigurationTexts(shape: shape, layout: layout, type: type, vocabulary: vocabulary).files
      + vocabulary.files(layout)
  }

  package var tensorCount: Int { tensors.count }

  /// The files beside the weights, by name.
  package var texts: [String: String] {
    var texts: [String: String] = [:]
    for file in files { texts[file.name] = file.text }
    return texts
  }

  /// Numbers of the checkpoint, counters included.
  package var elementCount: Int {
    tensors.reduce(0) { $0 + $1.shape.reduce(1, *) }
  }

  func declarations() throws(CheckpointError) -> [TensorDeclaration] {
    var declarations: [TensorDeclaration] = []
    for tensor in tensors { declarations.append(try tensor.declaration(type: type)) }
    return declarations
  }
}

extension NativeNames {
  fileprivate func renamed(_ tensors: [SyntheticTensor]) -> [SyntheticTensor] {
    tensors.compactMap { tensor in
      guard let name = name(of: tensor.name) else { return nil }
      var renamed = tensor
      renamed.name = name
      return renamed
    }
  }
}
