import MartletModel

/// Reads a matrix back out of its panels, by the format's description.
enum DecodedMatrix {
  /// `[outputs, inputs]`
  static func values(of parameter: EncodedParameter) -> [Float] {
    let (outputs, inputs) = (parameter.shape[0], parameter.shape[1])
    let (codes, scales) = (parameter.components[0].bytes, parameter.components[1].bytes)
    var result: [Float] = []
    for output in 0..<outputs {
      let (panel, lane) = (output / 16, output % 16)
      for input in 0..<inputs {
        if parameter.encoding == .int8Panels {
          let place = ((panel * ((inputs + 3) / 4) + input / 4) * 16 + lane) * 4 + input % 4
          result.append(Float(Int8(bitPattern: codes[place])) * float(scales, output))
        } else {
          let (group, within) = (input / 32, input % 32)
          let block = panel * ((inputs + 31) / 32) + group
          let byte = codes[block * 256 + within % 16 / 4 * 64 + lane * 4 + within % 4]
          let nibble = within < 16 ? byte & 15 : byte >> 4
          result.append((Float(nibble) - 8) * half(scales, block * 16 + lane))
        }
      }
    }
    return result
  }

  static func float(_ bytes: [UInt8], _ index: Int) -> Float {
    var bits: UInt32 = 0
    for k in 0..<4 { bits |= UInt32(bytes[4 * index + k]) << (8 * k) }
    return Float(bitPattern: bits)
  }

  static func half(_ bytes: [UInt8], _ index: Int) -> Float {
    Float(Float16(bitPattern: UInt16(bytes[2 * index]) | UInt16(bytes[2 * index + 1]) << 8))
  }
}
