import MartletBytes
import MartletModel
import MartletReference

/// GPTQ (arXiv 2210.17323): inputs are rounded one after the other, those with the largest second moments first, and the error of each is
/// made up for by the inputs that are still free, along the inverse of the second moments of what the product really sees.
///
/// Scales are those of plain rounding, from the weights as they were (static groups), so inputs may be taken in any order.
struct GPTQ {
  /// A matrix in codes.
  struct Rounded {
    /// `[outputs, inputs]`
    var codes: [Int8]
    /// One an output, or one an output and group.
    var scales: [Float]
    var encoding: WeightEncoding
    let inputs: Int

    func value(_ output: Int, _ input: Int) -> Float {
      Float(codes[output * inputs + input]) * scales[scaleIndex(output, input)]
    }

    private func scaleIndex(_ output: Int, _ input: Int) -> Int {
      if encoding == .int8Panels { return output }
      let groups = (inputs + WeightEncoding.group - 1) / WeightEncoding.group
      return output * groups + input / WeightEncoding.group
    }

    /// The matrix that the codes stand for.
    var values: [Float] {
      let outputs = codes.count / inputs
      var values = [Float](repeating: 0, count: codes.count)
      for output in 0..<outputs {
        for input in 0..<inputs { values[output * inputs + input] = value(output, input) }
      }
      return values
    }
  }

  /// Outputs that one thread takes at a time; fixed, so that results do not depend on the number of threads.
  private static let slice = 128
  /// Inputs whose errors are gathered before they are carried to all later ones in one product.
  private static let block = 64

  let encoding: WeightEncoding
  let inputs: Int
  /// Whether sums of six products shall fit 16 bits; of 8-bit codes only.
  let isShort: Bool
  private let order: [Int]
  private let factor: InverseFactor

  /// - Parameter moments: of what the product sees.
  /// - Returns: `nil` where they are singular.
  init?(encoding: WeightEncoding, isShort: Bool = false, moments: SecondMoments) {
    let order = moments.order
    guard let factor = InverseFactor(moments, order: order) else { return nil }
    self.encoding = encoding
    self.isShort = isShort
    self.inputs = moments.inputs
    self.order = order
    self.factor = factor
  }

  /// How much had to be added to the moments, in parts of their mean.
  var damping: Float { factor.damping }

  /// Plain rounding, each weight to its nearest code.
  static func nearest(
    _ weights: [Float], inputs: Int, encoding: WeightEncoding, isShort: Bool = false,
    pool: ThreadPool?
  ) -> Rounded {
    let outputs = weights.count / inputs
    var rounded = Rounded(
      codes: [],
      scales: scales(weights, inputs: inputs, encoding: encoding, isShort: isShort, pool: pool),
      encoding: encoding, inputs: inputs)
    if isShort {
      for start in stride(from: 0, to: weights.count, by: inputs) {
        rounded.codes += Int8Weights.quantized(weights[start..<start + inputs], isShort: true).codes
      }
      return rounded
    }
    rounded.codes = [Int8](repeating: 0, count: weights.count)
    let (low, high) = limits(encoding)
    let groups = rounded.scales.count / outputs
    let size = groups == 1 ? inputs : WeightEncoding.group
    for output in 0..<outputs {
      for input in 0..<inputs {
        let scale = rounded.scales[output * groups + input / size]
        let code = scale == 0 ? 0 : (weights[output * inputs + input] / scale)
        rounded.codes[output * inputs + input] = Int8(
          min(high, max(low, code.rounded(.toNearestOrEven))))
      }
    }
    return rounded
  }

  /// - Parameter weights: `[outputs, inputs]`.
  func rounded(_ weights: [Float], pool: ThreadPool?) -> Rounded {
    let outputs = weights.count / inputs
    let scales = Self.scales(
      weights, inputs: inputs, encoding: encoding, isShort: isShort, pool: pool)
    let groups = scales.count / outputs
    let slices = pool.map((outputs + Self.slice - 1) / Self.slice) { index in
      let range = index * Self.slice..<min(outputs, (index + 1) * Self.slice)
      return walked(
        weights[range.lowerBound * inputs..<range.upperBound * inputs],
        scales: scales[range.lowerBound * groups..<range.upperBound * groups], groups: groups)
    }
    var codes: [Int8] = []
    codes.reserveCapacity(weights.count)
    for slice in slices { codes += slice }
    return Rounded(codes: codes, scales: scales, encoding: encoding, inputs: inputs)
  }

