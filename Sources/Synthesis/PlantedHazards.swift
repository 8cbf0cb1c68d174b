import Foundation

/// Plants into a random checkpoint what makes trained ones hard to quantize, leaving its function as it is: every factor put
/// in at one place is taken out at the next, and factors are powers of two, which BF16 holds exactly.
///
/// - Outliers: one channel in 16 of what enters a feed-forward block, an attention or a SwiGLU's second product is 256 times
///   as large, its weights as much smaller. Ranges of whole rows then leave the other channels no codes.
/// - Tiny variances: one channel in 16 of a feed-forward block's depthwise convolution is 2¹³ times smaller, down to variances near 1e-8, and
///   its batch norm makes up for it, so that folding multiplies by thousands. Only here the function moves, by the rounding of one number a channel.
/// - Key biases of 64 in the first and the last decoder layer, at the slowest pair of each head: as good as the same for every
///   position, they cancel in the softmax, but an 8-bit cache of keys loses the rest beside them.
///
/// Reference section 8 names the originals.
struct PlantedHazards {
  static let outlier: Float = 256
  static let shrink: Float = 0x1p-13
  static let keyBias: Float = 64
  private static let every = 16
  private static let outlierChannel = 3
  private static let tinyChannel = 7

  let drawing: Drawing
  let decoder: ModelShape.Decoder

  func planted(_ tensors: [SyntheticTensor]) -> [SyntheticTensor] {
    var numbers: [String: Numbers] = [:]
    for tensor in tensors {
      if case .floats(let found) = tensor.content { numbers[tensor.name] = found }
    }
    return tensors.map { tensor in
      guard case .floats(let found) = tensor.content,
        let changed = changed(tensor, found, numbers)
      else { return tensor }
      return SyntheticTensor(name: tensor.name, shape: tensor.shape, content: .floats(changed))
    }
  }

  private func changed(
    _ tensor: SyntheticTensor, _ numbers: Numbers, _ all: [String: Numbers]
  ) -> Numbers? {
    let name = tensor.name
    func ends(_ suffixes: String...) -> Bool { suffixes.contains(where: name.hasSuffix) }
    if let path = name.range(of: ".convffn.conv.").map({ String(name[..<$0.upperBound]) }) {
      return depthwise(tensor, numbers, path, all)
    }
    // Makers of outliers, by row.
    if ends(
      ".norm.weight", ".norm.bias", "input_layernorm.weight", "post_attention_layernorm.weight")
    {
      // The decoder's last norm feeds the head, which is the embedding.
      if name == "model.norm.weight" { return nil }
      return scaled(tensor, numbers, rows: Self.outlier)
    }
    // The upper half before the gate reads outliers and makes others.
    if ends("mlp.up_proj.weight") {
      return scaled(tensor, numbers, rows: Self.outlier, columns: 1 / Self.outlier)
    }
    // Readers, by column.
    if ends(
      ".convffn.fc1.weight", ".token_mixer.qkv.weight", "q_proj.weight", "k_proj.weight",
      "v_proj.weight", "mlp.gate_proj.weight", "mlp.down_proj.weight")
    {
      return scaled(tensor, numbers, columns: 1 / Self.outlier)
    }
    let outer = ["model.layers.0.", "model.layers.\(decoder.layers - 1)."]
    if ends("k_proj.bias"), outer.contains(where: name.hasPrefix) {
      let size = decoder.headSize
      return Numbers(count: numbers.count, type: drawing.type) { range in
        zip(range, numbers.values(range)).map { index, value in
          // Halves are rotated against each other; the last of a half turns slowest.
          index % (size / 2) == size / 2 - 1 ? value + Self.keyBias : value
        }
      }
    }
    return nil
  }

  /// The feed-forward block's convolution and batch norm: outliers behind it, tiny variances in it.
  private func depthwise(
    _ tensor: SyntheticTensor, _ numbers: Numbers, _ path: String, _ all: [String: Numbers]
  ) -> Numbers? {
    switch tensor.name.dropFirst(path.count) {
    case "conv.weight", "bn.running_mean": return scaled(tensor, numbers, tiny: Self.shrink)
    case "bn.running_var": return scaled(tensor, numbers, tiny: Self.shrink * Self.shrink)
    case "bn.bias": return scaled(tensor, numbers, rows: Self.outlier)
    case "bn.weight":
      guard let variances = all[path + "bn.running_var"] else { return nil }
      return drawing.derive(numbers.count) {
        zip(numbers.doubles, variances.doubles).enumerated().map { channel, pair in
          let (gamma, variance) = pair
          if channel % Self.every == Self.outlierChannel { return gamma * Double(Self.outlier) }
          if channel % Self.every != Self.tinyChannel { return gamma }
          let shrink = Double(Self.shrink)
          let stored = Double(Float(variance) * Self.shrink * Self.shrink)
          return gamma * (stored + DrawnNorm.eps).squareRoot()
            / (shrink * (variance + DrawnNorm.eps).squareRoot())
        }
      }
    default: return nil
    }
  }

  /// Multiplies the rows or columns of outlier channels, or the rows of tiny ones.
  private func scaled(
    _ tensor: SyntheticTensor, _ numbers: Numbers, rows: Float = 1, columns: Float = 1,
    tiny: Float = 1
  ) -> Numbers {
    let width = numbers.count / tensor.shape[0]
    return Numbers(count: numbers.count, type: drawing.type) { range in
      zip(range, numbers.values(range)).map { index, value in
        var factor: Float = 1
        if index / width % Self.every == Self.outlierChannel { factor *= rows }
        if index / width % Self.every == Self.tinyChannel { factor *= tiny }
        if width > 1, index % width % Self.every == Self.outlierChannel { factor *= columns }
        return value * factor
      }
    }
  }
}
