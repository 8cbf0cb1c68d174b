import CMartletKernels
import MartletBytes
import MartletModel

/// Regions whose head is two convolutions: the rows between them live in a ring, one strip of the map a thread.
extension NetworkExecutor {
  /// - Parameter stripRows: rows of the output's map in a strip.
  func runStrips(_ region: TileRegion, _ bound: BoundRegion, _ stripRows: Int) {
    guard case .rolling(let rolling) = unsafe bound.head else {
      preconditionFailure("strips are for rolling heads")
    }
    let output = unsafe bound.region.output
    let height = schedule.extents.rows[output.index] / schedule.extents.widths[output.index]
    pool.parallelFor((height + stripRows - 1) / stripRows) { index, worker in
      let first = index * stripRows
      unsafe runStrip(
        region, bound, rolling, mapRows: first..<min(height, first + stripRows),
        scratch.block(ofThread: worker))
    }
  }

  private func runStrip(
    _ region: TileRegion, _ bound: BoundRegion, _ rolling: BoundRolling, mapRows: Range<Int>,
    _ scratch: Scratch.Block
  ) {
    let op = unsafe rolling.op
    let (kernel, stride) = (op.depthwise.kernel, op.depthwise.stride)
    let mapWidth = schedule.extents.widths[op.map.index]
    let mapHeight = schedule.extents.rows[op.map.index] / mapWidth
    let width = schedule.extents.widths[unsafe bound.region.output.index]
    let output = unsafe rows(of: bound.region.output)
    // The first row of the map between that is not made yet.
    var next = max(0, mapRows.lowerBound * stride - kernel / 2)
    for y in mapRows {
      let last = min(mapHeight - 1, y * stride + kernel / 2)
      while next <= last {
        let row = unsafe ringRow(next, op, mapWidth, scratch)
        let span = unsafe MapSpan(
          input: region.head.input, y: next, x: 0, count: mapWidth, destination: row,
          gelu: op.gelu)
        unsafe runConvolution(
          op.convolution, rolling.panels, rolling.panelsBias, span, scratch)
        next += 1
      }
      let range = (y * width)..<((y + 1) * width)
      var flow = unsafe StepFlow(
        steps: bound.steps, output: output.from(range.lowerBound), tiles: scratch.tiles)
      let target = unsafe flow.target(after: -1, width: op.depthwise.outputChannels)
      unsafe withPointers(kernel) { pointers in
        for tap in 0..<kernel {
          let row = y * stride + tap - kernel / 2
          let inside = row >= 0 && row < mapHeight
          // SAFETY: the ring holds the last `kernel` rows made, of which `row` is one where it is inside.
          unsafe pointers[tap] =
            inside ? UnsafePointer(ringRow(row, op, mapWidth, scratch).base) : nil
        }
        var params = unsafe martlet_depthwise_f32_params(
          kernel: kernel, stride: stride, channels: op.depthwise.channels,
          multiplier: op.depthwise.multiplier, rows: UnsafePointer(pointers), width: mapWidth,
          pixel_stride: op.depthwise.channels, weights: rolling.taps, bias: rolling.tapsBias,
          activation: region.headGelu ? MARTLET_ACTIVATION_GELU : MARTLET_ACTIVATION_NONE,
          first: 0, count: width, destination: target.base, destination_stride: target.stride)
        unsafe kernels.pointee.depthwise_f32(&params)
      }
      unsafe flow.own(target)
      unsafe runSteps(bound, rows: range, &flow, scratch)
    }
  }

  /// Where a row of the map between lies: rows that are a kernel apart share a place.
  private func ringRow(
    _ row: Int, _ op: TileRegion.Rolling, _ mapWidth: Int, _ scratch: Scratch.Block
  ) -> Rows {
    let channels = op.convolution.outputChannels
    let place = row % op.depthwise.kernel * mapWidth * channels
    return unsafe Rows(base: scratch.ring + place, stride: channels)
  }
}
