import Glibc
import MartletModel

extension Operators {
  /// Rotary embedding of the query and key heads of packed rows; row `r` has position `past + r`.
  ///
  /// `a' = [a1 cos − a2 sin, a2 cos + a1 sin]` for the halves `a1`, `a2` of a head. Angles are formed in single
  /// precision, as transformers does (modeling_qwen2.py, `Qwen2RotaryEmbedding`): far positions would differ otherwise.
  func rotated(_ x: consuming ReferenceTensor, _ op: Rotation, past: Int) -> ReferenceTensor {
    let size = op.layout.headSize
    let half = size / 2
    let frequencies = (0..<half).map { i in
      1 / Float(pow(Double(op.theta), Double(Float(2 * i) / Float(size))))
    }
    var y = x
    eachRow(&y) { index, row in
      let angles = frequencies.map { Double(Float(past + index) * $0) }
      let cosines = angles.map { Float(cos($0)) }
      let sines = angles.map { Float(sin($0)) }
      for head in 0..<op.layout.heads + op.layout.keyValueHeads {
        for i in 0..<half {
          let first = row[head * size + i]
          let second = row[head * size + half + i]
          row[head * size + i] = first * cosines[i] - second * sines[i]
          row[head * size + half + i] = second * cosines[i] + first * sines[i]
        }
      }
    }
    return y
  }

  /// `softmax(scale · q kᵀ) v` per head over packed rows `[q | k | v]`.
  ///
  /// `known` holds the keys and values of all rows up to the last row of `x`; row `r` of `x` is row `past + r` of it.
  func attention(_ x: ReferenceTensor, _ op: Attention, known: KeyValueRows, past: Int)
    -> ReferenceTensor
  {
    let layout = op.layout
    var y = x.filled(channels: layout.outputWidth)
    // Queries are taken in blocks, so that scores need memory for a block and not for all pairs.
    parallel.write(&y.data, rowLength: layout.outputWidth, grain: 1) { range, span in
      var first = range.lowerBound
      while first < range.upperBound {
        let block = first..<min(first + 64, range.upperBound)
        for head in 0..<layout.heads {
          attend(
            x, op, known, past: past, head: head, rows: block,
            firstOutput: block.lowerBound - range.lowerBound, into: &span)
        }
        first = block.upperBound
      }
    }
    return y
  }

  /// The keys of packed rows, or their values, as `[rows, keyValueHeads · headSize]`.
  func unpacked(_ x: ReferenceTensor, _ layout: HeadLayout) -> KeyValueRows {
    let width = layout.keyValueHeads * layout.headSize
    var result = KeyValueRows(width: width)
    result.keys.reserveCapacity(x.rows * width)
    result.values.reserveCapacity(x.rows * width)
    for row in 0..<x.rows {
      let keys = row * x.channels + layout.outputWidth
      result.keys += x.data[keys..<keys + width]
      result.values += x.data[keys + width..<keys + 2 * width]
    }
    return result
  }

  private func attend(
    _ x: ReferenceTensor, _ op: Attention, _ known: KeyValueRows, past: Int, head: Int,
    rows: Range<Int>, firstOutput: Int, into out: inout MutableSpan<Float>
  ) {
    let size = op.layout.headSize
    let group = head / (op.layout.heads / op.layout.keyValueHeads)
    let queries = MatrixView(
      x.data, offset: head * size, rows: x.rows, columns: size, stride: x.channels)
    let keys = MatrixView(
      known.keys, offset: group * size, rows: known.count, columns: size, stride: known.width)
    let values = MatrixView(
      known.values, offset: group * size, rows: known.count, columns: size, stride: known.width)
    var weights = [Float](repeating: 0, count: rows.count * known.count)
    var scores = weights.mutableSpan
    Matrices.multiply(
      queries, rows: rows, byTransposed: keys, scale: op.scale, into: &scores, stride: known.count)
    for row in rows {
      let start = (row - rows.lowerBound) * known.count
      var line = scores.part(start..<start + known.count)
      switch op.mask {
      case .none: softmax(&line, visible: known.count)
      case .causal: softmax(&line, visible: past + row + 1)
      }
    }
    let probabilities = MatrixView(weights, rows: rows.count, columns: known.count)
    Matrices.multiply(
      probabilities, rows: 0..<rows.count, by: values, into: &out,
      offset: firstOutput * op.layout.outputWidth + head * size, stride: op.layout.outputWidth)
  }

  /// `exp(s − max) / Σ exp(s − max)` over the first `visible` numbers; zero beyond.
  private func softmax(_ scores: inout MutableSpan<Float>, visible: Int) {
    let sum = scores.exponentiate(visible, shift: scores.largest(visible))
    let factor = Float(1 / sum)
    scores.transform { $0 * factor }
  }
}
