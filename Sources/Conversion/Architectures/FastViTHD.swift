import MartletModel

/// FastVLM's image encoder as a network of source ops (reference section 2; FastViT, arXiv 2303.14189).
///
///     stem → stages (downsample → position → blocks) → head
///
/// Widths, depths, kernels and the kind of each block come from the tensors. What no tensor tells is constant here, as it
/// is upstream: strides, the head size and the epsilons.
///
/// Names: a composite names its last value, so that fused and unfused forms share the names of what they both have.
struct FastViTHD {
  /// Strides of the three stem units.
  private static let stemStrides = [2, 2, 1]
  private static let downsampleStride = 2
  /// Channels of one attention head (`mhsa head_dim` upstream).
  private static let headSize = 32
  private static let layerNormEps: Float = 1e-5

  private var source: SourceBuilder
  private let names: FastVLMNames
  /// How many units came fused and how many in train-time form.
  private(set) var forms = SourceReport.Forms()

  init(tensors: TensorIndex, names: FastVLMNames) {
    source = SourceBuilder(role: .vision, tensors: tensors)
    self.names = names
  }

  /// The whole encoder: raw pixels 0…255 in, the map after the head's activation out.
  mutating func network(
    image: ImageSpecification
  ) throws(ConversionError) -> (network: Network, bindings: [String: [String]]) {
    var x = source.input("pixels", .map(channels: 3, stride: 1))
    x = source.layer("normalize", .normalize(image.pixelAffine), x)
    x = try stem(x)
    for (index, stage) in try names.stages(in: source.tensors).enumerated() {
      x = try self.stage("stages.\(index)", stage, x)
    }
    x = try head(x)
    return try source.finished(output: x)
  }

  private mutating func stem(_ x: ValueID) throws(ConversionError) -> ValueID {
    let count = try source.tensors.count(under: names.stem)
    if count < Self.stemStrides.count {
      throw .missingTensor(name: "\(names.stem).\(count)", shape: nil, nearest: nil)
    }
    var x = x
    for (index, stride) in Self.stemStrides.enumerated() {
      x = try mobileOne("stem.\(index)", "\(names.stem).\(index)", x, stride: stride)
      x = source.layer("stem.\(index).activation", .activate(.gelu), x)
    }
    return x
  }

  private mutating func stage(
    _ name: String, _ stage: FastVLMNames.Stage, _ x: ValueID
  ) throws(ConversionError) -> ValueID {
    var x = x
    if let path = stage.downsample { x = try downsample("\(name).downsample", path, x) }
    if let path = stage.position { x = try position("\(name).position", path, x) }
    for index in 0..<(try source.tensors.count(under: stage.blocks)) {
      let (block, path) = ("\(name).blocks.\(index)", "\(stage.blocks).\(index)")
      x =
        source.tensors.contains("\(path).token_mixer.qkv")
        ? try attentionBlock(block, path, x) : try repMixerBlock(block, path, x)
    }
    return x
  }

  /// `GELU(conv k × k, stride 2)` then `GELU(conv 1 × 1)`; the width grows in the first.
  private mutating func downsample(
    _ name: String, _ path: String, _ x: ValueID
  ) throws(ConversionError) -> ValueID {
    var x = try largeKernel("\(name).0", "\(path).proj.0", x, stride: Self.downsampleStride)
    if source.tensors.contains("\(path).proj.0.se") {
      x = try squeezeExcite(
        "\(name).0.squeezeExcite", "\(path).proj.0", x)
    }
    x = source.layer("\(name).0.activation", .activate(.gelu), x)
    x = try mobileOne("\(name).1", "\(path).proj.1", x, stride: 1)
    return source.layer("\(name).1.activation", .activate(.gelu), x)
  }

  /// RepCPE: one depthwise kernel, or `x + pe(x)`.
  private mutating func position(
    _ name: String, _ path: String, _ x: ValueID
  ) throws(ConversionError) -> ValueID {
    if try isFused("\(path).\(names.fused)", trainTime: ["\(path).\(names.positionBranch)"]) {
      return try convolution(name, "\(path).\(names.fused)", x, stride: 1)
    }
    let encoding = try convolution(
      "\(name).kernel", "\(path).\(names.positionBranch)", x, stride: 1)
    return source.layer(name, .add, x, encoding)
  }

