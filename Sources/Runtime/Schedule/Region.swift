import MartletModel

/// A run of layers executed together, so that what flows between them stays in cache.
package struct Region: Equatable, Sendable {
  package enum Kind: Equatable, Sendable {
    case tiles(TileRegion)
    case attention(AttentionRegion)
    case squeezeExcite(SqueezeExciteRegion)
    case embed(Embedding, ids: ValueID, rows: ValueID?)
    case selectLast(ValueID)
  }

  package var kind: Kind
  /// Names of the layers covered, in order.
  package var layers: [String]
  package var output: ValueID

  /// Values read from outside the region.
  package var inputs: [ValueID] {
    switch kind {
    case .tiles(let region): return region.inputs
    case .attention(let region): return [region.input]
    case .squeezeExcite(let region): return [region.input]
    case .embed(_, _, let rows): return rows.map { [$0] } ?? []
    case .selectLast(let input): return [input]
    }
  }
}

/// At most one op that looks at neighbors, then ops that treat every row on its own.
package struct TileRegion: Equatable, Sendable {
  package enum Head: Equatable, Sendable {
    case rows(ValueID)
    case depthwise(Depthwise, ValueID)
    case convolution(Convolution, ValueID)
    /// A depthwise convolution over the rows of a dense one, of which only those under its kernel exist at a time.
    case rolling(Rolling, ValueID)

    package var input: ValueID {
      switch self {
      case .rows(let id), .depthwise(_, let id), .convolution(_, let id), .rolling(_, let id): id
      }
    }
  }

  /// Two convolutions in a row, the first one's map never whole.
  package struct Rolling: Equatable, Sendable {
    package var convolution: Convolution
    package var gelu: Bool
    /// The map between them, for its extents; it has no memory.
    package var map: ValueID
    package var depthwise: Depthwise
  }

  package enum Step: Equatable, Sendable {
    /// A product with what the kernel fuses behind it: first the activation, then the residual.
    case linear(Linear, layer: String, gelu: Bool, residual: ValueID?)
    case normalize(ChannelAffine)
    case layerNorm(Normalization)
    case rmsNorm(Normalization)
    case activate(Activation)
    case gate(width: Int)
    case add(ValueID)
    /// The sum with another value, each of its channels scaled: a depthwise convolution of one tap.
    case addScaled(Depthwise, ValueID)
  }

  package var head: Head
  /// A GELU right behind a convolution or depthwise head, fused into its kernel.
  package var headGelu = false
  package var steps: [Step]
  package var split: Split

  package var inputs: [ValueID] {
    var ids = [head.input]
    for step in steps {
      switch step {
      case .linear(_, _, _, .some(let id)), .add(let id), .addScaled(_, let id): ids.append(id)
      default: break
      }
    }
    return ids
  }
}

/// How a region is divided among threads.
package enum Split: Equatable, Sendable {
  /// Tiles of this many rows; each runs through all steps while its rows are in cache.
  case rows(Int)
  /// Step by step; products are divided by output channels, so that weights are read once.
  case outputs
  /// Strips of this many rows of the map, each one map row at a time: for heads that reuse the rows before.
  case strips(Int)
}

/// Attention over packed `[q | k | v]` rows, with the rotation before it where there is one.
package struct AttentionRegion: Equatable, Sendable {
  package var attention: Attention
  package var rotation: Rotation?
  package var input: ValueID
  /// Position among the attention regions of the network: its place in the cache.
  package var ordinal = 0
}

/// The gate from the mean of all pixels, its product, and the activation behind it.
package struct SqueezeExciteRegion: Equatable, Sendable {
  package var op: SqueezeExcite
  package var input: ValueID
  package var gelu: Bool
}
