import MartletBytes
import MartletModel
import MartletReference

/// Codes and scales settled one after the other: each goes to where the product's error is least while all others stay,
///
///     minimize (w − ŵ)ᵀ H (w − ŵ),    ŵⱼ ← nearest code to ŵⱼ + (H (w − ŵ))ⱼ / Hⱼⱼ
///
/// over all inputs of an output, again and again. This is the cyclic form of CDQuant (arXiv 2406.17542, section 3) on the
/// second moments of GPTQ, and what AdaRound (arXiv 2004.10568, section 3.2) relaxes in order to optimize it by gradients; codes may move by more
/// than one. Between, the scale of each 4-bit group goes to its best for the codes it has, rounded to f16. The error never rises: where GPTQ must take what the
/// last inputs are left with, this comes back to the first.
struct CoordinateDescent: Sendable {
  /// Passes over all inputs at most.
  private static let sweeps = 4
  /// Outputs that one thread takes at a time; fixed, so that results do not depend on the number of threads.
  private static let slice = 128
  private static let block = WeightEncoding.group

  /// Outputs side by side.
  private typealias Lanes = SIMD16<Float>

  let encoding: WeightEncoding
  /// Damped as they were for GPTQ.
  let moments: SecondMoments

  /// - Parameter weights: `[outputs, inputs]`, what was rounded.
  /// Costs `2 · outputs · inputs²` multiplications for each of at most five passes.
  func settled(_ rounded: GPTQ.Rounded, _ weights: [Float], pool: ThreadPool?) -> GPTQ.Rounded {
    let inputs = moments.inputs
    let outputs = weights.count / inputs
    let parts = pool.map((outputs + Self.slice - 1) / Self.slice) { index in
      let range = index * Self.slice..<min(outputs, (index + 1) * Self.slice)
      var part = Part(rounded, weights, range, moments, encoding)
      for _ in 0..<Self.sweeps where part.sweep() == false { break }
      return part
    }
    var settled = rounded
    for (index, part) in parts.enumerated() {
      part.write(to: &settled, from: index * Self.slice)
    }
    return settled
  }

  /// Some outputs while they settle. All tables are `[…, width]`, outputs innermost, padded to whole lanes.
  private struct Part {
    let inputs: Int
    let outputs: Int
    let width: Int
    let groups: Int
    let moments: SecondMoments
    let encoding: WeightEncoding
    var codes: [Float]
    var scales: [Float]
    /// `H (w − ŵ)`
    var gradients: [Float]

    init(
      _ rounded: GPTQ.Rounded, _ weights: [Float], _ range: Range<Int>, _ moments: SecondMoments,
      _ encoding: WeightEncoding
    ) {
      inputs = moments.inputs
      outputs = range.count
      width = (outputs + Lanes.scalarCount - 1) / Lanes.scalarCount * Lanes.scalarCount
      self.moments = moments
      self.encoding = encoding
      groups = encoding == .int4Panels ? (inputs + block - 1) / block : 1
      codes = [Float](repeating: 0, count: inputs * width)
      scales = [Float](repeating: 0, count: groups * width)
      var errors = codes
      gradients = codes
      for (lane, output) in range.enumerated() {
        for group in 0..<groups {
          scales[group * width + lane] = rounded.scales[output * groups + group]
        }
        for input in 0..<inputs {
          let place = output * inputs + input
          codes[input * width + lane] = Float(rounded.codes[place])
          errors[input * width + lane] = weights[place] - rounded.value(output, input)
        }
      }
      let (all, width) = (0..<inputs, width)
      let matrix = MatrixView(moments.values, rows: inputs, columns: inputs)
      let columns = MatrixView(errors, rows: inputs, columns: width)
      var span = gradients.mutableSpan
      Matrices.multiply(matrix, rows: all, by: columns, into: &span, stride: width)
    }

    /// Each input and scale once. Returns whether anything moved.
    mutating func sweep() -> Bool {
      var hasMoved = false
      for start in stride(from: 0, to: inputs, by: block) {
        let range = start..<min(inputs, start + block)
        var changes = [Float](repeating: 0, count: range.count * width)
        var isChanged = false
        let local = range.flatMap { row in
          moments.values[row * inputs + start..<row * inputs + range.upperBound]
        }
        for lane in stride(from: 0, to: width, by: Lanes.scalarCount) {
          if settle(range, lane, local, &changes) { isChanged = true }
        }
        if isChanged {
          carry(changes, range)
          hasMoved = true
        }
      }
      return hasMoved
    }

