import MartletModel

/// A matrix brought to an encoding, together with what the encoding made of it: the corrections need both.
struct EncodedMatrix {
  var components: [(component: WeightComponent, bytes: [UInt8])]
  /// `Σ (w − ŵ) · mean(x)` per output where means were given, else empty.
  var meanError: [Double]

  /// - Parameters:
  ///   - weights: `[outputs, inputs]`.
  ///   - means: mean of each input, or empty.
  static func int8(_ weights: [Float], outputs: Int, means: [Double]) -> EncodedMatrix {
    let inputs = weights.count / outputs
    let panels = (outputs + PanelPacking.panel - 1) / PanelPacking.panel
    let blocks = (inputs + 3) / 4
    var codes = [UInt8](repeating: 0, count: panels * blocks * PanelPacking.panel * 4)
    var scales = [Float](repeating: 0, count: panels * PanelPacking.panel)
    var offsets = [Int32](repeating: 0, count: panels * PanelPacking.panel)
    var meanError = [Double](repeating: 0, count: means.isEmpty ? 0 : outputs)
    for output in 0..<outputs {
      let row = weights[(output * inputs)..<((output + 1) * inputs)]
      let quantized = Int8Weights.quantized(row)
      PanelPacking.place(quantized.codes, output: output, inputBlocks: blocks, into: &codes)
      scales[output] = quantized.scale
      offsets[output] = quantized.codes.reduce(0) { $0 + Int32($1) }
      if !means.isEmpty {
        let scale = Double(quantized.scale)
        var error = 0.0
        for (input, value) in row.enumerated() {
          error += (Double(value) - scale * Double(quantized.codes[input])) * means[input]
        }
        meanError[output] = error
      }
    }
    return EncodedMatrix(
      components: [
        (.codes, codes), (.scales, PanelPacking.bytes(scales)),
        (.offsets, PanelPacking.bytes(offsets)),
      ], meanError: meanError)
  }

  /// The same with 4-bit codes in groups of 32 inputs.
  static func int4(_ weights: [Float], outputs: Int, means: [Double]) -> EncodedMatrix {
    let inputs = weights.count / outputs
    let (panel, size) = (PanelPacking.panel, PanelPacking.group)
    let panels = (outputs + panel - 1) / panel
    let groups = (inputs + size - 1) / size
    // Code 0 is stored as 8, in both nibbles.
    var codes = [UInt8](repeating: 0x88, count: panels * groups * panel * size / 2)
    var scales = [Float16](repeating: 0, count: panels * groups * panel)
    var offsets = [Float](repeating: 0, count: panels * panel)
    var meanError = [Double](repeating: 0, count: means.isEmpty ? 0 : outputs)
    for output in 0..<outputs {
      var offset = 0.0
      for index in 0..<groups {
        let first = index * size
        let count = min(size, inputs - first)
        var values = SIMD32<Float>(repeating: 0)
        for lane in 0..<count { values[lane] = weights[output * inputs + first + lane] }
        let group = Int4Weights.quantized(values)
        PanelPacking.place(
          group.codes, output: output, groupIndex: index, groups: groups, into: &codes)
        scales[(output / panel * groups + index) * panel + output % panel] = group.scale
        offset += Double(group.scale) * Double(group.codes.sum())
        if !means.isEmpty {
          for lane in 0..<count {
            let error = Double(values[lane]) - Double(group.scale) * Double(group.codes[lane])
            meanError[output] += error * means[first + lane]
          }
        }
      }
      offsets[output] = Float(offset)
    }
    return EncodedMatrix(
      components: [
        (.codes, codes), (.scales, PanelPacking.bytes(scales)),
        (.offsets, PanelPacking.bytes(offsets)),
      ], meanError: meanError)
  }
}