  /// `t = mixer(x)`; `y = t + scale · ConvFFN(t)`: the mixer replaces x.
  private mutating func repMixerBlock(
    _ name: String, _ path: String, _ x: ValueID
  ) throws(ConversionError) -> ValueID {
    let mixed = try repMixer("\(name).mixer", "\(path).token_mixer", x)
    let refined = try convFFN("\(name).ffn", path, scale: "\(path).layer_scale", mixed)
    return source.layer("\(name).add", .add, mixed, refined)
  }

  /// `y = x + ls (mixer(x) − norm(x))`, or the one kernel it fuses to.
  private mutating func repMixer(
    _ name: String, _ path: String, _ x: ValueID
  ) throws(ConversionError) -> ValueID {
    if try isFused("\(path).\(names.fused)", trainTime: ["\(path).mixer", "\(path).norm"]) {
      return try convolution(name, "\(path).\(names.fused)", x, stride: 1)
    }
    let width = source.channels(x)
    let mixed = try mobileOne("\(name).mixer", "\(path).mixer", x, stride: 1)
    let norm = try source.batchNorm("\(name).norm", width, from: "\(path).norm.\(names.skipBranch)")
    let normed = source.layer("\(name).norm", .batchNorm(norm), x)
    let difference = source.layer("\(name).difference", .subtract, mixed, normed)
    let scaled = try layerScale("\(name).scale", "\(path).layer_scale", difference)
    return source.layer(name, .add, x, scaled)
  }

  /// `u = x + scale1 · attention(norm(x))`; `y = u + scale2 · ConvFFN(u)`
  private mutating func attentionBlock(
    _ name: String, _ path: String, _ x: ValueID
  ) throws(ConversionError) -> ValueID {
    let attended = try attention("\(name).attention", path, x)
    let u = source.layer("\(name).attention.add", .add, x, attended)
    let refined = try convFFN("\(name).ffn", path, scale: "\(path).layer_scale_2", u)
    return source.layer("\(name).add", .add, u, refined)
  }

  private mutating func attention(
    _ name: String, _ path: String, _ x: ValueID
  ) throws(ConversionError) -> ValueID {
    let width = source.channels(x)
    let mixer = "\(path).token_mixer"
    if width % Self.headSize != 0 {
      throw .tensorShape(
        name: "\(mixer).qkv.weight", expected: "a width of whole heads of \(Self.headSize)",
        found: try source.shape(of: "\(mixer).qkv.weight"))
    }
    var y: ValueID
    if source.tensors.contains("\(path).norm.running_var") {
      // MobileCLIP S0 to S2.
      let norm = try source.batchNorm("\(name).norm", width, from: "\(path).norm")
      y = source.layer("\(name).norm", .batchNorm(norm), x)
    } else {
      let norm = Normalization(
        channels: width, eps: Self.layerNormEps,
        weight: try source.vector("\(name).norm.weight", width, from: "\(path).norm.weight"),
        bias: try source.vector("\(name).norm.bias", width, from: "\(path).norm.bias"))
      y = source.layer("\(name).norm", .layerNorm(norm), x)
    }
    y = try linear("\(name).qkv", "\(mixer).qkv", y, outputs: 3 * width, bias: .never)
    let heads = width / Self.headSize
    let op = Attention(
      layout: HeadLayout(heads: heads, keyValueHeads: heads, headSize: Self.headSize),
      scale: 1 / Float(Self.headSize).squareRoot(), mask: .none)
    y = source.layer("\(name).core", .attention(op), y)
    y = try linear("\(name).projection.unscaled", "\(mixer).proj", y, outputs: width)
    return try layerScale("\(name).projection", "\(path).layer_scale_1", y)
  }

