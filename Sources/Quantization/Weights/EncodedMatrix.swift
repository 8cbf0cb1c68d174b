import MartletBytes
import MartletModel

/// A matrix brought to an encoding, together with what the encoding made of it: the corrections need both.
struct EncodedMatrix {
  var components: [(component: WeightComponent, bytes: [UInt8])]
  /// `Σ (w − ŵ) · mean(x)` per output where means were given, else empty.
  var meanError: [Double]

  /// Where the weights of some rows come from, `[rows, inputs]`.
  typealias Rows<E: Error> = (Range<Int>) throws(E) -> [Float]

  /// Numbers read at a time: enough to keep threads busy, little beside the encoded matrix of a large model.
  static let readNumbers = 1 << 25

  /// - Parameters:
  ///   - shape: `[outputs, inputs]`.
  ///   - means: mean of each input, or empty.
  ///   - isShort: whether sums of six products shall fit 16 bits.
  ///   - pool: works on panels side by side; no result depends on it.
  ///   - rows: asked for every row once, in order, whole panels at a time.
  static func int8<E: Error>(
    shape: [Int], means: [Double], isShort: Bool = false, pool: ThreadPool? = nil, rows: Rows<E>
  ) throws(E) -> EncodedMatrix {
    try matrix(.int8Panels, shape, pool, rows: rows) { weights, inputs in
      EncodedPanel.int8(weights, inputs: inputs, means: means, isShort: isShort)
    }
  }

  /// The same with 4-bit codes in groups of 32 inputs.
  static func int4<E: Error>(
    shape: [Int], means: [Double], pool: ThreadPool? = nil, rows: Rows<E>
  ) throws(E) -> EncodedMatrix {
    try matrix(.int4Panels, shape, pool, rows: rows) { weights, inputs in
      EncodedPanel.int4(weights, inputs: inputs, means: means)
    }
  }

  /// The matrices of weights in memory.
  static func int8(
    _ weights: [Float], outputs: Int, means: [Double], isShort: Bool = false,
    pool: ThreadPool? = nil
  ) -> EncodedMatrix {
    let inputs = weights.count / outputs
    return int8(shape: [outputs, inputs], means: means, isShort: isShort, pool: pool) {
      (rows) throws(Never) in
      Array(weights[rows.lowerBound * inputs..<rows.upperBound * inputs])
    }
  }

  static func int4(
    _ weights: [Float], outputs: Int, means: [Double], pool: ThreadPool? = nil
  ) -> EncodedMatrix {
    let inputs = weights.count / outputs
    return int4(shape: [outputs, inputs], means: means, pool: pool) { (rows) throws(Never) in
      Array(weights[rows.lowerBound * inputs..<rows.upperBound * inputs])
    }
  }

  private static func matrix<E: Error>(
    _ encoding: WeightEncoding, _ shape: [Int], _ pool: ThreadPool?, rows: Rows<E>,
    _ encode: (ArraySlice<Float>, Int) -> EncodedPanel
  ) throws(E) -> EncodedMatrix {
    let (outputs, inputs) = (shape[0], shape[1])
    let panel = PanelPacking.panel
    let step = max(1, readNumbers / (panel * inputs)) * panel
    var (codes, scales): ([UInt8], [UInt8]) = ([], [])
    for (component, byteCount) in encoding.components(shape: shape) ?? [] {
      if component == .codes { codes.reserveCapacity(byteCount) }
      if component == .scales { scales.reserveCapacity(byteCount) }
    }
    var offsets: [Int32] = []
    var meanError: [Double] = []
    for start in stride(from: 0, to: outputs, by: step) {
      let weights = try rows(start..<min(outputs, start + step))
      let size = panel * inputs
      let panels = pool.map((weights.count + size - 1) / size) { index in
        encode(weights[(index * size)..<min(weights.count, (index + 1) * size)], inputs)
      }
      for panel in panels {
        codes += panel.codes
        scales += panel.scales
        offsets += panel.offsets.map {
          encoding == .int8Panels ? Int32($0) : Int32(bitPattern: Float($0).bitPattern)
        }
        meanError += panel.meanError
      }
    }
    return EncodedMatrix(
      components: [
        (.codes, codes), (.scales, scales), (.offsets, PanelPacking.bytes(offsets)),
      ], meanError: meanError)
  }
}

extension EncodedMatrix {
  /// A matrix whose codes are decided, in the layout of the kernels.
  ///
  /// - Parameters:
  ///   - weights: what was rounded, `[outputs, inputs]`.
  ///   - means: mean of each input, or empty.
  init(_ rounded: GPTQ.Rounded, weights: [Float], means: [Double]) {
    let (inputs, outputs) = (rounded.inputs, weights.count / rounded.inputs)
    let panels = (outputs + PanelPacking.panel - 1) / PanelPacking.panel
    let groups = (inputs + PanelPacking.group - 1) / PanelPacking.group
    meanError = []
    for output in means.isEmpty ? 0..<0 : 0..<outputs {
      var error = 0.0
      for input in 0..<inputs {
        let difference = weights[output * inputs + input] - rounded.value(output, input)
        error += Double(difference) * means[input]
      }
      meanError.append(error)
    }
    if rounded.encoding == .int8Panels {
      let blocks = (inputs + 3) / 4
      var codes = [UInt8](repeating: 0, count: panels * blocks * PanelPacking.panel * 4)
      var scales = [Float](repeating: 0, count: panels * PanelPacking.panel)
      var offsets = [Int32](repeating: 0, count: panels * PanelPacking.panel)
      for output in 0..<outputs {
        let row = Array(rounded.codes[output * inputs..<(output + 1) * inputs])
        PanelPacking.place(row, output: output, inputBlocks: blocks, into: &codes)
        scales[output] = rounded.scales[output]
        offsets[output] = row.reduce(0) { $0 + Int32($1) }
      }
      components = [
        (.codes, codes), (.scales, PanelPacking.bytes(scales)),
        (.offsets, PanelPacking.bytes(offsets)),
      ]
      return
    }
    var codes = [UInt8](
      repeating: 0x88, count: panels * groups * PanelPacking.panel * PanelPacking.group / 2)
    var scales = [Float16](repeating: 0, count: panels * groups * PanelPacking.panel)
    var offsets = [Double](repeating: 0, count: panels * PanelPacking.panel)
    for output in 0..<outputs {
      for group in 0..<groups {
        var packed = SIMD32<Float>(repeating: 0)
        let first = group * PanelPacking.group
        for input in first..<min(inputs, first + PanelPacking.group) {
          packed[input - first] = Float(rounded.codes[output * inputs + input])
        }
        PanelPacking.place(
          packed, output: output, groupIndex: group, groups: groups, into: &codes)
        let scale = rounded.scales[output * groups + group]
        let place = (output / PanelPacking.panel * groups + group) * PanelPacking.panel
        scales[place + output % PanelPacking.panel] = Float16(scale)
        offsets[output] += Double(scale) * Double(packed.sum())
      }
    }
    components = [
      (.codes, codes), (.scales, PanelPacking.bytes(scales)),
      (.offsets, PanelPacking.bytes(offsets.map { Float($0) })),
    ]
  }
}
