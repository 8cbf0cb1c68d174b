/// The tensors of FastViTHD (reference sections 2 and 7.1), drawn from the first layer to the last.
struct EncoderTensors {
  static let path = "model.vision_tower.vision_tower.model"

  /// Layer scales; trained ones reach from near 0 to 1.
  private static let layerScale = 0.1...0.5
  /// E[ls²] of that range.
  private static let layerScaleSquare = 0.1033

  private let shape: ModelShape.Encoder
  private(set) var list: TensorList
  private var activity = Activity.pixels

  init(_ shape: ModelShape.Encoder, list: TensorList) {
    self.shape = shape
    self.list = list
  }

  private var drawing: Drawing { list.drawing }

  mutating func add() {
    addStem()
    var index = 0
    for stage in shape.widths.indices {
      if stage > 0 {
        addDownsample("\(Self.path).network.\(index)", to: shape.widths[stage])
        index += 1
      }
      let usesAttention = stage >= shape.firstAttention
      if usesAttention {
        addPosition("\(Self.path).network.\(index)", shape.widths[stage])
        index += 1
      }
      for block in 0..<shape.depths[stage] {
        let path = "\(Self.path).network.\(index).\(block)"
        if usesAttention {
          addAttentionBlock(path, shape.widths[stage])
        } else {
          addRepMixerBlock(path, shape.widths[stage])
        }
      }
      index += 1
    }
    addHead()
  }

  private mutating func addStem() {
    let width = shape.widths[0]
    let path = "\(Self.path).patch_embed"
    addUnit("\(path).0", outputs: width, inputsPerGroup: 3, side: 3, branches: [.convolution])
    addUnit("\(path).1", outputs: width, inputsPerGroup: 1, side: 3, branches: [.convolution])
    addUnit(
      "\(path).2", outputs: width, inputsPerGroup: width, side: 1, branches: [.convolution, .skip])
  }

  private mutating func addDownsample(_ path: String, to width: Int) {
    let kernels = [("lkb_origin", 7, 0.8), ("small_conv", 3, 0.6)].map { name, side, gain in
      let branch = drawing.branch(
        "\(path).proj.0.\(name)", outputs: width, inputsPerGroup: 1, side: side, input: activity,
        gain: gain, correlation: Activity.neighbors)
      return (name: name, branch: branch)
    }
    if list.isTrainTime {
      for (name, branch) in kernels {
        list.add("\(path).proj.0.\(name)", branch, inputsPerGroup: 1)
      }
    } else {
      list.add("\(path).proj.0.lkb_reparam", outputs: width, inputsPerGroup: 1, side: 7) { fused in
        for (_, branch) in kernels { fused.add(branch) }
      }
    }
    activity = .gelu
    addUnit(
      "\(path).proj.1", outputs: width, inputsPerGroup: width, side: 1,
      branches: [.convolution, .skip])
  }

  /// RepCPE: `x + pe(x)`, the kernel adding a sixth to the variance.
  private mutating func addPosition(_ path: String, _ width: Int) {
    let share = 0.16
    let weight = drawing.draw(
      "\(path).pe.weight", width * 49, .normal(deviation: (share / 49).squareRoot()))
    let bias = drawing.draw("\(path).pe.bias", width, .normal(deviation: 0.05))
    if list.isTrainTime {
      list.add("\(path).pe.weight", [width, 1, 7, 7], weight)
      list.add("\(path).pe.bias", [width], bias)
    } else {
      list.add("\(path).reparam_conv", outputs: width, inputsPerGroup: 1, side: 7) { fused in
        fused.weight = weight.doubles
        fused.bias = bias.doubles
        fused.addIdentity()
      }
    }
    activity = activity.adding(variance: share * activity.meanSquare)
  }

  private mutating func addRepMixerBlock(_ path: String, _ width: Int) {
    addRepMixer("\(path).token_mixer", width)
    addConvFFN(path, width, scale: "\(path).layer_scale")
  }

