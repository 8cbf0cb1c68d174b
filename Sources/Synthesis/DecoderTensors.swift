/// The tensors of the projector and of Qwen2 (reference sections 4.1, 4.2 and 7.1).
struct DecoderTensors {
  /// Deviation of the embedding's numbers.
  private static let embedding = 0.05
  /// Deviation of the projector's output rows.
  private static let imageTokens = 0.3
  /// What attention and feed-forward add to the residual stream: enough that its own embedding is soon a small part of
  /// a token, else a tied head would only repeat the last one; and less by attention, whose means draw all tokens to
  /// each other until answers repeat one token.
  private static let attentionShare = 0.12
  private static let feedForwardShare = 0.35
  /// Deviation of the logits: as a trained model's, likely tokens stand out and none is certain.
  private static let logits = 2.5
  /// Rows of the encoder behind its last GELU, measured over the random encoders of all sizes.
  private static let encoderRows = Activity(mean: 0.3, variance: 0.5)

  private let shape: ModelShape
  private let rows: Int
  private(set) var list: TensorList

  init(_ shape: ModelShape, rows: Int, list: TensorList) {
    self.shape = shape
    self.rows = rows
    self.list = list
  }

  /// - Parameter copiesHead: whether a tied output matrix is stored once more, as in Apple's files.
  mutating func add(copyingHead copiesHead: Bool) {
    addProjector()
    let decoder = shape.decoder
    let table = "model.embed_tokens.weight"
    list.add(table, [rows, decoder.hidden], .normal(deviation: Self.embedding))
    for index in 0..<decoder.layers { addLayer("model.layers.\(index)") }
    let width = Double(decoder.hidden)
    let gain = Self.logits / (width.squareRoot() * Self.embedding)
    list.add("model.norm.weight", [decoder.hidden], .uniform((0.8 * gain)...(1.2 * gain)))
    if !decoder.isTied {
      list.add("lm_head.weight", [rows, decoder.hidden], .normal(deviation: Self.embedding))
    } else if copiesHead {
      list.add(
        "lm_head.weight", [rows, decoder.hidden],
        list.drawing.draw(table, rows * decoder.hidden, .normal(deviation: Self.embedding)))
    }
  }

  private mutating func addProjector() {
    let hidden = shape.decoder.hidden
    let path = "model.mm_projector"
    addMatrix("\(path).0", hidden, shape.encoder.outputWidth, input: Self.encoderRows, gain: 1)
    list.add("\(path).0.bias", [hidden], .normal(deviation: 0.1))
    addMatrix("\(path).2", hidden, hidden, input: .gelu, gain: Self.imageTokens)
    list.add("\(path).2.bias", [hidden], .normal(deviation: 0.1 * Self.imageTokens))
  }

  private mutating func addLayer(_ path: String) {
    let decoder = shape.decoder
    let hidden = decoder.hidden
    list.add("\(path).input_layernorm.weight", [hidden], .uniform(0.8...1.2))
    let attention = "\(path).self_attn"
    let (queries, keys) = (
      decoder.heads * decoder.headSize, decoder.keyValueHeads * decoder.headSize
    )
    // Scores of deviation 2.6, as in the encoder.
    for (name, width, gain) in [
      ("q_proj", queries, 1.6), ("k_proj", keys, 1.6), ("v_proj", keys, 1),
    ] {
      addMatrix("\(attention).\(name)", width, hidden, input: .unit, gain: gain)
      list.add("\(attention).\(name).bias", [width], .normal(deviation: 0.2 * gain))
    }
    let heads = Activity(mean: 0, variance: 0.25)
    addMatrix("\(attention).o_proj", hidden, queries, input: heads, gain: Self.attentionShare)
    list.add("\(path).post_attention_layernorm.weight", [hidden], .uniform(0.8...1.2))
    addMatrix("\(path).mlp.gate_proj", decoder.inner, hidden, input: .unit, gain: 1)
    addMatrix("\(path).mlp.up_proj", decoder.inner, hidden, input: .unit, gain: 1)
    // E[silu(z)²] = 0.356 by numeric integration, times the variance of `up`.
    let gated = Activity(mean: 0, variance: 0.356)
    addMatrix(
      "\(path).mlp.down_proj", hidden, decoder.inner, input: gated, gain: Self.feedForwardShare)
  }

  /// A matrix whose outputs have deviation `gain`.
  private mutating func addMatrix(
    _ path: String, _ outputs: Int, _ inputs: Int, input: Activity, gain: Double
  ) {
    let deviation = gain / (Double(inputs) * input.meanSquare).squareRoot()
    list.add("\(path).weight", [outputs, inputs], .normal(deviation: deviation))
  }
}
