/// The sizes of FastVLM that were published (reference sections 2.1 and 4.2), and one small enough for tests.
package enum ModelSize: String, CaseIterable, Sendable {
  /// Every kind of layer at small widths.
  case tiny
  case half = "0.5b"
  case oneAndHalf = "1.5b"
  case seven = "7b"

  package var shape: ModelShape {
    switch self {
    case .tiny:
      ModelShape(
        encoder: .init(widths: [8, 16, 32, 64, 128], depths: [1, 2, 2, 2, 1], clipWidth: 32),
        decoder: .init(
          hidden: 64, layers: 2, heads: 2, keyValueHeads: 1, headSize: 32, inner: 160, rows: 512,
          isTied: true),
        vocabulary: 500, tokenizer: .qwen2, resolution: 256)
    case .half:
      ModelShape(
        encoder: .fastViTHD,
        decoder: .init(
          hidden: 896, layers: 24, heads: 14, keyValueHeads: 2, headSize: 64, inner: 4864,
          rows: 151936, isTied: true),
        vocabulary: 151643, tokenizer: .qwen2, resolution: 1024)
    case .oneAndHalf:
      ModelShape(
        encoder: .fastViTHD,
        decoder: .init(
          hidden: 1536, layers: 28, heads: 12, keyValueHeads: 2, headSize: 128, inner: 8960,
          rows: 151936, isTied: true),
        vocabulary: 151643, tokenizer: .qwen2, resolution: 1024)
    case .seven:
      ModelShape(
        encoder: .fastViTHD,
        decoder: .init(
          hidden: 3584, layers: 28, heads: 28, keyValueHeads: 4, headSize: 128, inner: 18944,
          rows: 152064, isTied: false),
        vocabulary: 151643, tokenizer: .qwen2Point5, resolution: 1024)
    }
  }
}

/// Widths, depths and counts of a model.
package struct ModelShape: Equatable, Sendable {
  /// FastViTHD and its relatives.
  package struct Encoder: Equatable, Sendable {
    /// Channels of each stage; each is twice the one before it.
    package var widths: [Int]
    /// Blocks of each stage.
    package var depths: [Int]
    /// Outputs of the unused CLIP head.
    package var clipWidth: Int
    /// The first stage whose blocks mix by attention, with a positional kernel in front; those before it use RepMixer.
    package var firstAttention: Int { 3 }
    /// Hidden width of ConvFFN over its width.
    package var expansion: Int { 4 }
    /// Channels handed to the projector.
    package var outputWidth: Int { 2 * (widths.last ?? 0) }
    /// Hidden channels of the head's squeeze-excite: a sixteenth.
    package var squeezedWidth: Int { outputWidth / 16 }

    package static let fastViTHD = Encoder(
      widths: [96, 192, 384, 768, 1536], depths: [2, 12, 24, 4, 2], clipWidth: 768)
  }

  /// Qwen2.
  package struct Decoder: Equatable, Sendable {
    package var hidden: Int
    package var layers: Int
    package var heads: Int
    package var keyValueHeads: Int
    package var headSize: Int
    package var inner: Int
    /// Rows of the embedding in Apple's layout.
    package var rows: Int
    package var isTied: Bool
  }

  /// Which tokens follow the vocabulary.
  package enum Tokenizer: Equatable, Sendable {
    /// Three, as with 0.5B and 1.5B.
    case qwen2
    /// Twenty-two, as with 7B.
    case qwen2Point5
  }

  package var encoder: Encoder
  package var decoder: Decoder
  /// Tokens before the added ones.
  package var vocabulary: Int
  package var tokenizer: Tokenizer
  /// Side of the picture in pixels.
  package var resolution: Int

  /// Rows of the embedding in a layout: transformers pads one more row to a multiple of 64.
  package func embeddingRows(_ layout: SynthesisLayout) -> Int {
    switch layout {
    case .llava, .llavaTrain: decoder.rows
    case .native: (decoder.rows + 1 + 63) / 64 * 64
    }
  }
}

/// The layouts that are written (reference sections 7.1 and 7.2).
package enum SynthesisLayout: String, CaseIterable, Sendable {
  /// Apple's, the encoder's branches fused: what was released.
  case llava
  /// Apple's, the encoder in train-time form.
  case llavaTrain = "llava-train"
  /// transformers' own.
  case native
}
