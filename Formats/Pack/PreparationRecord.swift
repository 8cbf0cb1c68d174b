import MartletBytes
import MartletModel

/// `PREP` (pack-format.md, section 3.11). Encoder and decoder stand side by side.
enum PreparationRecord {
  static func encoded(_ preparation: ModelPreparation) throws(PackError) -> [UInt8] {
    var writer = ByteWriter()
    try writer.u32(preparation.split.count, "layer count")
    for name in preparation.split { try writer.string(name) }
    try writer.u32(preparation.scaled.count, "value count")
    for scaled in preparation.scaled {
      try writer.string(scaled.value)
      try writer.u32(scaled.factors.count, "factor count")
      for factor in scaled.factors { writer.float(factor) }
    }
    return writer.bytes
  }

  /// - Parameter networks: the pack's, which must have the layers and values that are named.
  static func decoded(
    _ reader: inout RecordReader, networks: [Network]
  ) throws(PackError) -> ModelPreparation {
    var preparation = ModelPreparation()
    let layers = layerNames(networks)
    let splitCount = try reader.count(elementBytes: 4)
    for _ in 0..<splitCount {
      let start = reader.offset
      let name = try reader.string()
      for part in ["", ModelPreparation.restSuffix, ModelPreparation.diagonalSuffix]
      where !layers.contains(name + part) {
        throw reader.field("layer", name + part, at: start)
      }
      preparation.split.append(name)
    }
    let channels = channelCounts(networks)
    let scaledCount = try reader.count(elementBytes: 8)
    for _ in 0..<scaledCount {
      let start = reader.offset
      let name = try reader.string()
      let place = reader.offset
      let count = try reader.count(elementBytes: 4)
      guard let expected = channels[name + ModelPreparation.scaledSuffix] else {
        throw reader.field("value", name + ModelPreparation.scaledSuffix, at: start)
      }
      if count != expected { throw reader.field("factor count", "\(count)", at: place) }
      var factors: [Float] = []
      factors.reserveCapacity(count)
      for _ in 0..<count {
        let start = reader.offset
        let factor = try reader.float("factor")
        if factor <= 0 { throw reader.field("factor", "\(factor)", at: start) }
        factors.append(factor)
      }
      preparation.scaled.append(ModelPreparation.Scaled(value: name, factors: factors))
    }
    try reader.finish()
    return preparation
  }

  private static func layerNames(_ networks: [Network]) -> Set<String> {
    var names: Set<String> = []
    for network in networks { for layer in network.layers { names.insert(layer.name) } }
    return names
  }

  private static func channelCounts(_ networks: [Network]) -> [String: Int] {
    var counts: [String: Int] = [:]
    for network in networks {
      for value in network.values { counts[value.name] = value.shape.channels }
    }
    return counts
  }
}
