import MartletModel
import MartletQuantization
import MartletRuntime
import MartletTestSupport
import Testing

@Suite struct ScheduleTests {
  static func plan(_ small: SmallNetwork) throws -> QuantizationPlan {
    try Quantizer.quantized(
      FoldedModel(description: small.description, parameters: small.parameters),
      scheme: .preset(.int8), statistics: nil
    ).plan
  }

  static func schedule(
    _ small: SmallNetwork, _ extent: Extent, threads: Int = 2, l2: Int = 512 << 10,
    l3: Int = 32 << 20, fuse: Bool = true
  ) throws -> Schedule {
    try Schedule(
      network: small.network, plan: plan(small), extent: extent,
      machine: MachineModel(threads: threads, l2Bytes: l2, l3Bytes: l3, macsPerCycle: 32),
      fuse: fuse)
  }

  /// One product, as large as those of a 0.5B model.
  static func product(inputs: Int, outputs: Int) throws -> SmallNetwork {
    var builder = NetworkBuilder(role: .projector)
    let x = builder.input("x", .rows(channels: inputs))
    let weight = builder.parameter("product.weight", [outputs, inputs])
    let y = builder.layer(
      "product",
      .linear(Linear(inputs: inputs, outputs: outputs, weight: weight, bias: nil)), x)
    let zeros = [Float](repeating: 0, count: inputs * outputs)
    return SmallNetwork(
      network: try builder.finished(output: y),
      parameters: ParameterTable(["projector.product.weight": zeros]))
  }

