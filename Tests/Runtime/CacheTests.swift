import CAllocationCounter
import MartletBytes
import MartletModel
import MartletQuantization
import MartletRuntime
import MartletTestSupport
import Testing

/// Keys and values in fewer bits.
@Suite struct CacheTests {
  private let ids = (0..<300).map { ($0 * 29 + 7) % 70 }

  private func session(
    _ model: LoadedModel, _ cache: CachePrecision, capacity: Int = 400, threads: Int = 2,
    instructionSet: InstructionSet = .best, fuse: Bool = true
  ) throws -> LanguageSession {
    try LanguageSession(
      model: model, capacity: capacity,
      options: RunOptions(
        instructionSet: instructionSet, threads: threads, fuse: fuse, cache: cache),
      pool: ThreadPool(threads: threads))
  }

  private func logits(_ session: LanguageSession) -> [Float] {
    session.withLogits { logits in logits.indices.map { logits[$0] } } ?? []
  }

  /// More than two chunks of 128 positions, so that sums go over their borders.
  @Test(arguments: CachePrecision.all)
  func resultsDependOnNothingButTheNumbers(cache: CachePrecision) throws {
    let model = try Bench(try .language(keyBias: 50), scheme: .preset(.int8)).model
    let whole = try session(model, cache)
    try whole.append(ids)
    let expected = logits(whole)
    #expect(expected.contains { $0 != 0 })
    for set in InstructionSet.available {
      let other = try session(model, cache, threads: 1, instructionSet: set, fuse: false)
      try other.append(ids)
      #expect(logits(other) == expected, "\(set.name)")
    }
  }

  /// Turns one after another, a token at a time among them, leave what one prompt leaves; so does going back.
  @Test(arguments: CachePrecision.all)
  func turnsReuseTheCache(cache: CachePrecision) throws {
    let model = try Bench(try .language(), scheme: .preset(.int4)).model
    let whole = try session(model, cache)
    try whole.append(ids)
    let turns = try session(model, cache)
    try turns.append(Array(ids[..<140]))
    for id in ids[140..<150] { try turns.advance(id) }
    try turns.append([3, 3, 3, 3, 3])
    turns.rewind(to: 150)
    try turns.append(Array(ids[150...]))
    #expect(turns.position == whole.position)
    #expect(logits(turns) == logits(whole))
  }

  /// The error in the logits, relative to them: 5e-4 for 11 significant bits, 2 % for 8 bits of every number; a bias of 300 in
  /// three channels changes neither class, as it does not reach the 8 bits.
  @Test(arguments: [
    (CachePrecision.float16, Float(0), 0.002), (.float16, 300, 0.02), (.int8, 0, 0.03),
    (.int8, 300, 0.03),
  ])
  func fewerBitsCostLittle(cache: CachePrecision, keyBias: Float, bound: Double) throws {
    let model = try Bench(try .language(keyBias: keyBias), scheme: .preset(.float32)).model
    let exact = try session(model, .float32)
    let rounded = try session(model, cache)
    try exact.append(ids)
    try rounded.append(ids)
    let error = relativeRootMeanSquare(logits(rounded), logits(exact))
    #expect(error > 0 && error < bound, "\(error)")
  }

  @Test func fewerBitsTakeLessMemory() throws {
    let model = try Bench(try .language(), scheme: .preset(.int8)).model
    var bytes: [Int] = []
    for cache in CachePrecision.all {
      let session = try session(model, cache)
      try session.append([1, 2, 3, 4])
      bytes.append(session.cacheBytes)
    }
    // Two layers, two heads of 8 keys and 8 values; 8 bits have two scales a head.
    #expect(bytes == [4 * 2 * 2 * 16 * 4, 4 * 2 * 2 * 16 * 2, 4 * 2 * 2 * (16 + 8)])
  }

  #if !DEBUG
    /// Closures live on the heap in debug builds.
    @Test(arguments: [CachePrecision.float16, .int8])
    func decodingAllocatesNothing(cache: CachePrecision) throws {
      let model = try Bench(try .language(), scheme: .preset(.int4)).model
      let session = try session(model, cache, threads: 1)
      try session.append([1, 2, 3])
      for _ in 0..<20 { try session.advance(5) }
      let before = martlet_allocations_of_thread()
      for _ in 0..<200 { try session.advance(5) }
      #expect(martlet_allocations_of_thread() - before == 0)
    }
  #endif
}
