import CMartletPlatform
import Glibc
import MartletTestSupport
import Testing

@Suite(.serialized) struct PoolTests {
  /// The pool as C sees it: bodies are functions, and the context is handed through.
  @Test(arguments: [MARTLET_POOL_DYNAMIC, MARTLET_POOL_STATIC])
  func runsCFunctionsOnceForEachIndex(schedule: martlet_pool_schedule) throws {
    var pool: OpaquePointer?
    #expect(martlet_pool_create(3, &pool) == 0)
    let made = try #require(pool)
    #expect(martlet_pool_threads(made) == 3)
    var runs = [UInt8](repeating: 0, count: 100)
    for _ in 0..<50 {
      let ran = runs.withUnsafeMutableBytes { buffer in
        martlet_pool_run(
          made, 100, schedule,
          { context, index, _ in context?.assumingMemoryBound(to: UInt8.self)[index] += 1 },
          buffer.baseAddress)
      }
      #expect(ran)
    }
    #expect(runs == [UInt8](repeating: 50, count: 100))
    martlet_pool_destroy(made)
  }

  @Test func impossibleThreadCountsAreRefused() {
    var pool: OpaquePointer?
    #expect(martlet_pool_create(0, &pool) == EINVAL)
    #expect(martlet_pool_create(5000, &pool) == EINVAL)
    #expect(pool == nil)
  }

  @Test func moreIndicesThanTheCounterHoldsAreRefused() throws {
    var pool: OpaquePointer?
    #expect(martlet_pool_create(2, &pool) == 0)
    let made = try #require(pool)
    let ran = martlet_pool_run(made, 1 << 32, MARTLET_POOL_DYNAMIC, { _, _, _ in }, nil)
    #expect(!ran)
    martlet_pool_destroy(made)
  }

  /// Threads that cannot be made end the ones that were.
  @Test func threadsTheSystemRefusesAreReported() async {
    await #expect(processExitsWith: .success) {
      // Four thousand stacks of 8 MiB do not fit this address space.
      var limit = rlimit(rlim_cur: 8 << 30, rlim_max: 8 << 30)
      precondition(setrlimit(__rlimit_resource_t(9), &limit) == 0)  // RLIMIT_AS
      var pool: OpaquePointer?
      precondition(martlet_pool_create(4000, &pool) == EAGAIN)
      precondition(pool == nil)
    }
  }
}

@Suite struct MappingTests {
  @Test func discardRefusesNothingAndKeepsNeighbors() throws {
    let directory = try TemporaryDirectory()
    var generator = SeededGenerator(seed: 31)
    let bytes = generator.bytes(3 * 4096 + 100)
    let path = try directory.write(bytes, to: "a")
    var mapping = martlet_mapping()
    #expect(martlet_map_file(path, &mapping) == 0)
    for (offset, count) in [
      (0, bytes.count), (1, 4096), (5000, 5000), (bytes.count, 0), (0, 1 << 40), (1 << 40, 1),
    ] {
      #expect(martlet_mapping_discard(mapping, offset, count) == 0)
      #expect(martlet_mapping_prefetch(mapping, offset, count) == 0)
      #expect(Array(UnsafeRawBufferPointer(start: mapping.bytes, count: mapping.count)) == bytes)
    }
    martlet_unmap(mapping)
  }

  /// Pages that the system had let go of are there again, though nothing touched them.
  @Test func whatIsReadAheadIsThere() throws {
    let directory = try TemporaryDirectory()
    let count = 9 << 20
    let path = try directory.write([UInt8](repeating: 7, count: count), to: "a")
    let descriptor = open(path, O_RDONLY)
    defer { close(descriptor) }
    #expect(fsync(descriptor) == 0)
    #expect(posix_fadvise(descriptor, 0, 0, POSIX_FADV_DONTNEED) == 0)
    var mapping = martlet_mapping()
    #expect(martlet_map_file(path, &mapping) == 0)
    var reading: OpaquePointer?
    for (offset, count) in [(count + 1, 0), (0, count + 1), (1, Int.max)] {
      #expect(martlet_reading_start(mapping, offset, count, &reading) == EINVAL)
      #expect(reading == nil)
    }
    #expect(martlet_reading_start(mapping, 1, count - 1, &reading) == 0)
    var resident = [UInt8](repeating: 0, count: count / martlet_page_bytes())
    for _ in 0..<1000 {
      #expect(mincore(UnsafeMutableRawPointer(mutating: mapping.bytes), count, &resident) == 0)
      if resident.allSatisfy({ $0 & 1 == 1 }) { break }
      usleep(10_000)
    }
    #expect(resident.allSatisfy { $0 & 1 == 1 })
    if let reading { martlet_reading_stop(reading) }
    martlet_unmap(mapping)
  }

  /// Stopping waits for a part at most, and an empty range is nothing.
  @Test func readingAheadStopsAtAnyTime() throws {
    let directory = try TemporaryDirectory()
    let path = try directory.write([UInt8](repeating: 7, count: 40 << 20), to: "a")
    var mapping = martlet_mapping()
    #expect(martlet_map_file(path, &mapping) == 0)
    for count in [0, 1, mapping.count] {
      for _ in 0..<20 {
        var reading: OpaquePointer?
        #expect(martlet_reading_start(mapping, 0, count, &reading) == 0)
        if let reading { martlet_reading_stop(reading) }
      }
    }
    martlet_unmap(mapping)
  }

  @Test func pipesDoNotBlock() throws {
    let directory = try TemporaryDirectory()
    #expect(mkfifo(directory.path("pipe"), 0o600) == 0)
    var mapping = martlet_mapping()
    #expect(martlet_map_file(directory.path("pipe"), &mapping) == MARTLET_NOT_A_FILE)
  }
}

@Suite struct NumberTests {
  @Test func onlyWholeNumbersAreParsed() {
    var value = 0.0
    #expect(martlet_parse_double("2.5x", 3, &value) && value == 2.5)
    #expect(!martlet_parse_double("2.5x", 4, &value))
    #expect(!martlet_parse_double("", 0, &value))
    #expect(!martlet_parse_double(String(repeating: "1", count: 2000), 2000, &value))
  }

  @Test func theClockGoesOn() {
    let before = martlet_clock_nanoseconds()
    usleep(2000)
    #expect(martlet_clock_nanoseconds() - before >= 2_000_000)
  }
}
