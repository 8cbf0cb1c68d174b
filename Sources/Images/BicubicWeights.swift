/// The weights of one axis of a resize: for each output position the inputs it sees and how much of each.
///
/// Pillow's 8-bit path (`Resample.c`, `precompute_coeffs` and `normalize_coeffs_8bpc`; reference section 5.1). With
/// `scale = input / output`, `stretch = max(scale, 1)` and `support = 2 · stretch`, output i in f64:
///
///     center = (i + 0.5) · scale
///     first  = max(trunc(center − support + 0.5), 0),   end = min(trunc(center + support + 0.5), input)
///     k_j    = cubic((j − center + 0.5) / stretch) for j in first ..< end,   k_j /= Σ k
///     K_j    = k_j · 2²², rounded half away from zero
///
/// The order of operations is Pillow's, since the last bit of a weight can change a pixel.
struct BicubicWeights {
  /// The inputs of one output: `count` of them from `first` on.
  struct Taps {
    var first: Int
    var count: Int
  }

  /// Bits after the point of a weight.
  static let fractionBits: Int32 = 22

  /// By output position, counted from the start of the window.
  let taps: [Taps]
  /// `[window, stride]`, unused places zero.
  let weights: [Int32]
  /// Most inputs any output sees.
  let stride: Int

  /// Weights for the outputs in `window` only, of a resize from `inputCount` to `outputCount`.
  ///
  /// Equal counts give one input of weight one, which rounds back to the input: such a pass changes nothing.
  init(from inputCount: Int, to outputCount: Int, window: Range<Int>) {
    if inputCount == outputCount {
      taps = window.map { Taps(first: $0, count: 1) }
      weights = [Int32](repeating: 1 << Self.fractionBits, count: window.count)
      stride = 1
      return
    }
    let scale = Double(inputCount) / Double(outputCount)
    let stretch = max(scale, 1)
    let support = 2 * stretch
    stride = Int(support.rounded(.up)) * 2 + 1
    var taps: [Taps] = []
    var weights = [Int32](repeating: 0, count: window.count * stride)
    var line = [Double](repeating: 0, count: stride)
    for output in window {
      let center = (Double(output) + 0.5) * scale
      let first = max(Int(center - support + 0.5), 0)
      let count = min(Int(center + support + 0.5), inputCount) - first
      var sum = 0.0
      for tap in 0..<count {
        let weight = Self.cubic((Double(tap + first) - center + 0.5) * (1 / stretch))
        line[tap] = weight
        sum += weight
      }
      let start = taps.count * stride
      for tap in 0..<count {
        let weight = (sum == 0 ? line[tap] : line[tap] / sum) * Double(1 << Self.fractionBits)
        weights[start + tap] = Int32(weight < 0 ? weight - 0.5 : weight + 0.5)
      }
      taps.append(Taps(first: first, count: count))
    }
    self.taps = taps
    self.weights = weights
  }

  /// Keys' cubic with a = −0.5.
  private static func cubic(_ position: Double) -> Double {
    let a = -0.5
    let x = abs(position)
    if x < 1 { return ((a + 2) * x - (a + 3)) * x * x + 1 }
    if x < 2 { return (((x - 5) * x + 8) * x - 4) * a }
    return 0
  }
}
