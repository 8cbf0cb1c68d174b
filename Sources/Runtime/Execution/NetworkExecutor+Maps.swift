import CMartletKernels
import MartletBytes
import MartletModel

/// A span of one output row of a map.
@unsafe
struct MapSpan {
  var input: ValueID
  var y: Int
  var x: Int
  var count: Int
  var destination: Rows
  var gelu: Bool
}

/// Ops that look at neighbors, and the gate from the mean of all pixels.
extension NetworkExecutor {
  func runDepthwise(
    _ op: Depthwise, _ weights: UnsafePointer<Float>, _ bias: UnsafePointer<Float>?,
    _ span: MapSpan
  ) {
    unsafe withInputRows(of: span.input, kernel: op.kernel, center: span.y * op.stride) { rows in
      var params = unsafe martlet_depthwise_f32_params(
        kernel: op.kernel, stride: op.stride, channels: op.channels, multiplier: op.multiplier,
        rows: rows, width: schedule.extents.widths[span.input.index], pixel_stride: op.channels,
        weights: weights, bias: bias,
        activation: span.gelu ? MARTLET_ACTIVATION_GELU : MARTLET_ACTIVATION_NONE,
        first: span.x, count: span.count, destination: span.destination.base,
        destination_stride: span.destination.stride)
      unsafe kernels.pointee.depthwise_f32(&params)
    }
  }

  func runConvolution(
    _ op: Convolution, _ panels: UnsafePointer<Float>, _ bias: UnsafePointer<Float>?,
    _ span: MapSpan, _ scratch: Scratch.Block
  ) {
    let inputs = op.inputChannels * op.kernel * op.kernel
    unsafe withInputRows(of: span.input, kernel: op.kernel, center: span.y * op.stride) { rows in
      var done = 0
      while unsafe done < span.count {
        let count = unsafe min(ScratchSize.patchRows, span.count - done)
        var patches = unsafe martlet_gather_patches_f32_params(
          kernel: op.kernel, stride: op.stride, channels: op.inputChannels, rows: rows,
          width: schedule.extents.widths[span.input.index], pixel_stride: op.inputChannels,
          first: span.x + done, count: count, destination: scratch.patches,
          destination_stride: inputs)
        unsafe kernels.pointee.gather_patches_f32(&patches)
        let epilogue = unsafe martlet_epilogue(
          bias: bias,
          activation: span.gelu ? MARTLET_ACTIVATION_GELU : MARTLET_ACTIVATION_NONE,
          residual: nil, residual_stride: 0)
        var product = unsafe martlet_gemm_f32_params(
          m: count, n: op.outputChannels, k: inputs, rows: scratch.patches, row_stride: inputs,
          panels: panels, panel_stride: WeightEncoding.panel * inputs, epilogue: epilogue,
          destination: span.destination.from(done).base,
          destination_stride: span.destination.stride)
        unsafe kernels.pointee.gemm_f32(&product)
        done += count
      }
    }
  }

  /// Pointers to the input rows under a kernel centered on row `center`; null outside the map.
  private func withInputRows(
    of id: ValueID, kernel: Int, center: Int,
    _ body: (UnsafePointer<UnsafePointer<Float>?>) -> Void
  ) {
    let width = schedule.extents.widths[id.index]
    let height = schedule.extents.rows[id.index] / width
    let map = unsafe rows(of: id)
    unsafe withPointers(kernel) { pointers in
      for row in 0..<kernel {
        let y = center + row - kernel / 2
        let inside = y >= 0 && y < height
        // SAFETY: `y` is inside the map where the pointer is formed.
        unsafe pointers[row] =
          inside ? UnsafePointer(map.base + y * width * map.stride) : nil
      }
      unsafe body(UnsafePointer(pointers))
    }
  }

  /// Room for the pointers to a kernel's rows, on the stack.
  func withPointers(_ kernel: Int, _ body: (UnsafeMutablePointer<UnsafePointer<Float>?>) -> Void) {
    unsafe withUnsafeTemporaryAllocation(of: UnsafePointer<Float>?.self, capacity: kernel) {
      if let base = $0.baseAddress { unsafe body(base) }
    }
  }

  // MARK: Squeeze-excite

  func runSqueezeExcite(
    _ region: SqueezeExciteRegion, _ bound: BoundSqueezeExcite?, _ output: ValueID
  ) {
    guard let bound = unsafe bound else { return }
    let channels = region.op.channels
    let count = schedule.extents.rows[region.input.index]
    let input = unsafe rows(of: region.input)
    let block = unsafe scratch.gate
    unsafe meanOfColumns(input, count, channels, to: block.mean)
    unsafe runGate(bound, block)
    let target = unsafe rows(of: output)
    inChunks(count) { range, _ in
      let destination = unsafe target.from(range.lowerBound)
      var params = unsafe martlet_scale_columns_params(
        m: range.count, width: channels, source: input.from(range.lowerBound).base,
        source_stride: input.stride, scale: block.gate, offset: nil,
        destination: destination.base, destination_stride: destination.stride)
      unsafe kernels.pointee.scale_columns(&params)
      if region.gelu {
        var map = unsafe martlet_map_rows_params(
          m: range.count, width: channels, source: destination.base,
          source_stride: destination.stride, destination: destination.base,
          destination_stride: destination.stride)
        unsafe kernels.pointee.gelu(&map)
      }
    }
  }

  /// Column means; each channel is summed by one thread in row order, so threads do not change the result.
  private func meanOfColumns(
    _ input: Rows, _ count: Int, _ channels: Int, to mean: UnsafeMutablePointer<Float>
  ) {
    let step = 64
    let scale = 1 / Float(count)
    pool.parallelFor((channels + step - 1) / step) { index, _ in
      let first = index * step
      let width = min(step, channels - first)
      unsafe (mean + first).update(repeating: 0, count: width)
      var params = unsafe martlet_sum_columns_params(
        m: count, width: width, source: input.base + first, source_stride: input.stride,
        sums: mean + first)
      unsafe kernels.pointee.sum_columns(&params)
      for channel in first..<(first + width) { unsafe mean[channel] *= scale }
    }
  }

  private func runGate(_ bound: BoundSqueezeExcite, _ block: Scratch.Gate) {
    let op = unsafe bound.op
    unsafe multiplyVector(
      block.mean, bound.reduce, bound.reduceBias, op.channels, op.reducedChannels,
      MARTLET_ACTIVATION_RELU, to: block.reduced)
    unsafe multiplyVector(
      block.reduced, bound.expand, bound.expandBias, op.reducedChannels, op.channels,
      MARTLET_ACTIVATION_NONE, to: block.gate)
    var params = unsafe martlet_map_rows_params(
      m: 1, width: op.channels, source: block.gate, source_stride: op.channels,
      destination: block.gate, destination_stride: op.channels)
    unsafe kernels.pointee.sigmoid(&params)
  }

  private func multiplyVector(
    _ x: UnsafeMutablePointer<Float>, _ panels: UnsafePointer<Float>,
    _ bias: UnsafePointer<Float>?, _ k: Int, _ n: Int, _ activation: martlet_activation,
    to y: UnsafeMutablePointer<Float>
  ) {
    let epilogue = unsafe martlet_epilogue(
      bias: bias, activation: activation, residual: nil, residual_stride: 0)
    var params = unsafe martlet_gemm_f32_params(
      m: 1, n: n, k: k, rows: x, row_stride: k, panels: panels,
      panel_stride: WeightEncoding.panel * k, epilogue: epilogue, destination: y,
      destination_stride: n)
    unsafe kernels.pointee.gemm_f32(&params)
  }
}
