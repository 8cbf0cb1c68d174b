import MartletBytes
import MartletModel

/// A language model with its cache: prompts go in, logits come out.
package final class LanguageSession {
  /// Rows of a prompt that are run together; longer prompts go in parts.
  package static let longestPart = 320

  private let prompt: NetworkExecutor
  private let step: NetworkExecutor
  private let cache: KeyValueCache
  private let hidden: Int
  /// Rows of the embedding.
  package let vocabulary: Int
  /// Logits from here on belong to no token.
  package let tokenCount: Int
  /// Positions the session holds.
  package var capacity: Int { cache.capacity }
  package var position: Int { cache.count }
  /// Bytes of keys and values so far.
  package var cacheBytes: Int { cache.byteCount(positions: cache.count) }

  /// - Parameter capacity: positions of prompt and answer together.
  /// - Throws: `missingNetwork`, `encoding`, `unschedulable`, `outOfMemory`.
  package init(
    model: LoadedModel, capacity: Int, options: RunOptions, pool: ThreadPool
  ) throws(RuntimeError) {
    let (network, weights) = try model.part(.language)
    let attentions = network.attentionLayouts
    guard let layout = attentions.first, network.inputs.count == 2 else {
      throw .missingNetwork("attention in \(network.role.name)")
    }
    let cache = try KeyValueCache(
      layout: layout, layers: attentions.count, capacity: capacity, precision: options.cache)
    self.cache = cache
    func executor(rows: Int) throws(RuntimeError) -> NetworkExecutor {
      try NetworkExecutor(
        network: network, plan: model.plan,
        schedule: Schedule(
          network: network, plan: model.plan, extent: .rows(rows), machine: options.machine,
          fuse: options.fuse),
        weights: weights, instructionSet: options.instructionSet, pool: pool, cache: cache)
    }
    prompt = try executor(rows: min(Self.longestPart >> options.shrink, cache.capacity))
    step = try executor(rows: 1)
    let limit = options.memory?.residentLimit(model.weights[.language])
    prompt.residentLimit = limit
    step.residentLimit = limit
    hidden = network[network.inputs[1]].shape.channels
    vocabulary = network[network.output].shape.channels
    tokenCount = min(vocabulary, model.description.tokenizer?.size ?? vocabulary)
  }

  /// Memory held besides weights when all positions are in use.
  package var workingBytes: Int { prompt.workingBytes + step.workingBytes + cache.byteCount }

  /// Forgets all positions.
  package func reset() { cache.setCount(0) }

  /// Forgets the positions from here on. A trap where there are fewer.
  package func rewind(to position: Int) {
    precondition(position <= self.position)
    cache.setCount(position)
  }

  /// Runs ids through all layers; afterwards `withLogits` gives those of the last one.
  ///
  /// - Parameters:
  ///   - ids: token ids, `−1` for each image row.
  ///   - imageRows: `[image rows, hidden]`, in order.
  ///   - inject: for prompts of at most `longestPart` rows: numbers that regions read instead of their inputs.
  /// - Throws: `contextLength`, `imageCount`, `tokenID`, before the cache is changed.
  package func append(
    _ ids: [Int], imageRows: [Float] = [], tap: NetworkExecutor.Tap? = nil,
    inject: NetworkExecutor.Injection? = nil
  ) throws(RuntimeError) {
    precondition(!ids.isEmpty)
    let needed = position + ids.count
    if needed > capacity { throw .contextLength(limit: capacity, needed: needed) }
    let places = ids.reduce(0) { $0 + ($1 < 0 ? 1 : 0) }
    if places * hidden != imageRows.count {
      throw .imageCount(expectedRows: places, foundRows: imageRows.count / max(1, hidden))
    }
    for id in ids where id >= vocabulary { throw .tokenID(found: id, vocabulary: vocabulary) }
    if ids.count == 1, places == 0 {
      try run(step, ids, 0..<1, imageRows, firstImageRow: 0, tap, inject)
      return
    }
    let part = prompt.ids.count
    var (done, image) = (0, 0)
    while done < ids.count {
      let range = done..<min(ids.count, done + part)
      try run(prompt, ids, range, imageRows, firstImageRow: image, tap, inject)
      for id in ids[range] where id < 0 { image += 1 }
      done = range.upperBound
    }
  }

  private var lastRan: NetworkExecutor?
  private var timing = RegionTimings(isOn: false)

  private func run(
    _ executor: NetworkExecutor, _ ids: [Int], _ range: Range<Int>, _ imageRows: [Float],
    firstImageRow: Int, _ tap: NetworkExecutor.Tap?, _ inject: NetworkExecutor.Injection?
  ) throws(RuntimeError) {
    var places = 0
    for (row, index) in range.enumerated() {
      executor.ids[row] = Int32(truncatingIfNeeded: max(-1, ids[index]))
      if ids[index] < 0 { places += 1 }
    }
    if places > 0 {
      let start = firstImageRow * hidden
      let count = places * hidden
      executor.withValue(executor.network.inputs[1]) { values in
        for index in 0..<count { values[index] = imageRows[start + index] }
      }
    }
    try executor.run(
      NetworkExecutor.Request(
        rows: range.count, past: cache.count,
        stopsBeforeSelection: range.upperBound < ids.count),
      tap: tap, inject: inject, timing: &timing)
    cache.setCount(cache.count + range.count)
    lastRan = executor
  }

  /// The logits of the last position, `[vocabulary]`.
  package func withLogits<R>(_ body: (Span<Float>) -> R) -> R? {
    guard let lastRan else { return nil }
    return lastRan.withValue(lastRan.network.output) { values in body(values.span) }
  }

  /// The next id by the sampler, among real tokens only.
  package func next(_ sampler: inout Sampler) -> Int {
    guard let lastRan else { return 0 }
    let tokenCount = tokenCount
    return lastRan.withValue(lastRan.network.output) { values in
      sampler.next(values.span.extracting(0..<tokenCount))
    }
  }

  /// One token further: no allocation.
  /// - Throws: `contextLength` when the cache is full, `tokenID`.
  package func advance(_ id: Int) throws(RuntimeError) {
    if position + 1 > capacity { throw .contextLength(limit: capacity, needed: position + 1) }
    if id < 0 || id >= vocabulary { throw .tokenID(found: id, vocabulary: vocabulary) }
    step.ids[0] = Int32(truncatingIfNeeded: id)
    try step.run(
      NetworkExecutor.Request(rows: 1, past: cache.count), timing: &timing)
    cache.setCount(cache.count + 1)
    lastRan = step
  }
}

extension Network {
  /// Layouts of all causal attention layers, in order.
  package var attentionLayouts: [HeadLayout] {
    layers.compactMap { layer in
      guard case .attention(let op) = layer.op, op.mask == .causal else { return nil }
      return op.layout
    }
  }
}
