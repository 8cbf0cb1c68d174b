import CAllocationCounter
import Foundation
import MartletBytes
import MartletModel
import MartletQuantization
import MartletRuntime
import MartletTestSupport
import Testing

@Suite struct SessionTests {
  private func session(_ capacity: Int, threads: Int = 2) throws -> LanguageSession {
    let bench = try Bench(try .language(), scheme: .preset(.int4))
    return try LanguageSession(
      model: bench.model, capacity: capacity, options: RunOptions(threads: threads),
      pool: ThreadPool(threads: threads))
  }

  @Test func faultsAreFoundBeforeTheCacheChanges() throws {
    let session = try session(32)
    #expect(throws: RuntimeError.contextLength(limit: 32, needed: 33)) {
      try session.append([Int](repeating: 1, count: 33))
    }
    #expect(throws: RuntimeError.tokenID(found: 70, vocabulary: 70)) {
      try session.append([1, 70])
    }
    #expect(throws: RuntimeError.imageCount(expectedRows: 2, foundRows: 0)) {
      try session.append([1, -1, -1])
    }
    #expect(throws: RuntimeError.imageCount(expectedRows: 0, foundRows: 1)) {
      try session.append([1, 2], imageRows: [Float](repeating: 0, count: 48))
    }
    #expect(session.position == 0)
    try session.append([1, 2, 3])
    #expect(session.position == 3)
    #expect(throws: RuntimeError.tokenID(found: -1, vocabulary: 70)) { try session.advance(-1) }
    for _ in 3..<32 { try session.advance(5) }
    #expect(throws: RuntimeError.contextLength(limit: 32, needed: 33)) { try session.advance(5) }
  }

  @Test func aResetSessionAnswersAsANewOne() throws {
    let session = try session(64)
    func answer() throws -> [Int] {
      try session.generate(
        GenerationRequest(
          ids: [4, 8, 15, 16, 23, 42], maximumTokens: 12, stopIDs: [],
          sampler: Sampler(temperature: 0, seed: 0)),
        imageRows: [], tokensPerImage: 0
      ) { _ in true }.ids
    }
    let first = try answer()
    session.reset()
    #expect(try answer() == first)
    #expect(first.count == 12)
  }

  @Test func stopIDsAndCallersEndGeneration() throws {
    let session = try session(64)
    func result(stop: [Int], limit: Int) throws -> GenerationResult {
      session.reset()
      var count = 0
      return try session.generate(
        GenerationRequest(
          ids: [4, 8, 15], maximumTokens: 20, stopIDs: stop,
          sampler: Sampler(temperature: 0, seed: 0)),
        imageRows: [], tokensPerImage: 0
      ) { _ in
        count += 1
        return count < limit
      }
    }
    let free = try result(stop: [], limit: 100)
    #expect(free.finishReason == .length && free.ids.count == 20)
    let stopped = try result(stop: [free.ids[3]], limit: 100)
    #expect(stopped.finishReason == .stop)
    #expect(stopped.ids == Array(free.ids.prefix { $0 != free.ids[3] }))
    #expect(try result(stop: [], limit: 2).finishReason == .cancelled)
  }

  @Test func seedsDecideWhatIsDrawn() throws {
    let session = try session(64)
    func drawn(seed: UInt64) throws -> [Int] {
      session.reset()
      return try session.generate(
        GenerationRequest(
          ids: [1, 2, 3], maximumTokens: 16, stopIDs: [],
          sampler: Sampler(temperature: 40, seed: seed)),
        imageRows: [], tokensPerImage: 0
      ) { _ in true }.ids
    }
    #expect(try drawn(seed: 1) == drawn(seed: 1))
    #expect(try drawn(seed: 1) != drawn(seed: 2))
  }

  /// Draws follow the softmax: three logits, 20,000 draws, bounds of five standard deviations.
  @Test func drawsFollowTheDistribution() {
    let logits: [Float] = [1, 0, -1, -.infinity]
    var sampler = Sampler(temperature: 1, seed: 3)
    var counts = [0, 0, 0, 0]
    for _ in 0..<20000 { counts[sampler.next(logits.span)] += 1 }
    let total = exp(1.0) + 1 + exp(-1.0)
    for (index, weight) in [exp(1.0), 1, exp(-1.0), 0].enumerated() {
      let share = weight / total
      let deviation = (share * (1 - share) / 20000).squareRoot()
      #expect(abs(Double(counts[index]) / 20000 - share) <= 5 * deviation)
    }
  }

  @Test func unknownInstructionSetsAreRefused() {
    let available = InstructionSet.available.map(\.name).joined(separator: ", ")
    #expect(throws: RuntimeError.instructionSet(requested: "mmx", available: available)) {
      try InstructionSet(named: "mmx")
    }
  }

  /// A token allocates nothing. The counter itself is checked first: an array is one allocation or more.
  @Test(.enabled(if: isOptimized, "closures live on the heap in debug builds"))
  func decodingAllocatesNothing() throws {
    let session = try session(512, threads: 1)
    var sampler = Sampler(temperature: 0, seed: 0)
    try session.append([1, 2, 3])
    for _ in 0..<20 { try session.advance(session.next(&sampler)) }
    let start = martlet_allocations_of_thread()
    let array = [UInt8](repeating: 1, count: 100_000 + session.position)
    #expect(array.count > 100_000)
    #expect(martlet_allocations_of_thread() > start)
    let before = martlet_allocations_of_thread()
    for _ in 0..<200 { try session.advance(session.next(&sampler)) }
    #expect(martlet_allocations_of_thread() - before == 0)
  }
}

/// Whether this is a release build.
private var isOptimized: Bool {
  #if DEBUG
    false
  #else
    true
  #endif
}
