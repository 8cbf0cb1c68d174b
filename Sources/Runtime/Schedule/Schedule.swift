import MartletModel

/// How one network runs at one size on one machine: a pure function of the three.
package struct Schedule: Equatable, Sendable {
  package let extent: Extent
  package let regions: [Region]
  package let extents: ValueExtents
  package let arena: ArenaLayout
  package let scratch: ScratchSize

  /// - Parameter fuse: `false` runs layer by layer, so that every value exists and can be tapped.
  /// - Throws: `resolution`, or `unschedulable` for a graph without a region.
  package init(
    network: Network, plan: QuantizationPlan, extent: Extent, machine: MachineModel,
    fuse: Bool = true
  ) throws(RuntimeError) {
    self.extent = extent
    let extents = try ValueExtents(network: network, extent: extent)
    var regions = try RegionPlanner(network: network, fuse: fuse).regions()
    let choice = SplitChoice(machine: machine, network: network, plan: plan)
    var attentions = 0
    for index in regions.indices {
      if case .attention(var region) = regions[index].kind {
        region.ordinal = attentions
        attentions += 1
        regions[index].kind = .attention(region)
      }
      guard case .tiles(var region) = regions[index].kind else { continue }
      region.split = choice.split(
        of: region, rows: extents.rows[regions[index].output.index])
      regions[index].kind = .tiles(region)
    }
    self.regions = regions
    self.extents = extents
    arena = ArenaLayout(
      lifetimes: Self.lifetimes(network, regions, extents, keepAll: !fuse),
      valueCount: network.values.count)
    scratch = ScratchSize(regions: regions, network: network, extents: extents)
  }

  private static func lifetimes(
    _ network: Network, _ regions: [Region], _ extents: ValueExtents, keepAll: Bool
  ) -> [ArenaLayout.Lifetime] {
    var first = [Int](repeating: -1, count: network.values.count)
    var last = [Int](repeating: -1, count: network.values.count)
    for id in network.inputs where network[id].shape != .ids {
      (first[id.index], last[id.index]) = (0, 0)
    }
    for (index, region) in regions.enumerated() {
      for id in region.inputs { last[id.index] = max(last[id.index], index) }
      first[region.output.index] = index
      last[region.output.index] = index
    }
    last[network.output.index] = regions.count
    return network.values.indices.compactMap { value in
      guard first[value] >= 0 else { return nil }
      return ArenaLayout.Lifetime(
        value: value,
        byteCount: 4 * extents.rows[value] * network.values[value].shape.channels,
        first: first[value], last: keepAll ? regions.count : last[value])
    }
  }
}

/// The largest working memory any region needs besides its inputs and its output.
package struct ScratchSize: Equatable, Sendable {
  /// Per thread, regions split by rows: rows of a tile and floats of its widest row.
  package var tileRows = 1
  package var tileWidth = 16
  /// Shared, regions split by outputs: rows and floats of the widest step result.
  package var sharedRows = 0
  package var sharedWidth = 0
  /// Inputs of the widest product, in rows split (per thread) and outputs split (shared).
  package var tileInputs = 32
  package var sharedInputs = 0
  /// Floats of the widest patch of a dense convolution.
  package var patchWidth = 0
  /// Channels of the widest squeeze-excite gate.
  package var gateChannels = 0

  init(regions: [Region], network: Network, extents: ValueExtents) {
    for region in regions {
      if case .squeezeExcite(let gate) = region.kind {
        gateChannels = max(gateChannels, gate.op.channels, gate.op.reducedChannels)
      }
      guard case .tiles(let tiles) = region.kind else { continue }
      var width = network[tiles.head.input].shape.channels
      var inputs = 0
      switch tiles.head {
      case .rows: break
      case .depthwise(let op, _): width = op.outputChannels
      case .convolution(let op, _):
        width = op.outputChannels
        patchWidth = max(patchWidth, op.inputChannels * op.kernel * op.kernel)
      }
      for step in tiles.steps {
        if case .linear(let op, _, _, _) = step {
          width = max(width, op.outputs)
          inputs = max(inputs, op.inputs)
        }
      }
      switch tiles.split {
      case .rows(let rows):
        tileRows = max(tileRows, rows)
        tileWidth = max(tileWidth, width)
        tileInputs = max(tileInputs, inputs)
      case .outputs:
        sharedRows = max(sharedRows, extents.rows[region.output.index])
        sharedWidth = max(sharedWidth, width)
        sharedInputs = max(sharedInputs, inputs)
      }
    }
  }
}
