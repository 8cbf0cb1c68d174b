import MartletModel

/// A tensor of transformers' native layout: rows of a parameter under another name and shape.
struct NativeTensor: Equatable {
  var name: String
  var shape: [Int]
  /// `nil`: the counter of training steps beside a batch norm.
  var parameter: String?
  var firstRow = 0
  /// Rows of zeros behind those of the parameter: an embedding that is padded further.
  var paddedRows = 0
}

/// Names the parameters of a reparameterized FastVLM as transformers does (reference section 7.2).
struct NativeTensors {
  private(set) var tensors: [NativeTensor] = []
  /// Widths and depths of the encoder's stages.
  private(set) var widths: [Int] = []
  private(set) var depths: [Int] = []
  private var network: Network

  private static let tower = "model.vision_tower.timm_model"
  private static let projector = "model.multi_modal_projector"
  private static let language = "model.language_model"

  /// - Parameter rows: of the embedding as it is written.
  init(_ description: ModelDescription, rows: Int) throws(ExportError) {
    guard let vision = description.network(.vision), let adapter = description.network(.projector),
      let language = description.network(.language)
    else { throw .partMissing(part: "FastVLM", format: "transformers' layout") }
    network = vision
    for layer in vision.layers { try addVision(layer) }
    network = adapter
    try addProjector(adapter)
    network = language
    try addLanguage(DecoderOutline(language), rows: rows)
  }

  private mutating func add(
    _ name: String, _ id: ParameterID, shape: [Int]? = nil, rows: Range<Int>? = nil,
    padded: Int = 0
  ) {
    let parameter = network[id]
    var shape = shape ?? parameter.shape
    if let rows { shape[0] = rows.count }
    shape[0] += padded
    tensors.append(
      NativeTensor(
        name: name, shape: shape, parameter: parameter.name, firstRow: rows?.lowerBound ?? 0,
        paddedRows: padded))
  }

  /// Weight and bias; matrices over pixels are 1 × 1 convolutions.
  private mutating func add(
    _ path: String, _ weight: ParameterID, _ bias: ParameterID?, isPixelMap: Bool = false
  ) {
    let shape = network[weight].shape
    add("\(path).weight", weight, shape: isPixelMap && shape.count == 2 ? shape + [1, 1] : nil)
    if let bias { add("\(path).bias", bias) }
  }

  // MARK: Encoder

  private mutating func addVision(_ layer: Layer) throws(ExportError) {
    let inner = layer.name.dropFirst("vision.".count)
    guard let path = Self.path(of: String(inner)).map({ "\(Self.tower).\($0)" }) else {
      switch layer.op {
      case .normalize, .activate, .add, .attention: return
      case .convolution, .depthwise, .squeezeExcite, .layerNorm, .linear, .rmsNorm, .rotate, .gate,
        .embed, .selectLast, .batchNorm, .branches, .layerScale, .subtract:
        throw .form(layer: layer.name, expected: "a part of FastViTHD", found: "another op")
      }
    }
    switch layer.op {
    case .convolution(let op): add(path, op.weight, op.bias)
    case .depthwise(let op): add(path, op.weight, op.bias)
    case .linear(let op):
      add(path, op.weight, op.bias, isPixelMap: !path.contains("token_mixer."))
      if inner == "stem.2" { widths.append(op.outputs) }
      if inner.hasSuffix("downsample.1") { widths.append(op.outputs) }
    case .layerNorm(let op):
      guard let weight = op.weight, let bias = op.bias else {
        throw .form(layer: layer.name, expected: "weight and bias", found: "less")
      }
      add(path, weight, bias)
    case .batchNorm(let op):
      add("\(path).weight", op.gamma)
      add("\(path).bias", op.beta)
      add("\(path).running_mean", op.mean)
      add("\(path).running_var", op.variance)
      tensors.append(NativeTensor(name: "\(path).num_batches_tracked", shape: []))
    case .layerScale(let op): add("\(path).gamma", op.gamma, shape: [op.channels, 1, 1])
    case .squeezeExcite(let op):
      add("\(path).fc1", op.reduceWeight, op.reduceBias, isPixelMap: true)
      add("\(path).fc2", op.expandWeight, op.expandBias, isPixelMap: true)
    case .normalize, .activate, .add, .attention, .rmsNorm, .rotate, .gate, .embed, .selectLast,
      .branches, .subtract:
      throw .form(layer: layer.name, expected: "a reparameterized unit", found: "another op")
    }
    countBlock(inner)
  }