  @Test func feedForwardIsOneRegion() throws {
    let schedule = try Self.schedule(.vision(), .picture(side: 256))
    let names = schedule.regions.map {
      $0.layers.map { $0.split(separator: ".").dropFirst().joined(separator: ".") }
    }
    #expect(
      names.contains(["block0.ffn", "block0.fc1", "block0.activation", "block0.fc2", "block0.add"]))
    #expect(names.contains(["stem", "stem.activation", "block0.mixer"]))
    #expect(names.contains(["gate", "head.activation"]))
    // A diagonal of its own is added while the product's rows are at hand.
    #expect(names.contains(["mix.rest", "mix.diagonal", "mix", "mix.activation"]))
  }

  @Test func everyLayerIsInExactlyOneRegion() throws {
    for fuse in [true, false] {
      for small in [try SmallNetwork.vision(), try .language()] {
        let extent: Extent = small.network.role == .vision ? .picture(side: 64) : .rows(40)
        let schedule = try Self.schedule(small, extent, fuse: fuse)
        #expect(schedule.regions.flatMap(\.layers) == small.network.layers.map(\.name))
      }
    }
  }

  /// Values whose regions overlap in time never share bytes.
  @Test(arguments: [64, 128]) func livingValuesDoNotOverlap(side: Int) throws {
    let small = try SmallNetwork.vision()
    let schedule = try Self.schedule(small, .picture(side: side))
    let network = small.network
    var lives: [(value: Int, first: Int, last: Int)] = []
    for (index, region) in schedule.regions.enumerated() {
      let value = region.output.index
      let last = schedule.regions.lastIndex { $0.inputs.contains(region.output) } ?? index
      lives.append(
        (value, index, value == network.output.index ? schedule.regions.count : max(last, index)))
    }
    for a in lives {
      let aStart = schedule.arena.offsets[a.value]
      let aEnd =
        aStart + 4 * schedule.extents.rows[a.value] * network.values[a.value].shape.channels
      #expect(aStart >= 0 && aEnd <= schedule.arena.byteCount && aStart % 64 == 0)
      for b in lives where b.value > a.value && a.first <= b.last && b.first <= a.last {
        let bStart = schedule.arena.offsets[b.value]
        let bEnd =
          bStart + 4 * schedule.extents.rows[b.value] * network.values[b.value].shape.channels
        #expect(aEnd <= bStart || bEnd <= aStart)
      }
    }
    // Two maps at a time, not all of them.
    let all = lives.reduce(0) {
      $0 + 4 * schedule.extents.rows[$1.value] * network.values[$1.value].shape.channels
    }
    #expect(schedule.arena.byteCount < all / 2)
  }

  /// Working memory of regions split by outputs shares the arena with values that do not live then, and none of it
  /// is as large as the most rows of one region times the greatest width of another.
  @Test func sharedScratchLiesBesideTheLivingValues() throws {
    let small = try SmallNetwork.vision()
    // Tiny caches and many threads: late regions are divided by outputs.
    let schedule = try Self.schedule(small, .picture(side: 128), threads: 16, l2: 1, l3: 1)
    var found = 0
    for (index, region) in schedule.regions.enumerated() {
      guard let scratch = schedule.sharedScratch[index] else { continue }
      found += 1
      let start = schedule.sharedOffsets[index]
      #expect(start >= 0 && start + scratch.byteCount <= schedule.arena.byteCount)
      for id in region.inputs + [region.output] {
        let offset = schedule.arena.offsets[id.index]
        let bytes = 4 * schedule.extents.rows[id.index] * small.network[id].shape.channels
        #expect(offset + bytes <= start || start + scratch.byteCount <= offset)
      }
    }
    #expect(found > 0)
  }

  /// The map between two convolutions is the largest of an encoder: a few of its rows exist at a time.
  @Test func theMapBetweenTwoConvolutionsIsNeverWhole() throws {
    let small = try SmallNetwork.vision()
    let schedule = try Self.schedule(small, .picture(side: 256))
    let stem = try #require(small.network.layers.first { $0.name.hasSuffix("stem.activation") })
    #expect(schedule.arena.offsets[stem.output.index] == -1)
    let region = try #require(schedule.regions.first { $0.layers.contains(stem.name) })
    guard case .tiles(let tiles) = region.kind, case .rolling(let rolling, _) = tiles.head,
      case .strips(let rows) = tiles.split
    else {
      Issue.record("the two convolutions are no rolling head")
      return
    }
    #expect(rolling.gelu && !tiles.headGelu)
    // 128 rows of the map for 2 threads: at least four strips each.
    #expect(rows >= 1 && rows <= 16)
    #expect(schedule.threadScratch.ringFloats == 3 * 128 * 20)
    // Layer by layer, every map is whole.
    let apart = try Self.schedule(small, .picture(side: 256), fuse: false)
    #expect(apart.arena.offsets[stem.output.index] >= 0)
    #expect(apart.threadScratch.ringFloats == 0)
  }

  /// A tap sees each value as soon as it is there, so that nothing has to be kept for it: memory is that of the values
  /// alive at once, not of all of them.
  @Test func layersApartKeepNoValueLongerThanItIsRead() throws {
    let small = try SmallNetwork.vision()
    let network = small.network
    let apart = try Self.schedule(small, .picture(side: 512), fuse: false)
    var largest = 0
    var all = 0
    for (index, value) in network.values.enumerated() {
      let bytes = 4 * apart.extents.rows[index] * value.shape.channels
      largest = max(largest, bytes)
      all += bytes
    }
    #expect(all > 8 * largest)
    #expect(apart.arena.byteCount < 4 * largest)
  }

  /// One row has nothing to divide but outputs; many rows with small weights stay whole in cache.
  @Test func splitsFollowTheWork() throws {
    let one = try Self.schedule(Self.product(inputs: 896, outputs: 4864), .rows(1))
    guard case .tiles(let product)? = one.regions.first?.kind else {
      Issue.record("a product is no tile region")
      return
    }
    #expect(product.split == .outputs)
    let large = try Self.schedule(.vision(), .picture(side: 512))
    let block = try #require(large.regions.first { $0.layers.count == 5 })
    guard case .tiles(let tiles) = block.kind, case .rows(let rows) = tiles.split else {
      Issue.record("the block is not split by rows")
      return
    }
    #expect(rows % 24 == 0)
    // A board with a small cache gets smaller tiles.
    let board = try Self.schedule(.vision(), .picture(side: 512), threads: 4, l2: 16 << 10, l3: 0)
    let boardBlock = try #require(board.regions.first { $0.layers.count == 5 })
    guard case .tiles(let boardTiles) = boardBlock.kind,
      case .rows(let boardRows) = boardTiles.split
    else {
      Issue.record("the block is not split by rows")
      return
    }
    #expect(boardRows < rows)
  }

  @Test(arguments: [0, -64, 63, 66]) func sidesThatDoNotDivideAreRefused(side: Int) throws {
    let small = try SmallNetwork.vision()
    let plan = try Self.plan(small)
    #expect(throws: RuntimeError.resolution(found: side, multipleOf: 4)) {
      try Schedule(
        network: small.network, plan: plan, extent: .picture(side: side),
        machine: MachineModel(threads: 1, l2Bytes: 0, l3Bytes: 0, macsPerCycle: 1))
    }
  }

  @Test func schedulesAreEqualForEqualInputs() throws {
    #expect(
      try Self.schedule(.vision(), .picture(side: 128))
        == Self.schedule(.vision(), .picture(side: 128)))
  }
}
