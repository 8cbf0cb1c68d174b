import MartletModel

extension Operators {
  /// `x Wᵀ + b`, weight `[outputs, inputs]`.
  func linear(_ x: ReferenceTensor, weight: [Float], bias: [Float]?, outputs: Int)
    -> ReferenceTensor
  {
    var y = x.filled(channels: outputs)
    let inputs = x.channels
    let weights = MatrixView(weight, rows: outputs, columns: inputs)
    if x.rows == 1 {
      if let bias { y.data = bias }
      parallel.write(&y.data, rowLength: 1, grain: 64) { range, span in
        Matrices.multiply(weights, rows: range, vector: x.data, keep: true, into: &span)
      }
      return y
    }
    let rows = MatrixView(x.data, rows: x.rows, columns: inputs)
    parallel.write(&y.data, rowLength: outputs, grain: 8) { range, span in
      fillRows(of: outputs, with: bias, &span)
      Matrices.multiply(
        rows, rows: range, byTransposed: weights, keep: bias != nil, into: &span, stride: outputs)
    }
    return y
  }

  /// Dense k × k convolution, zero padding `k / 2`, weight `[outputs, inputs, k, k]`.
  ///
  /// Patches are laid out as rows `[ky, kx, inputs]`, a few image rows at a time so that memory stays small, and
  /// multiplied by the weights brought to the same order.
  func convolution(
    _ x: ReferenceTensor, weight: [Float], bias: [Float]?, outputs: Int, kernel: Int, stride: Int
  ) -> ReferenceTensor {
    let frame = Frame(x, kernel: kernel, stride: stride)
    let patch = kernel * kernel * x.channels
    var y = ReferenceTensor(
      height: frame.height, width: frame.width, channels: outputs,
      data: [Float](repeating: 0, count: frame.height * frame.width * outputs))
    let weights = MatrixView(
      taps(weight, outputs: outputs, inputs: x.channels, kernel: kernel), rows: outputs,
      columns: patch)
    let rowLength = frame.width * outputs
    parallel.write(&y.data, rowLength: rowLength, grain: 1) { range, span in
      for row in range {
        let start = (row - range.lowerBound) * rowLength
        var out = span.part(start..<start + rowLength)
        let patches = MatrixView(
          frame.patches(x, outputRow: row), rows: frame.width, columns: patch)
        fillRows(of: outputs, with: bias, &out)
        Matrices.multiply(
          patches, rows: 0..<frame.width, byTransposed: weights, keep: bias != nil, into: &out,
          stride: outputs)
      }
    }
    return y
  }

  /// `[outputs, inputs, k, k]` as `[outputs, k, k, inputs]`.
  private func taps(_ weight: [Float], outputs: Int, inputs: Int, kernel: Int) -> [Float] {
    let count = kernel * kernel
    var result = [Float](repeating: 0, count: weight.count)
    for o in 0..<outputs {
      for i in 0..<inputs {
        for tap in 0..<count {
          result[(o * count + tap) * inputs + i] = weight[(o * inputs + i) * count + tap]
        }
      }
    }
    return result
  }

  /// Every row of `channels` numbers becomes the bias; nothing happens without one.
  private func fillRows(of channels: Int, with bias: [Float]?, _ span: inout MutableSpan<Float>) {
    guard let bias else { return }
    var start = 0
    while start < span.count {
      span.replace(at: start, with: bias.span)
      start += channels
    }
  }
}

/// Where a k × k window with zero padding `k / 2` lands on a map.
struct Frame {
  let kernel: Int
  let stride: Int
  /// Of the result.
  let height: Int
  let width: Int

  init(_ x: ReferenceTensor, kernel: Int, stride: Int) {
    self.kernel = kernel
    self.stride = stride
    // (extent + 2 (k / 2) − k) / stride + 1 with odd k
    height = (x.height - 1) / stride + 1
    width = (x.width - 1) / stride + 1
  }

  /// The taps of a window side that fall inside the map, for the output at this position.
  func taps(at position: Int, extent: Int) -> Range<Int> {
    let first = position * stride - kernel / 2
    return max(0, -first)..<min(kernel, extent - first)
  }

  /// The input position under a tap.
  func position(_ output: Int, tap: Int) -> Int { output * stride - kernel / 2 + tap }

  /// The windows of one output row, `[width, k, k, channels]`; zeros outside the map.
  func patches(_ x: ReferenceTensor, outputRow: Int) -> [Float] {
    let channels = x.channels
    let patch = kernel * kernel * channels
    var result = [Float](repeating: 0, count: width * patch)
    var out = result.mutableSpan
    for column in 0..<width {
      let columns = taps(at: column, extent: x.width)
      for ky in taps(at: outputRow, extent: x.height) {
        let row = position(outputRow, tap: ky)
        let from = (row * x.width + position(column, tap: columns.lowerBound)) * channels
        out.replace(
          at: column * patch + (ky * kernel + columns.lowerBound) * channels,
          with: x.data.span.extracting(from..<from + columns.count * channels))
      }
    }
    return result
  }
}