  /// `scale · fc2(GELU(fc1(BN(depthwise(x)))))`
  private mutating func convFFN(
    _ name: String, _ block: String, scale: String, _ x: ValueID
  ) throws(ConversionError) -> ValueID {
    let path = "\(block).\(names.feedForward)"
    let width = source.channels(x)
    var y = try convolution(
      "\(name).convolution.kernel", "\(path).conv.conv", x, stride: 1, bias: .never)
    let norm = try source.batchNorm("\(name).convolution.norm", width, from: "\(path).conv.bn")
    y = source.layer("\(name).convolution", .batchNorm(norm), y)
    let inner = try source.outputs(ofMatrix: "\(path).fc1.weight", inputs: width)
    y = try linear("\(name).fc1", "\(path).fc1", y, outputs: inner)
    y = source.layer("\(name).activation", .activate(.gelu), y)
    y = try linear("\(name).fc2.unscaled", "\(path).fc2", y, outputs: width)
    return try layerScale("\(name).fc2", scale, y)
  }

  /// `GELU(SE(conv))`
  private mutating func head(_ x: ValueID) throws(ConversionError) -> ValueID {
    var y = try mobileOne("head.convolution", names.head, x, stride: 1)
    y = try squeezeExcite("head.squeezeExcite", names.head, y)
    return source.layer("head.activation", .activate(.gelu), y)
  }

  private mutating func squeezeExcite(
    _ name: String, _ path: String, _ x: ValueID
  ) throws(ConversionError) -> ValueID {
    let width = source.channels(x)
    let (reduce, expand) = ("\(path).\(names.squeezeReduce)", "\(path).\(names.squeezeExpand)")
    let reduced = try source.outputs(ofMatrix: "\(reduce).weight", inputs: width)
    let op = SqueezeExcite(
      channels: width, reducedChannels: reduced,
      reduceWeight: try source.matrix(
        "\(name).reduce.weight", outputs: reduced, inputs: width, from: "\(reduce).weight"),
      reduceBias: try source.vector("\(name).reduce.bias", reduced, from: "\(reduce).bias"),
      expandWeight: try source.matrix(
        "\(name).expand.weight", outputs: width, inputs: reduced, from: "\(expand).weight"),
      expandBias: try source.vector("\(name).expand.bias", width, from: "\(expand).bias"))
    return source.layer(name, .squeezeExcite(op), x)
  }
}

// MARK: Units

extension FastViTHD {
  /// A MobileOne unit: one fused convolution, or its branches (reference section 3.1).
  private mutating func mobileOne(
    _ name: String, _ path: String, _ x: ValueID, stride: Int
  ) throws(ConversionError) -> ValueID {
    let (many, scale, skip) = (
      "\(path).\(names.convolutionBranches)", "\(path).\(names.scaleBranch)",
      "\(path).\(names.skipBranch)"
    )
    if try isFused("\(path).\(names.fused)", trainTime: [many, scale, skip]) {
      return try convolution(name, "\(path).\(names.fused)", x, stride: stride)
    }
    var kernels = (0..<(try source.tensors.count(under: many))).map { "\(many).\($0)" }
    if kernels.isEmpty { kernels = ["\(many).0"] }
    if source.tensors.contains(scale) { kernels.append(scale) }
    return try branches(
      name, kernels, skip: source.tensors.contains(skip) ? skip : nil, x, stride: stride)
  }

  /// A large-kernel unit: one fused convolution, or a large and a small branch (section 3.2).
  private mutating func largeKernel(
    _ name: String, _ path: String, _ x: ValueID, stride: Int
  ) throws(ConversionError) -> ValueID {
    let (fused, large, small) = (
      "\(path).\(names.largeKernel)", "\(path).\(names.largeBranch)", "\(path).\(names.smallBranch)"
    )
    if try isFused(fused, trainTime: [large, small]) {
      return try convolution(name, fused, x, stride: stride)
    }
    let kernels = source.tensors.contains(small) ? [large, small] : [large]
    return try branches(name, kernels, skip: nil, x, stride: stride)
  }