    /// One block of inputs of some outputs, its own gradients kept up to date.
    /// - Parameters:
    ///   - local: `H` of the block.
    ///   - changes: what every ŵ grew by.
    private mutating func settle(
      _ range: Range<Int>, _ lane: Int, _ local: [Float], _ changes: inout [Float]
    ) -> Bool {
      let size = range.count
      let group = groups == 1 ? 0 : range.lowerBound / block
      let before = load(scales, group * width + lane)
      var scale = before
      var code = range.map { load(codes, $0 * width + lane) }
      var gradient = range.map { load(gradients, $0 * width + lane) }
      let old = code
      if encoding == .int4Panels {
        scale = best(scale, code, gradient, local)
        let growth = scale - before
        for row in 0..<size {
          for column in 0..<size {
            gradient[row] -= (growth * code[column]) * local[row * size + column]
          }
        }
      }
      let (low, high) = GPTQ.limits(encoding)
      var reciprocal = 1 / scale
      reciprocal.replace(with: 0, where: scale .== 0)
      for input in 0..<size {
        let step = gradient[input] * (1 / local[input * size + input])
        // Beyond the codes anything may stand; rounding by addition wants it small.
        let wanted = (code[input] + step * reciprocal)
          .clamped(lowerBound: Lanes(repeating: low), upperBound: Lanes(repeating: high))
        let found = (wanted + rounder) - rounder
        let change = (found - code[input]) * scale
        code[input] = found
        for row in 0..<size { gradient[row] -= change * local[row * size + input] }
      }
      var isChanged = false
      for (row, input) in range.enumerated() {
        let change = code[row] * scale - old[row] * before
        if change != .zero { isChanged = true }
        store(change, &changes, row * width + lane)
        store(code[row], &codes, input * width + lane)
        store(gradient[row], &gradients, input * width + lane)
      }
      store(scale, &scales, group * width + lane)
      return isChanged
    }

    /// `s ← s + cᵀ g / cᵀ H c`, rounded to f16 and kept where the error falls by it.
    private func best(
      _ scale: Lanes, _ code: [Lanes], _ gradient: [Lanes], _ local: [Float]
    ) -> Lanes {
      var (slope, curve) = (Lanes.zero, Lanes.zero)
      for row in code.indices {
        slope += code[row] * gradient[row]
        var sum = Lanes.zero
        for column in code.indices { sum += code[column] * local[row * code.count + column] }
        curve += code[row] * sum
      }
      var found = scale
      for lane in 0..<Lanes.scalarCount where curve[lane] > 0 && scale[lane] != 0 {
        let half = Float(Float16(scale[lane] + slope[lane] / curve[lane]))
        guard half.isFinite, half != 0 else { continue }
        let growth = half - scale[lane]
        if growth * growth * curve[lane] < 2 * growth * slope[lane] { found[lane] = half }
      }
      return found
    }

    /// Takes what a block changed from the gradients of all other inputs.
    private mutating func carry(_ changes: [Float], _ range: Range<Int>) {
      let columns = MatrixView(
        moments.values, offset: range.lowerBound, rows: inputs, columns: range.count,
        stride: inputs)
      let changes = MatrixView(changes, rows: range.count, columns: width)
      let (width, others) = (width, [0..<range.lowerBound, range.upperBound..<inputs])
      var span = gradients.mutableSpan
      for rows in others where !rows.isEmpty {
        Matrices.multiply(
          columns, rows: rows, by: changes, scale: -1, keep: true, into: &span,
          offset: rows.lowerBound * width, stride: width)
      }
    }

    func write(to rounded: inout GPTQ.Rounded, from first: Int) {
      for lane in 0..<outputs {
        let output = first + lane
        for group in 0..<groups {
          rounded.scales[output * groups + group] = scales[group * width + lane]
        }
        for input in 0..<inputs {
          rounded.codes[output * inputs + input] = Int8(codes[input * width + lane])
        }
      }
    }

    private func load(_ table: [Float], _ place: Int) -> Lanes {
      Lanes(table[place..<place + Lanes.scalarCount])
    }

    private func store(_ lanes: Lanes, _ table: inout [Float], _ place: Int) {
      for lane in 0..<Lanes.scalarCount { table[place + lane] = lanes[lane] }
    }
  }
}

/// 1.5 · 2²³: adding it and taking it away rounds |x| < 2²² to the nearest integer, ties to even.
private let rounder: Float = 12_582_912
