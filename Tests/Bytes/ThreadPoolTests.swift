import Foundation
import MartletBytes
import MartletTestSupport
import Synchronization
import Testing

@Suite(.serialized) struct ThreadPoolTests {
  @Test(arguments: [1, 2, 3, 8], [ThreadPool.Schedule.dynamic, .fixed])
  func everyIndexRunsOnce(threads: Int, schedule: ThreadPool.Schedule) throws {
    let pool = try ThreadPool(threads: threads)
    #expect(pool.threads == threads)
    for count in [0, 1, 2, 3, 7, 64, 1000] {
      let runs = Counters(count)
      let workers = Counters(threads)
      pool.parallelFor(count, schedule: schedule) { index, worker in
        runs.add(index)
        workers.add(worker)
      }
      #expect(runs.values == [Int](repeating: 1, count: count))
      #expect(workers.values.reduce(0, +) == count)
    }
  }

  @Test func thousandsOfRegionsGiveTheSameSum() throws {
    for threads in [2, 4] {
      let pool = try ThreadPool(threads: threads)
      let sum = Counters(1)
      for region in 0..<10_000 {
        // Fixed regions wait for their workers, which takes long where other programs run too.
        pool.parallelFor(1 + region % 9, schedule: region % 8 == 0 ? .fixed : .dynamic) { _, _ in
          sum.add(0)
        }
      }
      #expect(sum.values[0] == (0..<10_000).reduce(0) { $0 + 1 + $1 % 9 })
    }
  }

  @Test func regionsAfterAPauseWakeTheWorkers() throws {
    let pool = try ThreadPool(threads: 2)
    for _ in 0..<50 {
      usleep(200)
      // Only two threads at once can get past this.
      let arrived = Atomic<Int>(0)
      pool.parallelFor(2, schedule: .fixed) { _, _ in
        arrived.add(1, ordering: .sequentiallyConsistent)
        while arrived.load(ordering: .sequentiallyConsistent) < 2 { sched_yield() }
      }
    }
  }

  @Test func fixedScheduleGivesEachWorkerItsOwnIndices() throws {
    let pool = try ThreadPool(threads: 3)
    let owners = Counters(10)
    for _ in 0..<100 {
      pool.parallelFor(10, schedule: .fixed) { index, worker in owners.add(index, worker) }
    }
    #expect(owners.values == [0, 0, 0, 1, 1, 1, 2, 2, 2, 2].map { $0 * 100 })
  }

  @Test func noTwoRunningBodiesShareAWorker() throws {
    let pool = try ThreadPool(threads: 4)
    let inside = (0..<4).map { _ in Counters(1) }
    let clashes = Counters(1)
    for _ in 0..<2000 {
      pool.parallelFor(16) { _, worker in
        if inside[worker].add(0) != 0 { clashes.add(0) }
        inside[worker].add(0, -1)
      }
    }
    #expect(clashes.values == [0])
  }

  @Test func regionInsideARegionRunsOnItsWorker() throws {
    let pool = try ThreadPool(threads: 3)
    let other = try ThreadPool(threads: 2)
    let runs = Counters(12)
    let strangers = Counters(1)
    pool.parallelFor(4) { outer, worker in
      for inner in [pool, other] {
        inner.parallelFor(3) { index, innerWorker in
          runs.add(outer * 3 + index)
          if innerWorker != worker { strangers.add(0) }
        }
      }
    }
    #expect(runs.values == [Int](repeating: 2, count: 12))
    #expect(strangers.values == [0])
  }

  @Test func poolsComeAndGo() throws {
    for threads in 1...20 {
      let pool = try ThreadPool(threads: threads)
      if threads % 3 == 0 { continue }  // some without ever running
      pool.parallelFor(threads) { _, _ in }
    }
  }

  @Test func impossiblePoolsAreRefused() {
    for threads in [0, -1, 1_000_000] {
      #expect(
        bytesError { () throws(BytesError) in _ = try ThreadPool(threads: threads) }
          == .threads(requested: threads, code: EINVAL))
    }
  }

  @Test func poolUsedByTwoThreadsAtOnceIsATrap() async {
    await #expect(processExitsWith: .failure) {
      let pool = try ThreadPool(threads: 2)
      let started = Atomic<Bool>(false)
      let thread = Thread {
        while !started.load(ordering: .acquiring) {}
        pool.parallelFor(4) { _, _ in }
      }
      thread.start()
      pool.parallelFor(2) { _, _ in
        started.store(true, ordering: .releasing)
        sleep(20)
      }
    }
  }
}

/// Counters that several threads add to. A lock that the thread sanitizer knows, unlike `Mutex`.
final class Counters: @unchecked Sendable {
  private var counts: [Int]
  private let lock = NSLock()

  init(_ count: Int) { counts = [Int](repeating: 0, count: count) }

  /// Returns the value before.
  @discardableResult
  func add(_ index: Int, _ amount: Int = 1) -> Int {
    lock.withLock {
      counts[index] += amount
      return counts[index] - amount
    }
  }

  var values: [Int] { lock.withLock { counts } }
}
