import MartletModel

/// What size a network is run at.
package enum Extent: Equatable, Sendable {
  /// A square picture of this side.
  case picture(side: Int)
  /// This many rows (tokens, image rows).
  case rows(Int)
}

/// Rows, and for maps the width, of every value of a network at an extent.
package struct ValueExtents: Equatable, Sendable {
  package private(set) var rows: [Int]
  /// Pixels in a row of the map; 1 where the value is no map.
  package private(set) var widths: [Int]

  /// - Throws: `resolution` if a map's side would not be whole.
  package init(network: Network, extent: Extent) throws(RuntimeError) {
    rows = [Int](repeating: 0, count: network.values.count)
    widths = [Int](repeating: 1, count: network.values.count)
    for id in network.inputs { try set(network, id, extent, inherited: 0) }
    for layer in network.layers {
      let inherited = layer.op == .selectLast ? 1 : rows[layer.inputs[0].index]
      try set(network, layer.output, extent, inherited: inherited)
    }
  }

  private mutating func set(
    _ network: Network, _ id: ValueID, _ extent: Extent, inherited: Int
  ) throws(RuntimeError) {
    switch (network[id].shape, extent) {
    case (.map(_, let stride), .picture(let side)):
      guard side > 0, side % stride == 0 else {
        throw .resolution(found: side, multipleOf: network.totalStride)
      }
      widths[id.index] = side / stride
      rows[id.index] = (side / stride) * (side / stride)
    case (_, .rows(let count)): rows[id.index] = inherited > 0 ? inherited : count
    case (_, .picture): rows[id.index] = inherited
    }
  }
}

extension Network {
  /// The largest stride of any map: sides must be a multiple of it.
  package var totalStride: Int {
    var largest = 1
    for value in values {
      if case .map(_, let stride) = value.shape { largest = max(largest, stride) }
    }
    return largest
  }
}
