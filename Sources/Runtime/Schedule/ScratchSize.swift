import MartletModel

/// Working memory of a tile region besides its inputs and its output.
package struct ScratchSize: Equatable, Sendable {
  /// Rows with a scale and a zero point each.
  package private(set) var rows = 0
  /// Floats of the two tiles between which results alternate; the last one goes to the region's output.
  package private(set) var tileFloats = [0, 0]
  /// Rows brought to 8 bits, each padded to whole groups.
  package private(set) var codeBytes = 0
  /// Patches of a dense convolution.
  package private(set) var patchFloats = 0
  /// The last rows of a map that is never whole.
  package private(set) var ringFloats = 0

  /// Patches are gathered this many pixels at a time.
  static let patchRows = 96

  /// Nothing.
  init() {}

  /// What `rows` rows of a region take, without what its head takes.
  ///
  /// - Parameter inputWidth: channels of the region's first input.
  init(_ region: TileRegion, rows: Int, inputWidth: Int) {
    // Widths of the results that go to a tile: all but the last, those in place not counted.
    var widths: [Int] = []
    switch region.head {
    case .rows: break
    case .depthwise(let op, _): widths.append(op.outputChannels)
    case .convolution(let op, _): widths.append(op.outputChannels)
    case .rolling(let op, _): widths.append(op.depthwise.outputChannels)
    }
    for step in region.steps {
      switch step {
      case .linear(let op, _, _, _):
        widths.append(op.outputs)
        codeBytes = max(codeBytes, rows * WeightEncoding.wholeGroups(op.inputs))
      case .layerNorm(let op), .rmsNorm(let op): widths.append(op.channels)
      case .gate(let width): widths.append(width)
      case .normalize(let op):
        // In place where the value is the region's own.
        if widths.isEmpty { widths.append(op.scale.count) }
      case .activate, .add, .addScaled:
        if widths.isEmpty { widths.append(inputWidth) }
      }
    }
    self.rows = rows
    for (index, width) in widths.dropLast().enumerated() {
      tileFloats[index % 2] = max(tileFloats[index % 2], rows * width)
    }
  }

  /// What the head of a region takes of the thread that runs it: patches, rows of a rolling map.
  init(headOf region: TileRegion, _ extents: ValueExtents) {
    func patches(_ op: Convolution) -> Int {
      Self.patchRows * op.inputChannels * op.kernel * op.kernel
    }
    switch region.head {
    case .rows, .depthwise: break
    case .convolution(let op, _): patchFloats = patches(op)
    case .rolling(let op, _):
      patchFloats = patches(op.convolution)
      ringFloats =
        op.depthwise.kernel * extents.widths[op.map.index] * op.convolution.outputChannels
    }
  }

  /// Enough for either.
  func union(_ other: ScratchSize) -> ScratchSize {
    var result = self
    result.rows = max(rows, other.rows)
    for tile in 0..<2 { result.tileFloats[tile] = max(tileFloats[tile], other.tileFloats[tile]) }
    result.codeBytes = max(codeBytes, other.codeBytes)
    result.patchFloats = max(patchFloats, other.patchFloats)
    result.ringFloats = max(ringFloats, other.ringFloats)
    return result
  }

  /// Bytes of the parts, each on its own cache lines: tiles, codes, scales, zero points, patches, ring.
  package var parts: [Int] {
    let floats = [tileFloats[0], tileFloats[1], rows, rows, patchFloats, ringFloats].map { 4 * $0 }
    return (floats[0...1] + [codeBytes] + floats[2...]).map(ArenaLayout.aligned)
  }
  package var byteCount: Int { parts.reduce(0, +) }
}
