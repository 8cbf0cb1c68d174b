import CMartletKernels
import CMartletPlatform
import MartletBytes
import MartletModel

/// Rows of floats somewhere in memory.
@unsafe
struct Rows {
  var base: UnsafeMutablePointer<Float>
  /// Elements from one row to the next.
  var stride: Int

  func from(_ row: Int) -> Rows { unsafe Rows(base: base + row * stride, stride: stride) }
}

/// Runs one network by its schedule. Everything is allocated in `init`; a run allocates nothing.
///
/// One run at a time; the pool's threads are the only ones that touch the memory.
@safe
package final class NetworkExecutor {
  package let network: Network
  package let schedule: Schedule
  let kernels: UnsafePointer<martlet_kernels>
  let pool: ThreadPool
  let arena: AlignedMemory
  let scratch: Scratch
  // SAFETY: the pointers inside lead into `weights`, which this object keeps.
  private let regions: [BoundRegion]
  private let weights: WeightTable
  let attention: AttentionMemory?
  /// Token ids of the next run, one a row; negative where an image row goes. Set in place: a run allocates nothing.
  package var ids: [Int32]
  /// Where set, mapped weights are let go when the process holds more than this after a region.
  var residentLimit: Int?

  /// What one run is given besides the values of its inputs.
  package struct Request {
    /// Rows in use, at most the schedule's; ignored for pictures.
    package var rows: Int
    /// Positions already in the cache.
    package var past: Int
    /// Stop before `selectLast`: an earlier part of a longer prompt needs no logits.
    package var stopsBeforeSelection: Bool

    package init(
      rows: Int = .max, past: Int = 0, stopsBeforeSelection: Bool = false
    ) {
      self.rows = rows
      self.past = past
      self.stopsBeforeSelection = stopsBeforeSelection
    }
  }

  /// - Parameter cache: keys and values of causal attention; needed if the network has any.
  /// - Throws: `encoding` for parameters without a kernel, `outOfMemory`.
  package init(
    network: Network, plan: QuantizationPlan, schedule: Schedule, weights: WeightTable,
    instructionSet: InstructionSet, pool: ThreadPool, cache: KeyValueCache? = nil
  ) throws(RuntimeError) {
    self.network = network
    self.schedule = schedule
    self.weights = weights
    self.pool = pool
    unsafe kernels = instructionSet.kernels
    ids = [Int32](repeating: 0, count: schedule.extents.rows[network.inputs[0].index])
    arena = try AlignedMemory(byteCount: schedule.arena.byteCount, use: .whole)
    scratch = try Scratch(schedule: schedule, threads: pool.threads)
    attention = try AttentionMemory(
      network: network, schedule: schedule, threads: pool.threads, cache: cache)
    var bound: [BoundRegion] = unsafe []
    for (index, region) in schedule.regions.enumerated() {
      var next = try unsafe BoundRegion(region, network: network, plan: plan, weights: weights)
      if let size = schedule.sharedScratch[index] {
        unsafe next.shared = unsafe Scratch.Block(arena, at: schedule.sharedOffsets[index], size)
      }
      unsafe bound.append(next)
    }
    unsafe regions = bound
  }

  /// Memory held besides weights: values, scratch, keys and values of attention.
  package var workingBytes: Int {
    arena.byteCount + scratch.byteCount + (attention?.byteCount ?? 0)
  }

  /// Called after each region with the names of its layers, its output value and rows.
  package typealias Tap = (_ region: Region, _ rows: Int, _ values: Span<Float>) -> Void

  /// Numbers to put in place of a value, by the value's name, before a region reads it; `nil` leaves it.
  package typealias Injection = (_ value: String) -> [Float]?

  /// Runs all regions in order.
  ///
  /// - Parameter inject: runs every region on given inputs, to see the error it makes by itself.
  /// - Throws: `tokenID` and `imageCount` from the embedding, before anything is computed.
  package func run(
    _ request: Request, tap: Tap? = nil, inject: Injection? = nil, timing: inout RegionTimings
  ) throws(RuntimeError) {
    for index in unsafe regions.indices {
      let bound = unsafe regions[index]
      if let inject { unsafe replaceInputs(of: bound.region, by: inject) }
      let start = timing.isOn ? MonotonicClock.nanoseconds : 0
      switch unsafe bound.region.kind {
      case .tiles(let region): unsafe runTiles(region, bound, request)
      case .attention(let region):
        unsafe runAttention(region, keyBias: bound.keyBias, bound.region.output, request)
      case .squeezeExcite(let region):
        unsafe runSqueezeExcite(region, bound.squeezeExcite, bound.region.output)
      case .embed(let op, _, let rows):
        try unsafe runEmbed(op, bound.embedding, imageRows: rows, bound.region.output, request)
      case .selectLast(let input):
        if request.stopsBeforeSelection { return }
        let width = network[input].shape.channels
        let source = unsafe rows(of: input).from(rowCount(of: input, request) - 1)
        unsafe rows(of: bound.region.output).base.update(from: source.base, count: width)
      }
      if let limit = residentLimit, Machine.residentBytes > limit { weights.dropPages() }
      if timing.isOn { timing.add(region: index, nanoseconds: MonotonicClock.nanoseconds - start) }
      if let tap {
        let output = unsafe bound.region.output
        let count = rowCount(of: output, request)
        let width = network[output].shape.channels
        // SAFETY: the value's memory holds `count` rows of `width` floats and is not written during the call.
        let values = unsafe Span(
          _unsafeElements: UnsafeBufferPointer(start: rows(of: output).base, count: count * width))
        tap(unsafe bound.region, count, values)
      }
    }
  }

  private func replaceInputs(of region: Region, by inject: Injection) {
    for id in region.inputs {
      guard let values = inject(network[id].name) else { continue }
      withValue(id) { memory in
        for index in 0..<min(values.count, memory.count) { memory[index] = values[index] }
      }
    }
  }

  /// Reads or fills the memory of a value: an input before a run, the output after it.
  package func withValue<R>(_ id: ValueID, _ body: (inout MutableSpan<Float>) -> R) -> R {
    let count = schedule.extents.rows[id.index] * network[id].shape.channels
    // SAFETY: the arena layout gave the value room for this many floats.
    var span = unsafe MutableSpan(
      _unsafeElements: UnsafeMutableBufferPointer(start: rows(of: id).base, count: count))
    return body(&span)
  }

  /// Rows of a value in this run.
  func rowCount(of id: ValueID, _ request: Request) -> Int {
    min(schedule.extents.rows[id.index], request.rows)
  }

  /// Where a value lies.
  func rows(of id: ValueID) -> Rows {
    let offset = schedule.arena.offsets[id.index]
    precondition(offset >= 0, "a value inside a region has no memory")
    return unsafe Rows(base: arena.floats(at: offset), stride: network[id].shape.channels)
  }
}

/// Nanoseconds per region, summed over runs.
package struct RegionTimings {
  package var isOn: Bool
  package private(set) var nanoseconds: [Int64] = []

  package init(isOn: Bool) { self.isOn = isOn }

  mutating func add(region: Int, nanoseconds spent: Int64) {
    while nanoseconds.count <= region { nanoseconds.append(0) }
    nanoseconds[region] += spent
  }

  /// What was summed so far, one number a region; the sums start again.
  mutating func taken() -> [Int64] {
    defer { nanoseconds = [] }
    return nanoseconds
  }
}
