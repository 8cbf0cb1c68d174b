import MartletBytes
import MartletModel

/// A matrix brought to an encoding, together with what the encoding made of it: the corrections need both.
struct EncodedMatrix {
  var components: [(component: WeightComponent, bytes: [UInt8])]
  /// `Σ (w − ŵ) · mean(x)` per output where means were given, else empty.
  var meanError: [Double]

  /// - Parameters:
  ///   - weights: `[outputs, inputs]`.
  ///   - means: mean of each input, or empty.
  ///   - pool: works on panels side by side; no result depends on it.
  static func int8(
    _ weights: [Float], outputs: Int, means: [Double], pool: ThreadPool? = nil
  ) -> EncodedMatrix {
    let inputs = weights.count / outputs
    let panels = panels(weights, inputs: inputs, pool: pool) {
      EncodedPanel.int8($0, inputs: inputs, means: means)
    }
    return EncodedMatrix(panels) { Int32($0) }
  }

  /// The same with 4-bit codes in groups of 32 inputs.
  static func int4(
    _ weights: [Float], outputs: Int, means: [Double], pool: ThreadPool? = nil
  ) -> EncodedMatrix {
    let inputs = weights.count / outputs
    let panels = panels(weights, inputs: inputs, pool: pool) {
      EncodedPanel.int4($0, inputs: inputs, means: means)
    }
    return EncodedMatrix(panels) { Int32(bitPattern: Float($0).bitPattern) }
  }

  private static func panels(
    _ weights: [Float], inputs: Int, pool: ThreadPool?,
    _ encode: (ArraySlice<Float>) -> EncodedPanel
  ) -> [EncodedPanel] {
    let size = PanelPacking.panel * inputs
    return pool.map((weights.count + size - 1) / size) { index in
      encode(weights[(index * size)..<min(weights.count, (index + 1) * size)])
    }
  }

  /// - Parameter stored: the bits of an offset.
  private init(_ panels: [EncodedPanel], stored: (Double) -> Int32) {
    var (codes, scales): ([UInt8], [UInt8]) = ([], [])
    codes.reserveCapacity(panels.reduce(0) { $0 + $1.codes.count })
    scales.reserveCapacity(panels.reduce(0) { $0 + $1.scales.count })
    var offsets: [Int32] = []
    meanError = []
    for panel in panels {
      codes += panel.codes
      scales += panel.scales
      offsets += panel.offsets.map(stored)
      meanError += panel.meanError
    }
    components = [
      (.codes, codes), (.scales, scales), (.offsets, PanelPacking.bytes(offsets)),
    ]
  }
}
