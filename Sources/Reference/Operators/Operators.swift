import MartletModel
import Synchronization

/// The formulas of all ops, whole tensor in, whole tensor out. Shapes are the caller's to check.
struct Operators: Sendable {
  let parallel: Parallel

  /// Calls `body` on every row of a tensor, rows split over the workers.
  func eachRow(
    _ x: inout ReferenceTensor, grain: Int? = nil,
    _ body: @Sendable (_ row: Int, _ numbers: inout MutableSpan<Float>) -> Void
  ) {
    let channels = x.channels
    parallel.write(&x.data, rowLength: channels, grain: grain) { rows, span in
      for row in rows {
        let start = (row - rows.lowerBound) * channels
        var numbers = span.part(start..<start + channels)
        body(row, &numbers)
      }
    }
  }

  // MARK: Pointwise

  /// `x · scale + offset` per channel.
  func affine(_ x: ReferenceTensor, scale: [Float], offset: [Float]) -> ReferenceTensor {
    var y = x
    eachRow(&y) { _, row in
      for c in 0..<scale.count { row[c] = row[c] * scale[c] + offset[c] }
    }
    return y
  }

  /// `gelu` = `0.5 x (1 + erf(x / √2))`, `relu` = `max(x, 0)`.
  func activated(_ x: consuming ReferenceTensor, _ activation: Activation) -> ReferenceTensor {
    var y = x
    parallel.write(&y.data, rowLength: 1) { _, span in
      switch activation {
      case .gelu: span.transform { 0.5 * $0 * onePlusErrorFunction($0 * 0.707_106_77) }
      case .relu: span.transform { $0 < 0 ? 0 : $0 }
      }
    }
    return y
  }

  /// `a + b`.
  func sum(_ a: consuming ReferenceTensor, _ b: ReferenceTensor) -> ReferenceTensor {
    var y = a
    eachRow(&y) { row, numbers in
      numbers.add(b.data.span.extracting(row * b.channels..<(row + 1) * b.channels))
    }
    return y
  }

  /// `a − b`.
  func difference(_ a: consuming ReferenceTensor, _ b: ReferenceTensor) -> ReferenceTensor {
    var y = a
    eachRow(&y) { row, numbers in
      let start = row * b.channels
      for c in 0..<numbers.count { numbers[c] -= b.data[start + c] }
    }
    return y
  }

  /// `x · gamma` per channel.
  func scaled(_ x: consuming ReferenceTensor, gamma: [Float]) -> ReferenceTensor {
    var y = x
    eachRow(&y) { _, row in
      for c in 0..<gamma.count { row[c] *= gamma[c] }
    }
    return y
  }

  /// `silu(gate) · up` with `silu(x) = x / (1 + exp(−x))`, the row being `[gate | up]`.
  func gated(_ x: ReferenceTensor, width: Int) -> ReferenceTensor {
    var y = x.filled(channels: width)
    eachRow(&y) { row, numbers in
      let start = row * 2 * width
      for c in 0..<width {
        let gate = x.data[start + c]
        numbers[c] = gate / (1 + exponential(-gate)) * x.data[start + width + c]
      }
    }
    return y
  }

  /// The last row.
  func lastRow(_ x: ReferenceTensor) -> ReferenceTensor {
    ReferenceTensor(rows: 1, channels: x.channels, data: Array(x.row(x.rows - 1)))
  }
}

// MARK: Checks

extension Operators {
  /// Index of the first number that is not finite.
  func firstNonFinite(_ x: ReferenceTensor) -> Int? {
    let found = Mutex<Int?>(nil)
    parallel.ranges(rows: x.rows, grain: max(1, 65536 / x.channels)) { rows in
      let range = rows.lowerBound * x.channels..<rows.upperBound * x.channels
      if let index = firstNonFiniteIndex(x.data.span, range) {
        found.withLock { $0 = min($0 ?? index, index) }
      }
    }
    return found.withLock { $0 }
  }

  /// Looks for the largest size in each block first: that is a loop without a way out, which vectors take.
  private func firstNonFiniteIndex(_ numbers: Span<Float>, _ range: Range<Int>) -> Int? {
    for start in stride(from: range.lowerBound, to: range.upperBound, by: 1024) {
      let block = numbers.extracting(start..<min(range.upperBound, start + 1024))
      var largest: UInt32 = 0
      for index in block.indices { largest = max(largest, block[index].bitPattern & 0x7FFF_FFFF) }
      guard largest >= Float.infinity.bitPattern else { continue }
      for index in block.indices where !block[index].isFinite { return start + index }
    }
    return nil
  }
}