  /// The codes of some outputs, `[outputs, inputs]`.
  private func walked(
    _ weights: ArraySlice<Float>, scales: ArraySlice<Float>, groups: Int
  ) -> [Int8] {
    let outputs = weights.count / inputs
    let size = groups == 1 ? inputs : WeightEncoding.group
    let (low, high) = Self.limits(encoding)
    // One input's weights of all outputs side by side, in the order of rounding.
    var columns = [Float](repeating: 0, count: weights.count)
    for (place, input) in order.enumerated() {
      for output in 0..<outputs {
        columns[place * outputs + output] = weights[weights.startIndex + output * inputs + input]
      }
    }
    var codes = [Int8](repeating: 0, count: weights.count)
    var sums = ShortSums(outputs: isShort ? outputs : 0, inputs: inputs)
    for start in stride(from: 0, to: inputs, by: Self.block) {
      let end = min(inputs, start + Self.block)
      var errors = [Float](repeating: 0, count: (end - start) * outputs)
      for place in start..<end {
        let (input, pivot) = (order[place], factor.values[place * inputs + place])
        for output in 0..<outputs {
          let scale = scales[scales.startIndex + output * groups + input / size]
          let weight = columns[place * outputs + output]
          var code =
            scale == 0 ? 0 : min(high, max(low, (weight / scale).rounded(.toNearestOrEven)))
          if isShort { code = sums.take(code, output: output, input: input) }
          codes[output * inputs + input] = Int8(code)
          errors[(place - start) * outputs + output] = (weight - code * scale) / pivot
        }
        for later in place + 1..<max(place + 1, end) {
          let share = factor.values[place * inputs + later]
          for output in 0..<outputs {
            columns[later * outputs + output] -= share * errors[(place - start) * outputs + output]
          }
        }
      }
      if end < inputs { carry(errors, start..<end, to: &columns, outputs: outputs) }
    }
    return codes
  }

  /// Takes what a block of inputs left over from all later inputs: `columns −= Uᵀ errors`.
  private func carry(
    _ errors: [Float], _ block: Range<Int>, to columns: inout [Float], outputs: Int
  ) {
    let rest = inputs - block.upperBound
    var shares = [Float](repeating: 0, count: rest * block.count)
    for later in 0..<rest {
      for place in block {
        shares[later * block.count + place - block.lowerBound] =
          factor.values[place * inputs + block.upperBound + later]
      }
    }
    var span = columns.mutableSpan
    Matrices.multiply(
      MatrixView(shares, rows: rest, columns: block.count), rows: 0..<rest,
      by: MatrixView(errors, rows: block.count, columns: outputs), scale: -1, keep: true,
      into: &span, offset: block.upperBound * outputs, stride: outputs)
  }

  static func limits(_ encoding: WeightEncoding) -> (low: Float, high: Float) {
    encoding == .int4Panels ? (-8, 7) : (-127, 127)
  }

  /// The scales of plain rounding; 0 where no code helps.
  private static func scales(
    _ weights: [Float], inputs: Int, encoding: WeightEncoding, isShort: Bool, pool: ThreadPool?
  ) -> [Float] {
    if encoding == .int8Panels {
      return stride(from: 0, to: weights.count, by: inputs).map {
        Int8Weights.scale(weights[$0..<$0 + inputs], isShort: isShort) ?? 1
      }
    }
    // Panels give the scales of `Int4Weights.quantized`, bit for bit, in a small part of its time.
    let (panel, size) = (WeightEncoding.panel, WeightEncoding.panel * inputs)
    let outputs = weights.count / inputs
    let groups = (inputs + WeightEncoding.group - 1) / WeightEncoding.group
    let found = pool.map((outputs + panel - 1) / panel) { index in
      EncodedPanel.int4(
        weights[index * size..<min(weights.count, (index + 1) * size)], inputs: inputs, means: []
      ).scales
    }
    var scales = [Float](repeating: 0, count: outputs * groups)
    for output in 0..<outputs {
      let stored = found[output / panel]
      for group in 0..<groups {
        let place = 2 * (group * panel + output % panel)
        let bits = UInt16(stored[place]) | UInt16(stored[place + 1]) << 8
        scales[output * groups + group] = Float(Float16(bitPattern: bits))
      }
    }
    return scales
  }
}
