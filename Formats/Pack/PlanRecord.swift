import MartletBytes
import MartletModel

/// `PLAN`: how the inputs of products are quantized (pack-format.md, section 3.6). The other half of a
/// `QuantizationPlan`, the encoding of each weight, stands in `TENS`.
enum PlanRecord {
  static func encoded(
    _ activations: [String: ActivationEncoding], networks: [Network]
  ) throws(PackError) -> [UInt8] {
    var lines = ByteWriter()
    var count = 0
    for network in networks {
      for layer in network.layers {
        guard let encoding = activations[layer.name] else { continue }
        try encode(layer: layer, encoding, into: &lines)
        count += 1
      }
    }
    if count != activations.count {
      throw .notRepresentable(
        what: "activation encodings of layers that do not exist or repeat",
        found: "\(activations.count - count)")
    }
    var writer = ByteWriter()
    try writer.u32(count, "plan length")
    writer.append(lines.bytes)
    return writer.bytes
  }

  private static func encode(
    layer: Layer, _ encoding: ActivationEncoding, into writer: inout ByteWriter
  ) throws(PackError) {
    guard case .linear = layer.op else {
      throw .notRepresentable(what: "activation encoding of an op", found: layer.name)
    }
    try writer.string(layer.name)
    switch encoding {
    case .float32: writer.append([0, 0, 0, 0, 0, 0])
    case .dynamic: writer.append([1, 0, 0, 0, 0, 0])
    case .fixed(let scale, let zeroPoint):
      writer.uint8(2)
      writer.float(scale)
      try writer.u8(zeroPoint, "zero point")
    }
  }

  /// - Parameter networks: validated, with layer names that do not repeat.
  static func decoded(
    _ reader: inout RecordReader, networks: [Network]
  ) throws(PackError) -> [String: ActivationEncoding] {
    let activations = try lines(&reader, networks: networks)
    try reader.finish()
    return activations
  }

  /// The list alone, behind which more may follow.
  static func lines(
    _ reader: inout RecordReader, networks: [Network]
  ) throws(PackError) -> [String: ActivationEncoding] {
    var positions: [String: Int] = [:]
    for network in networks {
      for layer in network.layers {
        if case .linear = layer.op { positions[layer.name] = positions.count }
      }
    }
    let count = try reader.count(elementBytes: 10)
    var activations: [String: ActivationEncoding] = [:]
    var last = -1
    for _ in 0..<count {
      let start = reader.offset
      let name = try reader.string()
      guard let position = positions[name], position > last else {
        throw reader.field("layer", name, at: start)
      }
      last = position
      activations[name] = try encoding(&reader)
    }
    return activations
  }

  private static func encoding(
    _ reader: inout RecordReader
  ) throws(PackError) -> ActivationEncoding {
    let start = reader.offset
    let kind = try reader.u8()
    let scale = try reader.float("scale")
    let zeroPoint = Int(try reader.u8())
    switch kind {
    case 0, 1:
      if scale.bitPattern != 0 || zeroPoint != 0 {
        throw reader.field("scale and zero point", "\(scale), \(zeroPoint)", at: start)
      }
      return kind == 0 ? .float32 : .dynamic
    case 2:
      if scale <= 0 { throw reader.field("scale", "\(scale)", at: start + 1) }
      return .fixed(scale: scale, zeroPoint: zeroPoint)
    default: throw reader.field("activation encoding", "\(kind)", at: start)
    }
  }
}
