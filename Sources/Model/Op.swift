// What a model *is*: networks of operations on values, with no weight bytes in them.
//
// In:      nothing; builders in Conversion and the pack reader construct these values.
// Out:     `Op`, `Network`, `Parameter`, quantization terms, image and tokenizer specifications.
// Refuses: networks whose shapes do not fit together (`Network.validate()`), with the layer's name.
//
// Activations are `[height, width, channels]` or `[rows, channels]` in memory; a map of height × width
// pixels *is* a matrix of height · width rows, so every row-wise op accepts both.

/// One operation. A closed set: switched without `default:`, so a new case makes the compiler list the work.
package enum Op: Equatable, Sendable {
  // Pixels of a map, looking at neighbors.

  /// Dense k × k convolution.
  case convolution(Convolution)
  /// k × k convolution in which every output channel reads one input channel.
  case depthwise(Depthwise)
  /// Channel gates from the mean over all pixels.
  case squeezeExcite(SqueezeExcite)

  // Rows: pixels or tokens, each on its own.

  /// `y = x · scale + offset` per channel, with constants; raw pixels enter through it.
  case normalize(ChannelAffine)
  /// Layer norm over the channels of each row, biased variance.
  case layerNorm(Normalization)
  /// `y = x Wᵀ + b`; a 1 × 1 convolution is a linear layer over pixels.
  case linear(Linear)
  /// Sum of all inputs, left to right.
  case add
  /// A pointwise function.
  case activate(Activation)

  // Tokens.

  /// `y = x · rsqrt(mean(x²) + eps) · weight`.
  case rmsNorm(Normalization)
  /// Rotary position embedding of the query and key heads of a packed `[q | k | v]` row, half-split form.
  case rotate(Rotation)
  /// Softmax attention over packed `[q | k | v]` rows.
  case attention(Attention)
  /// `y = silu(x[0 ..< width]) · x[width ..< 2 width]`.
  case gate(width: Int)
  /// Rows of a table by token id; negative ids take the rows of the second input, in order.
  case embed(Embedding)
  /// The last row.
  case selectLast

  // Source form only; folding removes them.

  /// Batch norm on stored statistics.
  case batchNorm(BatchNorm)
  /// Parallel convolution and skip branches, each with its batch norm, summed (MobileOne, arXiv 2206.04040).
  case branches(Branches)
  /// `y = x · gamma` per channel.
  case layerScale(LayerScale)
  /// `y = a − b`; RepMixer subtracts its norm branch (FastViT, arXiv 2303.14189, section 3.1).
  case subtract
}

/// Dense convolution, symmetric zero padding `kernel / 2`.
package struct Convolution: Equatable, Sendable {
  package var inputChannels: Int
  package var outputChannels: Int
  package var kernel: Int
  package var stride: Int
  /// `[outputChannels, inputChannels, kernel, kernel]`
  package var weight: ParameterID
  /// `[outputChannels]`
  package var bias: ParameterID?

  package init(
    inputChannels: Int, outputChannels: Int, kernel: Int, stride: Int, weight: ParameterID,
    bias: ParameterID?
  ) {
    self.inputChannels = inputChannels
    self.outputChannels = outputChannels
    self.kernel = kernel
    self.stride = stride
    self.weight = weight
    self.bias = bias
  }
}

/// Convolution with `channels` groups: output `o` reads input `o / multiplier`; zero padding `kernel / 2`.
package struct Depthwise: Equatable, Sendable {
  package var channels: Int
  package var multiplier: Int
  package var kernel: Int
  package var stride: Int
  /// `[channels · multiplier, 1, kernel, kernel]`
  package var weight: ParameterID
  /// `[channels · multiplier]`
  package var bias: ParameterID?
  package var outputChannels: Int { channels * multiplier }

  package init(
    channels: Int, multiplier: Int, kernel: Int, stride: Int, weight: ParameterID,
    bias: ParameterID?
  ) {
    self.channels = channels
    self.multiplier = multiplier
    self.kernel = kernel
    self.stride = stride
    self.weight = weight
    self.bias = bias
  }
}

/// `y = x · sigmoid(expand · relu(reduce · mean(x) + b) + b)`, the mean taken over all pixels.
package struct SqueezeExcite: Equatable, Sendable {
  package var channels: Int
  package var reducedChannels: Int
  /// `[reducedChannels, channels]`
  package var reduceWeight: ParameterID
  /// `[reducedChannels]`
  package var reduceBias: ParameterID
  /// `[channels, reducedChannels]`
  package var expandWeight: ParameterID
  /// `[channels]`
  package var expandBias: ParameterID

  package init(
    channels: Int, reducedChannels: Int, reduceWeight: ParameterID, reduceBias: ParameterID,
    expandWeight: ParameterID, expandBias: ParameterID
  ) {
    self.channels = channels
    self.reducedChannels = reducedChannels
    self.reduceWeight = reduceWeight
    self.reduceBias = reduceBias
    self.expandWeight = expandWeight
    self.expandBias = expandBias
  }
}

/// Constants of `normalize`, one per channel.
package struct ChannelAffine: Equatable, Sendable {
  package var scale: [Float]
  package var offset: [Float]

  package init(scale: [Float], offset: [Float]) {
    self.scale = scale
    self.offset = offset
  }
}

