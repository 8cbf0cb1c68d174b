import MartletModel

/// How one network runs at one size on one machine: a pure function of the three.
package struct Schedule: Equatable, Sendable {
  package let extent: Extent
  package let regions: [Region]
  package let extents: ValueExtents
  package let arena: ArenaLayout
  /// Working memory of every thread: regions split by rows, and all patches.
  package let threadScratch: ScratchSize
  /// Working memory of each region split by outputs, shared by the threads and placed in the arena; `nil` for others.
  package let sharedScratch: [ScratchSize?]
  /// Where each of these lies in the arena, or −1.
  package let sharedOffsets: [Int]
  /// Channels of the widest squeeze-excite gate.
  package let gateChannels: Int

  /// - Parameter fuse: `false` runs layer by layer, so that a tap sees every value. Values are not kept for that: each has
  ///   its memory from the region that makes it to the last that reads it.
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
        of: region, rows: extents.rows[regions[index].output.index],
        width: extents.widths[regions[index].output.index])
      regions[index].kind = .tiles(region)
    }
    self.regions = regions
    self.extents = extents
    var threadScratch = ScratchSize()
    var gateChannels = 0
    var lifetimes = Self.lifetimes(network, regions, extents)
    sharedScratch = regions.enumerated().map { index, region in
      if case .squeezeExcite(let gate) = region.kind {
        gateChannels = max(gateChannels, gate.op.channels, gate.op.reducedChannels)
      }
      guard case .tiles(let tiles) = region.kind else { return nil }
      let (rows, width) = (extents.rows[region.output.index], extents.widths[region.output.index])
      let inputWidth = network[tiles.head.input].shape.channels
      threadScratch = threadScratch.union(ScratchSize(headOf: tiles, extents))
      let tile: Int? =
        switch tiles.split {
        case .rows(let tile): min(tile, rows)
        case .strips: width
        case .outputs: nil
        }
      if let tile {
        threadScratch = threadScratch.union(
          ScratchSize(tiles, rows: tile, inputWidth: inputWidth))
        return nil
      }
      let scratch = ScratchSize(tiles, rows: rows, inputWidth: inputWidth)
      lifetimes.append(
        ArenaLayout.Lifetime(
          value: network.values.count + index, byteCount: scratch.byteCount, first: index,
          last: index))
      return scratch
    }
    self.threadScratch = threadScratch
    self.gateChannels = gateChannels
    arena = ArenaLayout(
      lifetimes: lifetimes, valueCount: network.values.count + regions.count)
    sharedOffsets = Array(arena.offsets.dropFirst(network.values.count))
  }

  private static func lifetimes(
    _ network: Network, _ regions: [Region], _ extents: ValueExtents
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
        first: first[value], last: last[value])
    }
  }
}
