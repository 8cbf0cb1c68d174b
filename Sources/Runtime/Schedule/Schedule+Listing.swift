import MartletModel

extension Schedule {
  /// One line a region: split, rows, memory offset, layers. For `martlet inspect --schedule`.
  package func listing(of network: Network) -> [String] {
    var lines: [String] = []
    for region in regions {
      let rows = extents.rows[region.output.index]
      let offset = arena.offsets[region.output.index]
      lines.append(
        "\(region.kindName) · \(rows) × \(network[region.output].shape.channels) at \(offset) · "
          + region.layers.joined(separator: " → "))
    }
    lines.append("arena \(arena.byteCount) bytes, \(regions.count) regions")
    return lines
  }
}

extension Region {
  /// What the region is and how it is divided, in words.
  package var kindName: String {
    switch kind {
    case .tiles(let region):
      switch region.split {
      case .rows(let rows): "tiles of \(rows) rows"
      case .outputs: "split by outputs"
      case .strips(let rows): "strips of \(rows) map rows"
      }
    case .attention: "attention"
    case .squeezeExcite: "squeeze-excite"
    case .embed: "embed"
    case .selectLast: "select last"
    }
  }
}
