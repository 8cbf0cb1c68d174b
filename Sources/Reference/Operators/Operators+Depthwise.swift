import MartletModel

extension Operators {
  /// k × k convolution in which output `o` reads input `o / multiplier`; weight `[channels · multiplier, 1, k, k]`.
  ///
  ///     for every output pixel, m in 0 ..< multiplier, c in 0 ..< channels, every tap inside the map:
  ///       y[c · multiplier + m] += w[c · multiplier + m, tap] · x[pixel under tap, c]
  func depthwise(
    _ x: ReferenceTensor, weight: [Float], bias: [Float]?, multiplier: Int, kernel: Int, stride: Int
  ) -> ReferenceTensor {
    let frame = Frame(x, kernel: kernel, stride: stride)
    let channels = x.channels
    let outputs = channels * multiplier
    var y = ReferenceTensor(
      height: frame.height, width: frame.width, channels: outputs,
      data: [Float](repeating: 0, count: frame.height * frame.width * outputs))
    let planes = (0..<multiplier).map { m in
      DepthwisePlane(weight, bias, m: m, multiplier: multiplier, channels: channels, kernel: kernel)
    }
    parallel.write(&y.data, rowLength: frame.width * outputs, grain: 1) { rows, span in
      var sums = [Float](repeating: 0, count: channels)
      for row in rows {
        for column in 0..<frame.width {
          let start = ((row - rows.lowerBound) * frame.width + column) * outputs
          for (m, plane) in planes.enumerated() {
            var sum = sums.mutableSpan
            plane.window(x, frame, row: row, column: column, into: &sum)
            if multiplier == 1 {
              span.replace(at: start, with: sum.span)
            } else {
              for c in 0..<channels { span[start + c * multiplier + m] = sum[c] }
            }
          }
        }
      }
    }
    return y
  }
}

/// The kernels of the outputs `c · multiplier + m` for one `m`.
private struct DepthwisePlane {
  /// `[k, k, channels]`
  let taps: [Float]
  /// `[channels]`
  let bias: [Float]

  init(
    _ weight: [Float], _ bias: [Float]?, m: Int, multiplier: Int, channels: Int, kernel: Int
  ) {
    let count = kernel * kernel
    var taps = [Float](repeating: 0, count: count * channels)
    for c in 0..<channels {
      for tap in 0..<count {
        taps[tap * channels + c] = weight[(c * multiplier + m) * count + tap]
      }
    }
    self.taps = taps
    self.bias = (0..<channels).map { bias?[$0 * multiplier + m] ?? 0 }
  }

  func window(
    _ x: ReferenceTensor, _ frame: Frame, row: Int, column: Int, into sum: inout MutableSpan<Float>
  ) {
    let channels = x.channels
    sum.replace(at: 0, with: bias.span)
    for ky in frame.taps(at: row, extent: x.height) {
      for kx in frame.taps(at: column, extent: x.width) {
        let pixel = frame.position(row, tap: ky) * x.width + frame.position(column, tap: kx)
        let tap = ky * frame.kernel + kx
        sum.addProduct(
          taps.span.extracting(tap * channels..<(tap + 1) * channels),
          x.data.span.extracting(pixel * channels..<(pixel + 1) * channels))
      }
    }
  }
}