  private mutating func addAttentionBlock(_ path: String, _ width: Int) {
    list.add("\(path).norm.weight", [width], .uniform(0.8...1.2))
    list.add("\(path).norm.bias", [width], .normal(deviation: 0.05))
    // Queries and keys of deviation 1.6 give scores of deviation 2.6: heads look at some tokens, not at all alike.
    let mixer = "\(path).token_mixer"
    let fanIn = Double(width).squareRoot()
    list.add(
      "\(mixer).qkv.weight", [3 * width, width],
      drawing.attentionInput("\(mixer).qkv.weight", width: width, deviation: 1 / fanIn))
    // The mean over the tokens looked at has about half the deviation of one.
    list.add("\(mixer).proj.weight", [width, width], .normal(deviation: 2 / fanIn))
    list.add("\(mixer).proj.bias", [width], .normal(deviation: 0.05))
    list.add("\(path).layer_scale_1", [width, 1, 1], .uniform(Self.layerScale))
    activity = activity.adding(variance: Self.layerScaleSquare)
    addConvFFN(path, width, scale: "\(path).layer_scale_2")
  }

  /// `scale · fc2(GELU(fc1(BN(depthwise(x)))))`; the batch norm stays apart in every layout.
  private mutating func addConvFFN(_ path: String, _ width: Int, scale: String) {
    let feedForward = "\(path).convffn"
    let kernel = drawing.branch(
      "\(feedForward).conv", outputs: width, inputsPerGroup: 1, side: 7, input: activity, gain: 1,
      correlation: Activity.neighbors)
    list.add("\(feedForward).conv", kernel, inputsPerGroup: 1)
    let inner = shape.expansion * width
    addProduct("\(feedForward).fc1", outputs: inner, inputs: width, input: .unit)
    addProduct("\(feedForward).fc2", outputs: width, inputs: inner, input: .gelu)
    list.add(scale, [width, 1, 1], .uniform(Self.layerScale))
    activity = activity.adding(variance: Self.layerScaleSquare)
  }

  /// A 1 × 1 convolution with bias whose outputs have deviation 1.
  private mutating func addProduct(
    _ path: String, outputs: Int, inputs: Int, input: Activity, biasMean: Double = 0
  ) {
    let deviation = 1 / (Double(inputs) * input.meanSquare).squareRoot()
    list.add("\(path).weight", [outputs, inputs, 1, 1], .normal(deviation: deviation))
    list.add("\(path).bias", [outputs], .normal(mean: biasMean, deviation: 0.1))
  }

  /// `GELU(SE(conv))`, the convolution of deviation 2, since gates halve it.
  private mutating func addHead() {
    let path = "\(Self.path).conv_exp"
    let width = shape.outputWidth
    addUnit(
      path, outputs: width, inputsPerGroup: 1, side: 3, branches: [.convolution, .scale], gain: 2)
    // Means over all pixels are about a quarter of the deviation; gates lie around 0.6.
    let means = Activity(mean: 0, variance: 0.25)
    let squeezed = shape.squeezedWidth
    addProduct("\(path).se.reduce", outputs: squeezed, inputs: width, input: means)
    addProduct(
      "\(path).se.expand", outputs: width, inputs: squeezed,
      input: Activity(mean: 0, variance: 0.5), biasMean: 0.5)
    list.add(
      "\(Self.path).head.proj", [width, shape.clipWidth],
      .normal(deviation: 1 / Double(width).squareRoot()))
  }
}

// MARK: Units

extension EncoderTensors {
  /// Parts of a MobileOne unit, in the order in which they share its gain.
  private enum Part: Equatable {
    case convolution, scale, skip
  }

  /// A MobileOne unit of deviation `gain` (reference section 3.1), followed by a GELU.
  private mutating func addUnit(
    _ path: String, outputs: Int, inputsPerGroup: Int, side: Int, branches parts: [Part],
    gain: Double = 1
  ) {
    let branches = unit(
      path, outputs: outputs, inputsPerGroup: inputsPerGroup, side: side, parts, gain: gain)
    if list.isTrainTime {
      for (path, branch) in branches { list.add(path, branch, inputsPerGroup: inputsPerGroup) }
    } else {
      list.add(
        "\(path).reparam_conv", outputs: outputs, inputsPerGroup: inputsPerGroup, side: side
      ) { fused in
        for (_, branch) in branches { fused.add(branch) }
      }
    }
    activity = .gelu
  }

