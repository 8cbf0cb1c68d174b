import CMartletKernels
import MartletBytes

/// What this machine does at best with some threads: measured, not looked up.
package struct MachinePeaks: Equatable, Sendable {
  /// 8-bit multiply-adds a nanosecond, all threads together (the inner instructions of a product, on registers).
  package var int8: Double
  /// Float multiply-adds a nanosecond, likewise.
  package var float32: Double
  /// Bytes a nanosecond read in order from a block larger than the caches.
  package var memory: Double

  package init(int8: Double, float32: Double, memory: Double) {
    self.int8 = int8
    self.float32 = float32
    self.memory = memory
  }

  /// Nanoseconds that the arithmetic of a region takes at the peaks. Products with 4-bit weights are held against
  /// the 8-bit peak, which they can exceed where sums of small products need no widening.
  package func nanoseconds(_ work: RegionWork) -> Double {
    Double(work.int8 + work.int4) / int8 + Double(work.float32) / float32
  }

  /// Measures for about a third of a second.
  ///
  /// The fastest of several short turns counts: on a shared machine the others tell of its other users.
  /// - Throws: `outOfMemory`.
  package static func measured(
    _ instructionSet: InstructionSet, pool: ThreadPool
  ) throws(RuntimeError) -> MachinePeaks {
    let kernels = unsafe instructionSet.kernels
    let int8 = unsafe rate(pool) { unsafe kernels.pointee.probe_int8(&$0) }
    let float32 = unsafe rate(pool) { unsafe kernels.pointee.probe_f32(&$0) }
    return MachinePeaks(
      int8: int8, float32: float32, memory: try readRate(pool))
  }

  private static let turns = 8

  /// Multiply-adds a nanosecond of a probe on all threads at once.
  private static func rate(
    _ pool: ThreadPool, _ probe: (inout martlet_probe_params) -> Void
  ) -> Double {
    var best = 0.0
    var iterations = 1000
    var turn = 0
    while turn < turns {
      var counts = [UInt64](repeating: 0, count: pool.threads)
      let start = MonotonicClock.nanoseconds
      unsafe counts.withUnsafeMutableBufferPointer { counts in
        guard let base = counts.baseAddress else { return }
        pool.parallelFor(pool.threads, schedule: .fixed) { index, _ in
          // SAFETY: one count a thread.
          var params = unsafe martlet_probe_params(
            iterations: iterations, multiply_adds: base + index)
          unsafe probe(&params)
        }
      }
      let spent = MonotonicClock.nanoseconds - start
      // Turns of about 10 ms: long against the join, short against a time slice.
      if spent < 5_000_000 {
        iterations *= 2
        continue
      }
      let total = counts.reduce(0, +)
      best = max(best, Double(total) / Double(max(1, spent)))
      turn += 1
    }
    return best
  }

  private static func readRate(_ pool: ThreadPool) throws(RuntimeError) -> Double {
    let (parts, partBytes) = (96, 1 << 20)
    let memory = try AlignedMemory(byteCount: parts * partBytes, use: .whole)
    let sums = try AlignedMemory(byteCount: pool.threads * 64, use: .whole)
    var best = 0.0
    for turn in 0...turns {
      let start = MonotonicClock.nanoseconds
      pool.parallelFor(parts) { index, worker in
        let part = unsafe memory.floats(at: index * partBytes)
        // The first turn brings the pages in: without a write they would all be the same one.
        if turn == 0 { unsafe part.update(repeating: 1, count: partBytes / 4) }
        let sum = unsafe martlet_read_lines(part, partBytes)
        unsafe sums.floats(at: worker * 64).pointee += Float(sum & 1)
      }
      let spent = MonotonicClock.nanoseconds - start
      if turn > 0 { best = max(best, Double(parts * partBytes) / Double(max(1, spent))) }
    }
    return best
  }
}
