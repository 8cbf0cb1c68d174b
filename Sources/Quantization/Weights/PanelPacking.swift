import MartletModel

/// Writes numbers in the layouts of `WeightEncoding`. All packed arrays start zeroed, so padding is zero
/// (for nibbles: code 0, stored as 8).
enum PanelPacking {
  static let panel = WeightEncoding.panel
  static let group = WeightEncoding.group

  /// The first number that is infinite or NaN: exponent bits all ones.
  static func firstNotFinite(_ values: [Float]) -> Int? {
    // Without a way out the loop runs in vectors; nearly always there is nothing to find.
    var largest: UInt32 = 0
    for value in values { largest = max(largest, value.bitPattern & 0x7FFF_FFFF) }
    return largest < 0x7F80_0000 ? nil : values.firstIndex { !$0.isFinite }
  }

  /// Little-endian bytes of floats.
  static func bytes(_ values: [Float]) -> [UInt8] {
    unsafe [UInt8](unsafeUninitializedCapacity: 4 * values.count) { buffer, count in
      for (index, value) in values.enumerated() {
        // SAFETY: the buffer holds four bytes a value.
        unsafe UnsafeMutableRawBufferPointer(buffer).storeBytes(
          of: value.bitPattern.littleEndian, toByteOffset: 4 * index, as: UInt32.self)
      }
      count = 4 * values.count
    }
  }

  static func bytes(_ values: [Int32]) -> [UInt8] {
    bytes(values.map { Float(bitPattern: UInt32(bitPattern: $0)) })
  }

  static func bytes(_ values: [Float16]) -> [UInt8] {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(2 * values.count)
    for value in values {
      bytes.append(UInt8(truncatingIfNeeded: value.bitPattern))
      bytes.append(UInt8(truncatingIfNeeded: value.bitPattern >> 8))
    }
    return bytes
  }

  /// Depthwise kernels `[outputs, 1, k, k]` as `[k · k, outputs]`.
  static func taps(_ weights: [Float], outputs: Int) -> [Float] {
    let taps = weights.count / outputs
    var packed = [Float](repeating: 0, count: weights.count)
    for output in 0..<outputs {
      for tap in 0..<taps { packed[tap * outputs + output] = weights[output * taps + tap] }
    }
    return packed
  }

  /// Matrices `[outputs, K]` as `[outputs / 16][K][16]`.
  static func panels(_ weights: [Float], outputs: Int) -> [Float] {
    let inputs = weights.count / outputs
    let panels = (outputs + panel - 1) / panel
    var packed = [Float](repeating: 0, count: panels * inputs * panel)
    for output in 0..<outputs {
      let start = output / panel * inputs * panel + output % panel
      for input in 0..<inputs {
        packed[start + input * panel] = weights[output * inputs + input]
      }
    }
    return packed
  }

  /// Convolutions `[outputs, channels, k, k]` as panels over `[k, k, channels]`.
  static func patches(_ weights: [Float], shape: [Int]) -> [Float] {
    let (outputs, channels, taps) = (shape[0], shape[1], shape[2] * shape[3])
    var reordered = [Float](repeating: 0, count: weights.count)
    for output in 0..<outputs {
      for channel in 0..<channels {
        for tap in 0..<taps {
          reordered[(output * taps + tap) * channels + channel] =
            weights[(output * channels + channel) * taps + tap]
        }
      }
    }
    return panels(reordered, outputs: outputs)
  }

  /// Puts one output's 8-bit codes into `[outputs / 16][K / 4][16][4]`.
  static func place(
    _ codes: [Int8], output: Int, inputBlocks: Int, into packed: inout [UInt8]
  ) {
    let start = output / panel * inputBlocks * panel * 4 + output % panel * 4
    for (input, code) in codes.enumerated() {
      packed[start + input / 4 * panel * 4 + input % 4] = UInt8(bitPattern: code)
    }
  }

  /// Puts one group of one output's codes into `[outputs / 16][K / 32][4][16][4]` nibbles.
  static func place(
    _ codes: SIMD32<Float>, output: Int, groupIndex: Int, groups: Int,
    into packed: inout [UInt8]
  ) {
    let start = (output / panel * groups + groupIndex) * panel * group / 2 + output % panel * 4
    for byte in 0..<16 {
      let low = UInt8(codes[byte] + 8)
      let high = UInt8(codes[byte + 16] + 8)
      packed[start + byte / 4 * panel * 4 + byte % 4] = low | high << 4
    }
  }
}