  /// Parallel branches, each `conv` + `bn`, and perhaps a batch norm alone.
  private mutating func branches(
    _ name: String, _ paths: [String], skip: String?, _ x: ValueID, stride: Int
  ) throws(ConversionError) -> ValueID {
    let inputs = source.channels(x)
    let first = try source.kernel("\(paths[0]).conv.weight", inputs: inputs)
    var branches: [Branches.Branch] = []
    for (index, path) in paths.enumerated() {
      let tensor = "\(path).conv.weight"
      let kernel = try source.kernel(tensor, inputs: inputs)
      if kernel.grouping != first.grouping || kernel.outputs != first.outputs {
        throw .tensorShape(
          name: tensor, expected: "[\(first.shape[0]), \(first.shape[1]), k, k]",
          found: kernel.shape)
      }
      let weight = try source.parameter(
        "\(name).branches.\(index).weight", kernel.shape, from: tensor)
      let norm = try source.batchNorm(
        "\(name).branches.\(index).norm", kernel.outputs, from: "\(path).bn")
      branches.append(.init(kernel: kernel.side, weight: weight, norm: norm))
    }
    if let skip {
      let norm = try source.batchNorm("\(name).skip.norm", first.outputs, from: skip)
      branches.append(.init(kernel: nil, weight: nil, norm: norm))
    }
    let op = Branches(
      inputChannels: inputs, outputChannels: first.outputs, stride: stride,
      grouping: first.grouping, branches: branches)
    return source.layer(name, .branches(op), x)
  }

  /// A convolution of whatever kind its weight says.
  private mutating func convolution(
    _ name: String, _ path: String, _ x: ValueID, stride: Int, bias: Bias = .always
  ) throws(ConversionError) -> ValueID {
    let inputs = source.channels(x)
    let kernel = try source.kernel("\(path).weight", inputs: inputs)
    let weight =
      kernel.isMatrix(stride: stride)
      ? try source.matrix(
        "\(name).weight", outputs: kernel.outputs, inputs: inputs, from: "\(path).weight")
      : try source.parameter("\(name).weight", kernel.shape, from: "\(path).weight")
    let bias = try self.bias(bias, name, path, outputs: kernel.outputs)
    return source.layer(name, kernel.op(stride: stride, weight: weight, bias: bias), x)
  }

  private mutating func linear(
    _ name: String, _ path: String, _ x: ValueID, outputs: Int, bias: Bias = .always
  ) throws(ConversionError) -> ValueID {
    let inputs = source.channels(x)
    let op = Linear(
      inputs: inputs, outputs: outputs,
      weight: try source.matrix(
        "\(name).weight", outputs: outputs, inputs: inputs, from: "\(path).weight"),
      bias: try self.bias(bias, name, path, outputs: outputs))
    return source.layer(name, .linear(op), x)
  }

  private mutating func layerScale(
    _ name: String, _ tensor: String, _ x: ValueID
  ) throws(ConversionError) -> ValueID {
    let width = source.channels(x)
    let gamma = try source.vector(
      "\(name).gamma", width, from: "\(tensor)\(names.scaleSuffix)")
    return source.layer(name, .layerScale(LayerScale(channels: width, gamma: gamma)), x)
  }

  /// Whether a product has a bias.
  private enum Bias { case always, never }

  private mutating func bias(
    _ bias: Bias, _ name: String, _ path: String, outputs: Int
  ) throws(ConversionError) -> ParameterID? {
    switch bias {
    case .never: nil
    case .always: try source.vector("\(name).bias", outputs, from: "\(path).bias")
    }
  }

  /// Whether a unit is stored fused. Every unit is asked on its own: a file may mix forms.
  /// - Throws: `ambiguousForm` where both are there.
  private mutating func isFused(
    _ fused: String, trainTime: [String]
  ) throws(ConversionError) -> Bool {
    let hasFused = source.tensors.contains(fused)
    let branch = trainTime.first { source.tensors.contains($0) }
    if let branch {
      if hasFused { throw .ambiguousForm(fused: fused, trainTime: branch) }
      forms.trainTime += 1
      return false
    }
    // Neither form: taken as fused, so that the error names the tensor that released checkpoints have.
    forms.fused += 1
    return true
  }
}

extension ImageSpecification {
  /// `x = (pixel / 255 − mean) / std` as one factor and one offset per channel.
  var pixelAffine: ChannelAffine {
    ChannelAffine(
      scale: standardDeviation.map { Float(1 / (255 * Double($0))) },
      offset: zip(mean, standardDeviation).map { mean, deviation in
        mean == 0 ? 0 : Float(-Double(mean) / Double(deviation))
      })
  }
}
