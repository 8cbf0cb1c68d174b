// Pointers live here: workers writing disjoint rows of one array.

import Dispatch

/// Splits rows over a fixed number of workers. The split depends on the row count and `threads` alone, so results do too.
package struct Parallel: Sendable {
  package let threads: Int

  package init(threads: Int) { self.threads = max(1, threads) }

  /// Calls `body` on disjoint ranges that cover `0 ..< rows`, at most one a worker, each of at least `grain` rows.
  package func ranges(rows: Int, grain: Int = 1, _ body: @Sendable (Range<Int>) -> Void) {
    let workers = min(threads, max(1, rows / max(1, grain)))
    if workers <= 1 {
      if rows > 0 { body(0..<rows) }
      return
    }
    DispatchQueue.concurrentPerform(iterations: workers) { worker in
      body(rows * worker / workers..<rows * (worker + 1) / workers)
    }
  }

  /// Hands every worker the rows of `output` it has to write: the span starts at the range's first row.
  ///
  /// `grain` is the least number of rows worth a worker; by default some ten thousand numbers.
  /// It is a trap if `output` is not whole rows of `rowLength`.
  func write(
    _ output: inout [Float], rowLength: Int, grain: Int? = nil,
    _ body: @Sendable (_ rows: Range<Int>, _ span: inout MutableSpan<Float>) -> Void
  ) {
    precondition(rowLength > 0 && output.count % rowLength == 0)
    let rows = output.count / rowLength
    let grain = grain ?? max(1, 16384 / rowLength)
    // SAFETY: the ranges are disjoint and inside the array, which outlives the closure; `ranges` joins its workers.
    unsafe output.withUnsafeMutableBufferPointer { buffer in
      nonisolated(unsafe) let shared = unsafe buffer
      ranges(rows: rows, grain: grain) { range in
        let part = unsafe UnsafeMutableBufferPointer(
          rebasing: shared[range.lowerBound * rowLength..<range.upperBound * rowLength])
        var span = unsafe MutableSpan(_unsafeElements: part)
        body(range, &span)
      }
    }
  }
}