  /// Notes the depth of a stage at the product that every block has once.
  private mutating func countBlock(_ inner: Substring) {
    let words = inner.split(separator: ".")
    guard inner.hasSuffix(".ffn.fc1"), words.count > 3, let stage = Int(words[1]) else { return }
    while depths.count <= stage { depths.append(0) }
    depths[stage] += 1
  }

  /// timm's path of one of our layers; `nil` for layers without parameters of their own.
  private static func path(of layer: String) -> String? {
    if layer == "head.convolution" { return "final_conv.reparam_conv" }
    if layer == "head.squeezeExcite" { return "final_conv.se" }
    let words = layer.split(separator: ".").map(String.init)
    if words.first == "stem", words.count == 2 { return "\(layer).reparam_conv" }
    guard words.first == "stages", words.count > 2 else { return nil }
    let stage = "stages.\(words[1])"
    switch words[2...].joined(separator: ".") {
    case "downsample.0", "downsample.1":
      return "\(stage).downsample.proj.\(words[3]).reparam_conv"
    case "position": return "\(stage).pos_emb.reparam_conv"
    default: break
    }
    guard words.count > 4, words[2] == "blocks" else { return nil }
    let parts = [
      "mixer": "token_mixer.reparam_conv", "ffn.convolution.kernel": "mlp.conv.conv",
      "ffn.convolution": "mlp.conv.bn", "ffn.fc1": "mlp.fc1", "ffn.fc2.unscaled": "mlp.fc2",
      "attention.norm": "norm", "attention.qkv": "token_mixer.qkv",
      "attention.projection.unscaled": "token_mixer.proj", "attention.projection": "layer_scale_1",
      "ffn.fc2": "layer_scale",
    ]
    let part = parts[words[4...].joined(separator: ".")]
    return part.map { "\(stage).blocks.\(words[3]).\($0)" }
  }

  /// Blocks with attention have two layer scales, numbered; ours are told apart by the block's other parts.
  mutating func numberLayerScales() {
    let mixing = Set(
      tensors.filter { $0.name.hasSuffix(".layer_scale_1.gamma") }
        .map { $0.name.dropLast("_1.gamma".count) })
    for index in tensors.indices {
      let name = tensors[index].name
      let suffix = ".layer_scale.gamma"
      if name.hasSuffix(suffix), mixing.contains(name.dropLast(".gamma".count)) {
        tensors[index].name = name.dropLast(".gamma".count) + "_2.gamma"
      }
    }
  }

  // MARK: Projector and language

  private mutating func addProjector(_ adapter: Network) throws(ExportError) {
    var count = 0
    for layer in adapter.layers {
      guard case .linear(let op) = layer.op else { continue }
      count += 1
      add("\(Self.projector).linear_\(count)", op.weight, op.bias)
    }
    if count != 2 {
      throw .form(layer: "projector", expected: "two products", found: "\(count)")
    }
  }

  private mutating func addLanguage(
    _ outline: DecoderOutline, rows: Int
  ) throws(ExportError) {
    let path = Self.language
    let padded = rows - outline.embedding.rows
    add("\(path).embed_tokens.weight", outline.embedding.weight, padded: padded)
    let layout = outline.layout
    let (queries, keys) = (layout.heads * layout.headSize, layout.keyValueHeads * layout.headSize)
    for (index, block) in outline.blocks.enumerated() {
      let layer = "\(path).layers.\(index)"
      try add("\(layer).input_layernorm.weight", block.attentionNorm)
      for (part, rows) in [
        ("q_proj", 0..<queries), ("k_proj", queries..<queries + keys),
        ("v_proj", queries + keys..<queries + 2 * keys),
      ] {
        add("\(layer).self_attn.\(part).weight", block.qkv.weight, rows: rows)
        if let bias = block.qkv.bias {
          add("\(layer).self_attn.\(part).bias", bias, rows: rows)
        }
      }
      add("\(layer).self_attn.o_proj.weight", block.output.weight)
      try add("\(layer).post_attention_layernorm.weight", block.feedForwardNorm)
      let width = outline.innerSize
      add("\(layer).mlp.gate_proj.weight", block.gateUp.weight, rows: 0..<width)
      add("\(layer).mlp.up_proj.weight", block.gateUp.weight, rows: width..<2 * width)
      add("\(layer).mlp.down_proj.weight", block.down.weight)
    }
    try add("\(path).norm.weight", outline.norm)
    if outline.head.weight != outline.embedding.weight {
      add("lm_head.weight", outline.head.weight, padded: padded)
    }
  }

  private mutating func add(
    _ name: String, _ norm: DecoderOutline.Norm
  ) throws(ExportError) {
    guard let weight = norm.weight else {
      throw .form(layer: name, expected: "a weight", found: "none")
    }
    add(name, weight)
  }
}
