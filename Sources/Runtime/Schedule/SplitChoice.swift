import MartletModel

/// Chooses how a tile region is divided among threads, from a small cost model in cycles of one core.
///
/// Rows: every tile reads all weights once more, but nothing between the steps leaves the cache.
/// Outputs: weights are read once, but every intermediate result goes out and comes back, and every step joins.
struct SplitChoice {
  let machine: MachineModel
  let network: Network
  let plan: QuantizationPlan

  /// Rows of a tile are a multiple of this, so that every kernel's row block divides them.
  static let rowBlock = 24
  /// Beyond this the weights' share of the traffic no longer falls.
  static let largestTile = 96

  /// - Parameter width: pixels in a row of the output's map.
  func split(of region: TileRegion, rows: Int, width: Int) -> Split {
    if case .rolling(let rolling, _) = region.head {
      return .strips(stripRows(rolling, mapRows: rows / width))
    }
    let tile = tileRows(of: region, rows: rows)
    let byRows = cyclesByRows(region, rows: rows, tile: tile)
    return byRows <= cyclesByOutputs(region, rows: rows) ? .rows(tile) : .outputs
  }

  /// Map rows of a strip: enough that the rows of the first convolution made twice, at its upper edge, are few; not
  /// so many that threads wait for the last strip.
  func stripRows(_ rolling: TileRegion.Rolling, mapRows: Int) -> Int {
    let again = max(0, rolling.depthwise.kernel - rolling.depthwise.stride)
    let enough = max(1, 32 * again / rolling.depthwise.stride)
    return max(1, min(enough, mapRows / (4 * machine.threads)))
  }

  /// Rows whose widest intermediate results fit into the private cache, an eighth left to the weights that stream
  /// through it; at least one block. Where not even a block fits, two: results leave that cache anyway, and the weights,
  /// which are as wide, pass half as often.
  func tileRows(of region: TileRegion, rows: Int) -> Int {
    let bytesPerRow = 4 * (headWidth(region) + region.steps.map(width).reduce(0, max)) + 1
    let fitting = machine.l2Bytes / 8 * 7 / bytesPerRow
    let whole = max(1, fitting / Self.rowBlock) * Self.rowBlock
    let least = fitting < Self.rowBlock ? 2 * Self.rowBlock : Self.rowBlock
    // No larger than leaves every thread a few tiles.
    let share = (rows + 4 * machine.threads - 1) / (4 * machine.threads)
    let shared = (share + Self.rowBlock - 1) / Self.rowBlock * Self.rowBlock
    return max(least, min(whole, shared, Self.largestTile))
  }

  func cyclesByRows(_ region: TileRegion, rows: Int, tile: Int) -> Double {
    let tiles = (rows + tile - 1) / tile
    let turns = (tiles + machine.threads - 1) / machine.threads
    let compute = Double(min(tile, rows)) * macs(region) / machine.macsPerCycle
    // The first pass brings the weights in from memory, as they are dropped from the caches between runs: a model is
    // larger than any cache. Every core waits for all of them.
    let bytes = weightBytes(region)
    return Double(turns) * compute + bytes / machine.memoryBytesPerCycle
      + Double(turns - 1) * machine.cyclesToRead(bytes) + machine.joinCycles
  }

  func cyclesByOutputs(_ region: TileRegion, rows: Int) -> Double {
    let share = 1 / Double(machine.threads)
    var cycles = Double(rows) * macs(region) / machine.macsPerCycle * share
    // Each core waits for its own part of the weights only.
    cycles += weightBytes(region) / machine.memoryBytesPerCycle * share
    for step in region.steps {
      let bytes = Double(2 * 4 * rows * width(step))
      cycles += machine.cyclesToRead(bytes) * share + machine.joinCycles
    }
    return cycles + machine.joinCycles
  }

  private func headWidth(_ region: TileRegion) -> Int {
    switch region.head {
    case .rows(let id): network[id].shape.channels
    case .depthwise(let op, _): op.outputChannels
    case .convolution(let op, _): op.inputChannels * op.kernel * op.kernel + op.outputChannels
    case .rolling(let op, _): op.depthwise.outputChannels
    }
  }

  private func width(_ step: TileRegion.Step) -> Int {
    switch step {
    case .linear(let op, _, _, _): op.inputs + op.outputs
    case .gate(let width): 2 * width
    case .normalize(let op): op.scale.count
    case .layerNorm(let op), .rmsNorm(let op): op.channels
    case .activate, .add, .addScaled: 0
    }
  }

  /// Multiply-adds per row, those done in float counted at their higher price.
  private func macs(_ region: TileRegion) -> Double {
    let floatPrice = 4.0
    var macs = 0.0
    switch region.head {
    case .rows: break
    case .depthwise(let op, _):
      macs += floatPrice * Double(op.outputChannels * op.kernel * op.kernel)
    case .convolution(let op, _):
      macs += floatPrice * Double(op.outputChannels * op.inputChannels * op.kernel * op.kernel)
    case .rolling: break  // Not asked for: strips are the only choice.
    }
    for step in region.steps {
      guard case .linear(let op, let layer, _, _) = step else { continue }
      let isFloat = (plan.activations[layer] ?? .float32) == .float32
      macs += (isFloat ? floatPrice : 1) * Double(op.inputs * op.outputs)
    }
    return macs
  }

  private func weightBytes(_ region: TileRegion) -> Double {
    var bytes = 0.0
    for step in region.steps {
      guard case .linear(let op, _, _, _) = step else { continue }
      let parameter = network[op.weight]
      let encoding = plan.weights[parameter.name] ?? .float32Panels
      for component in encoding.components(shape: parameter.shape) ?? [] {
        bytes += Double(component.byteCount)
      }
    }
    return bytes
  }
}