/// Layer norm or RMS norm. A missing weight is all ones, a missing bias all zeros.
package struct Normalization: Equatable, Sendable {
  package var channels: Int
  package var eps: Float
  /// `[channels]`
  package var weight: ParameterID?
  /// `[channels]`; layer norm only.
  package var bias: ParameterID?

  package init(channels: Int, eps: Float, weight: ParameterID?, bias: ParameterID?) {
    self.channels = channels
    self.eps = eps
    self.weight = weight
    self.bias = bias
  }
}

/// A matrix product over rows.
package struct Linear: Equatable, Sendable {
  package var inputs: Int
  package var outputs: Int
  /// `[outputs, inputs]`
  package var weight: ParameterID
  /// `[outputs]`
  package var bias: ParameterID?

  package init(inputs: Int, outputs: Int, weight: ParameterID, bias: ParameterID?) {
    self.inputs = inputs
    self.outputs = outputs
    self.weight = weight
    self.bias = bias
  }
}

/// Pointwise functions.
package enum Activation: Equatable, Sendable {
  /// `0.5 x (1 + erf(x / √2))`; never the tanh form.
  case gelu
  case relu
}

/// How the heads of a packed `[q | k | v]` row lie: `heads` queries, then `keyValueHeads` keys, then as many values.
package struct HeadLayout: Equatable, Sendable {
  package var heads: Int
  package var keyValueHeads: Int
  package var headSize: Int
  /// Width of the packed row.
  package var packedWidth: Int { (heads + 2 * keyValueHeads) * headSize }
  /// Width of the attention's output row.
  package var outputWidth: Int { heads * headSize }

  package init(heads: Int, keyValueHeads: Int, headSize: Int) {
    self.heads = heads
    self.keyValueHeads = keyValueHeads
    self.headSize = headSize
  }
}

/// Rotary embedding: angle of pair `i` at position `p` is `p · theta^(−2i / headSize)`; row `r` has position
/// `past + r`. Halves are rotated against each other (not interleaved).
package struct Rotation: Equatable, Sendable {
  package var layout: HeadLayout
  package var theta: Float

  package init(layout: HeadLayout, theta: Float) {
    self.layout = layout
    self.theta = theta
  }
}

/// Attention: query head `j` uses key-value head `j / (heads / keyValueHeads)`.
package struct Attention: Equatable, Sendable {
  package enum Mask: Equatable, Sendable {
    /// Every row sees every row.
    case none
    /// A row sees itself and all rows before it, those of earlier calls (the cache) included.
    case causal
  }
  package var layout: HeadLayout
  /// Multiplies the scores; 1 where it is folded into the query weights.
  package var scale: Float
  package var mask: Mask

  package init(layout: HeadLayout, scale: Float, mask: Mask) {
    self.layout = layout
    self.scale = scale
    self.mask = mask
  }
}

/// A table of rows.
package struct Embedding: Equatable, Sendable {
  package var rows: Int
  package var channels: Int
  /// `[rows, channels]`
  package var weight: ParameterID

  package init(rows: Int, channels: Int, weight: ParameterID) {
    self.rows = rows
    self.channels = channels
    self.weight = weight
  }
}

/// `y = gamma (x − mean) / sqrt(variance + eps) + beta`, per channel.
package struct BatchNorm: Equatable, Sendable {
  package var channels: Int
  package var eps: Float
  package var gamma: ParameterID
  package var beta: ParameterID
  package var mean: ParameterID
  package var variance: ParameterID

  package init(
    channels: Int, eps: Float, gamma: ParameterID, beta: ParameterID, mean: ParameterID,
    variance: ParameterID
  ) {
    self.channels = channels
    self.eps = eps
    self.gamma = gamma
    self.beta = beta
    self.mean = mean
    self.variance = variance
  }
}

/// Parallel branches over one input, summed. All convolutions share stride and grouping and are centered on
/// the same pixel, so a smaller odd kernel sits in the middle of the largest.
package struct Branches: Equatable, Sendable {
  package enum Grouping: Equatable, Sendable {
    /// Every output reads every input.
    case dense
    /// Output `o` reads input `o / multiplier`.
    case depthwise(multiplier: Int)
  }
  package struct Branch: Equatable, Sendable {
    /// Side of the kernel; `nil` where the branch is the batch norm alone (a skip).
    package var kernel: Int?
    /// `[outputs, inputs per group, kernel, kernel]`, no bias; `nil` for a skip.
    package var weight: ParameterID?
    package var norm: BatchNorm

    package init(kernel: Int?, weight: ParameterID?, norm: BatchNorm) {
      self.kernel = kernel
      self.weight = weight
      self.norm = norm
    }
  }
  package var inputChannels: Int
  package var outputChannels: Int
  package var stride: Int
  package var grouping: Grouping
  package var branches: [Branch]
  /// Side of the largest kernel, 1 if there is none.
  package var kernel: Int {
    var largest = 1
    for branch in branches { largest = max(largest, branch.kernel ?? 1) }
    return largest
  }

  package init(
    inputChannels: Int, outputChannels: Int, stride: Int, grouping: Grouping, branches: [Branch]
  ) {
    self.inputChannels = inputChannels
    self.outputChannels = outputChannels
    self.stride = stride
    self.grouping = grouping
    self.branches = branches
  }
}

/// A learned factor per channel.
package struct LayerScale: Equatable, Sendable {
  package var channels: Int
  /// `[channels]`
  package var gamma: ParameterID

  package init(channels: Int, gamma: ParameterID) {
    self.channels = channels
    self.gamma = gamma
  }
}
