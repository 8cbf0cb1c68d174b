import MartletModel

/// The Qwen2 decoder as a network (reference section 4.2).
///
///     embed → layers (norm → qkv → rotate → attention → output → add; norm → gateUp → gate → down → add)
///           → last row → norm → head
///
/// Query, key and value matrices are stacked into one product, gate and up into another.
struct Qwen2 {
  private var source: SourceBuilder
  private let path: String
  private let decoder: FastVLMConfiguration.Decoder
  private let hiddenSize: Int
  private let layout: HeadLayout

  /// Checks what the configuration states against the tensors.
  init(
    tensors: TensorIndex, names: FastVLMNames, decoder: FastVLMConfiguration.Decoder
  ) throws(ConversionError) {
    source = SourceBuilder(role: .language, tensors: tensors)
    path = names.language
    self.decoder = decoder
    let embedding = "\(path).embed_tokens.weight"
    let rows = try source.shape(of: embedding)
    guard rows.count == 2, rows[0] > 0, rows[1] > 0 else {
      throw .tensorShape(name: embedding, expected: "[rows, width]", found: rows)
    }
    hiddenSize = rows[1]
    try Self.compare("vocab_size", decoder.vocabularyRows, embedding, rows[0])
    try Self.compare("hidden_size", decoder.hiddenSize, embedding, hiddenSize)
    let first = "\(path).layers.0.self_attn"
    let queries = try source.outputs(ofMatrix: "\(first).q_proj.weight", inputs: hiddenSize)
    let keys = try source.outputs(ofMatrix: "\(first).k_proj.weight", inputs: hiddenSize)
    let headSize = decoder.headSize ?? queries / decoder.heads
    if headSize == 0 || headSize % 2 != 0 || queries != headSize * decoder.heads {
      throw .configurationMismatch(
        key: "num_attention_heads", stated: decoder.heads, tensor: "\(first).q_proj.weight",
        found: queries)
    }
    let keyValueHeads = decoder.keyValueHeads ?? keys / headSize
    if keyValueHeads == 0 || keys != headSize * keyValueHeads
      || decoder.heads % keyValueHeads != 0
    {
      throw .configurationMismatch(
        key: "num_key_value_heads", stated: keyValueHeads, tensor: "\(first).k_proj.weight",
        found: keys)
    }
    layout = HeadLayout(heads: decoder.heads, keyValueHeads: keyValueHeads, headSize: headSize)
  }

  /// Ids and image rows in, logits of the last row out.
  ///
  /// `headTensor` is the output matrix if the checkpoint has one of its own, `nil` to use the embedding.
  mutating func network(
    headTensor: String?
  ) throws(ConversionError) -> (network: Network, bindings: [String: [String]]) {
    let ids = source.input("ids", .ids)
    let images = source.input("images", .rows(channels: hiddenSize))
    let table = "\(path).embed_tokens.weight"
    let rows = try source.shape(of: table)[0]
    let embedding = try source.parameter("embed.weight", [rows, hiddenSize], from: table)
    var x = source.layer(
      "embed", .embed(Embedding(rows: rows, channels: hiddenSize, weight: embedding)), ids, images)
    let count = try source.tensors.count(under: "\(path).layers")
    try Self.compare("num_hidden_layers", decoder.layers, "\(path).layers.\(count)", count)
    for index in 0..<count {
      x = try attention("layers.\(index).attention", "\(path).layers.\(index)", x)
      x = try mlp("layers.\(index).mlp", "\(path).layers.\(index)", x)
    }
    x = source.layer("selectLast", .selectLast, x)
    x = try norm("norm", "\(path).norm.weight", x)
    var head = embedding
    if let headTensor {
      head = try source.parameter("head.weight", [rows, hiddenSize], from: headTensor)
    }
    x = source.layer(
      "head", .linear(Linear(inputs: hiddenSize, outputs: rows, weight: head, bias: nil)), x)
    return try source.finished(output: x)
  }

  /// `x + o(attention(rotate(qkv(norm(x)))))`
  private mutating func attention(
    _ name: String, _ path: String, _ x: ValueID
  ) throws(ConversionError) -> ValueID {
    let inner = "\(path).self_attn"
    var y = try norm("\(name).norm", "\(path).input_layernorm.weight", x)
    let widths = [layout.heads, layout.keyValueHeads, layout.keyValueHeads]
      .map { $0 * layout.headSize }
    let parts = zip(["q_proj", "k_proj", "v_proj"], widths).map { ("\(inner).\($0)", $1) }
    let qkv = Linear(
      inputs: hiddenSize, outputs: layout.packedWidth,
      weight: try source.stacked(
        "\(name).qkv.weight", parts.map { ("\($0.0).weight", $0.1) }, inputs: hiddenSize),
      bias: decoder.hasAttentionBiases
        ? try source.stacked(
          "\(name).qkv.bias", parts.map { ("\($0.0).bias", $0.1) }, inputs: nil) : nil)
    y = source.layer("\(name).qkv", .linear(qkv), y)
    y = source.layer("\(name).rotate", .rotate(Rotation(layout: layout, theta: decoder.theta)), y)
    let scale = 1 / Float(layout.headSize).squareRoot()
    y = source.layer(
      "\(name).core", .attention(Attention(layout: layout, scale: scale, mask: .causal)), y)
    y = try product("\(name).output", "\(inner).o_proj.weight", y, outputs: hiddenSize)
    return source.layer("\(name).add", .add, x, y)
  }

  /// `x + down(silu(gate(n)) · up(n))`, `n = norm(x)`
  private mutating func mlp(
    _ name: String, _ path: String, _ x: ValueID
  ) throws(ConversionError) -> ValueID {
    let inner = "\(path).mlp"
    var y = try norm("\(name).norm", "\(path).post_attention_layernorm.weight", x)
    let gate = "\(inner).gate_proj.weight"
    let width = try source.outputs(ofMatrix: gate, inputs: hiddenSize)
    try Self.compare("intermediate_size", decoder.innerSize, gate, width)
    let gateUp = Linear(
      inputs: hiddenSize, outputs: 2 * width,
      weight: try source.stacked(
        "\(name).gateUp.weight", [(gate, width), ("\(inner).up_proj.weight", width)],
        inputs: hiddenSize), bias: nil)
    y = source.layer("\(name).gateUp", .linear(gateUp), y)
    y = source.layer("\(name).gate", .gate(width: width), y)
    y = try product("\(name).down", "\(inner).down_proj.weight", y, outputs: hiddenSize)
    return source.layer("\(name).add", .add, x, y)
  }

  private mutating func norm(
    _ name: String, _ tensor: String, _ x: ValueID
  ) throws(ConversionError) -> ValueID {
    let weight = try source.vector("\(name).weight", hiddenSize, from: tensor)
    let op = Normalization(channels: hiddenSize, eps: decoder.eps, weight: weight, bias: nil)
    return source.layer(name, .rmsNorm(op), x)
  }

  private mutating func product(
    _ name: String, _ tensor: String, _ x: ValueID, outputs: Int
  ) throws(ConversionError) -> ValueID {
    let inputs = source.channels(x)
    let weight = try source.matrix(
      "\(name).weight", outputs: outputs, inputs: inputs, from: tensor)
    let op = Linear(inputs: inputs, outputs: outputs, weight: weight, bias: nil)
    return source.layer(name, .linear(op), x)
  }

  private static func compare(
    _ key: String, _ stated: Int?, _ tensor: String, _ found: Int
  ) throws(ConversionError) {
    if let stated, stated != found {
      throw .configurationMismatch(key: key, stated: stated, tensor: tensor, found: found)
    }
  }
}