  private func unit(
    _ path: String, outputs: Int, inputsPerGroup: Int, side: Int, _ parts: [Part], gain: Double
  ) -> [(path: String, branch: DrawnBranch)] {
    // Channels of a map are independent; the stem's colors and neighbors are not.
    let correlation = side > 1 ? Activity.neighbors : 0
    // The first branch carries most, so that the kernel is no near identity.
    let gains = parts.count == 1 ? [gain] : [0.8 * gain, 0.6 * gain]
    return zip(parts, gains).map { part, gain in
      switch part {
      case .convolution:
        let name = "\(path).rbr_conv.0"
        return (
          name,
          drawing.branch(
            name, outputs: outputs, inputsPerGroup: inputsPerGroup, side: side, input: activity,
            gain: gain, correlation: correlation)
        )
      case .scale:
        let name = "\(path).rbr_scale"
        return (
          name,
          drawing.branch(
            name, outputs: outputs, inputsPerGroup: inputsPerGroup, side: 1, input: activity,
            gain: gain, correlation: 0)
        )
      case .skip:
        let name = "\(path).rbr_skip"
        return (name, drawing.skip(name, outputs, input: activity, gain: gain))
      }
    }
  }

  /// `y = x + ls · (mixer(x) − norm(x))` (reference section 3.3).
  private mutating func addRepMixer(_ path: String, _ width: Int) {
    let mixer = [
      (
        "\(path).mixer.rbr_skip",
        drawing.skip("\(path).mixer.rbr_skip", width, input: activity, gain: 0.4)
      ),
      (
        "\(path).mixer.rbr_conv.0",
        drawing.branch(
          "\(path).mixer.rbr_conv.0", outputs: width, inputsPerGroup: 1, side: 3, input: activity,
          gain: 0.6, correlation: Activity.neighbors)
      ),
      (
        "\(path).mixer.rbr_scale",
        drawing.branch(
          "\(path).mixer.rbr_scale", outputs: width, inputsPerGroup: 1, side: 1, input: activity,
          gain: 0.4, correlation: 0)
      ),
    ]
    let norm = drawing.skip("\(path).norm.rbr_skip", width, input: activity, gain: 0.4)
    let scale = drawing.draw("\(path).layer_scale", width, .uniform(Self.layerScale))
    if list.isTrainTime {
      list.add("\(path).layer_scale", [width, 1, 1], scale)
      list.add("\(path).norm.rbr_skip", norm, inputsPerGroup: 1)
      for (path, branch) in mixer { list.add(path, branch, inputsPerGroup: 1) }
    } else {
      list.add("\(path).reparam_conv", outputs: width, inputsPerGroup: 1, side: 3) { fused in
        let factors = scale.doubles
        fused.addIdentity()
        for (_, branch) in mixer { fused.add(branch) { factors[$0] } }
        fused.add(norm) { -factors[$0] }
      }
    }
    // 0.6² + 3 · 0.4², the four batch norms' slopes being independent.
    activity = activity.adding(variance: 0.84 * Self.layerScaleSquare)
  }
}

extension Drawing {
  /// Rows for queries, keys and values `[3 · width, width]`: those for queries and keys are larger by 1.6.
  fileprivate func attentionInput(_ name: String, width: Int, deviation: Double) -> Numbers {
    let count = width * width
    let sharp = draw(name, 3 * count, .normal(deviation: 1.6 * deviation))
    let plain = draw(name, 3 * count, .normal(deviation: deviation))
    return Numbers(count: 3 * count, type: type) { range in
      let first = range.clamped(to: 0..<(2 * count))
      let second = range.clamped(to: (2 * count)..<(3 * count))
      if second.isEmpty { return sharp.values(first) }
      if first.isEmpty { return plain.values(second) }
      return sharp.values(first) + plain.values(second)
    }
  }
}
