import MartletBytes
import MartletModel

/// `RESO`: further sizes of pictures (pack-format.md, section 3.12).
enum LadderRecord {
  static func encoded(_ rungs: [Rung], networks: [Network]) throws(PackError) -> [UInt8] {
    var writer = ByteWriter()
    try writer.u32(rungs.count, "rung count")
    for rung in rungs {
      try writer.u32(rung.side, "side of a rung")
      writer.append(
        try PlanRecord.encoded(rung.activations, networks: pictureNetworks(networks)))
    }
    return writer.bytes
  }

  /// - Parameters:
  ///   - image: the pack's own, whose side is larger than that of any rung.
  ///   - activations: the pack's own, of which a rung replaces fixed ones only.
  static func decoded(
    _ reader: inout RecordReader, networks: [Network], image: ImageSpecification,
    activations: [String: ActivationEncoding]
  ) throws(PackError) -> [Rung] {
    let count = try reader.u32("rung count", in: 1...Rung.most)
    var rungs: [Rung] = []
    var last = 0
    for _ in 0..<count {
      let start = reader.offset
      let side = try reader.u32("side", in: 1...ImageRecord.largestResolution)
      if side <= last || side >= image.resolution {
        throw reader.field("side of a rung", "\(side)", at: start)
      }
      last = side
      let place = reader.offset
      let own = try PlanRecord.lines(&reader, networks: pictureNetworks(networks))
      for (layer, encoding) in own {
        guard case .fixed = encoding, case .fixed? = activations[layer] else {
          throw reader.field("range of a layer without a fixed one", layer, at: place)
        }
      }
      rungs.append(Rung(side: side, activations: own))
    }
    try reader.finish()
    return rungs
  }

  private static func pictureNetworks(_ networks: [Network]) -> [Network] {
    networks.filter { $0.role != .language }
  }
}
