import CMartletKernels
import MartletBytes
import MartletModel

/// Tile regions: a head, then steps on rows.
extension NetworkExecutor {
  func runTiles(_ region: TileRegion, _ bound: BoundRegion, _ request: Request) {
    let count = rowCount(of: unsafe bound.region.output, request)
    switch region.split {
    case .rows(let tile):
      pool.parallelFor((count + tile - 1) / tile) { index, worker in
        let first = index * tile
        unsafe runTile(
          region, bound, rows: first..<min(count, first + tile),
          scratch: scratch.block(ofThread: worker), worker: worker)
      }
    case .outputs: unsafe runByOutputs(region, bound, count)
    case .strips(let rows): unsafe runStrips(region, bound, rows)
    }
  }

  /// All steps on one tile, by one thread. Intermediate results alternate between two scratch tiles; the last
  /// step that cannot work in place writes to the region's output.
  private func runTile(
    _ region: TileRegion, _ bound: BoundRegion, rows range: Range<Int>, scratch: Scratch.Block,
    worker: Int
  ) {
    let output = unsafe rows(of: bound.region.output).from(range.lowerBound)
    var flow = unsafe StepFlow(
      steps: bound.steps, output: output, tiles: scratch.tiles)
    if case .none = unsafe bound.head {
      unsafe flow.current = rows(of: region.head.input).from(range.lowerBound)
    } else {
      let target = unsafe flow.target(after: -1, width: headWidth(bound.head))
      unsafe runHead(region, bound, range, to: target, scratch)
      unsafe flow.own(target)
    }
    unsafe runSteps(bound, rows: range, &flow, scratch)
  }

  /// The steps behind the head on one tile.
  func runSteps(
    _ bound: BoundRegion, rows range: Range<Int>, _ flow: inout StepFlow, _ scratch: Scratch.Block
  ) {
    for index in unsafe bound.steps.indices {
      let step = unsafe bound.steps[index]
      let target = unsafe flow.target(after: index, width: width(of: step))
      switch unsafe step {
      case .product(let product):
        unsafe quantize(product, flow.current, range.count, scratch, at: 0)
        unsafe multiply(
          product, flow.current, scratch, to: target, rows: range, scratchRow: 0,
          panels: 0..<product.panels)
      default:
        unsafe runRowStep(step, from: flow.current, to: target, rows: range)
      }
      unsafe flow.own(target)
    }
  }

  func headWidth(_ head: BoundHead) -> Int {
    switch unsafe head {
    case .none: 0
    case .depthwise(let op, _, _): op.outputChannels
    case .convolution(let op, _, _): op.outputChannels
    case .rolling(let rolling): unsafe rolling.op.depthwise.outputChannels
    }
  }

  /// Width of a step's result; 0 where it is that of its input.
  func width(of step: BoundStep) -> Int {
    switch unsafe step {
    case .product(let product): unsafe product.outputs
    case .gate(let width), .layerNorm(let width, _, _, _), .rmsNorm(let width, _, _),
      .normalize(_, _, let width):
      width
    case .activate, .add, .addScaled: 0
    }
  }

  /// The convolution at the head of a region, for output rows `range`, which may span rows of the map.
  func runHead(
    _ region: TileRegion, _ bound: BoundRegion, _ range: Range<Int>, to target: Rows,
    _ scratch: Scratch.Block
  ) {
    let width = schedule.extents.widths[unsafe bound.region.output.index]
    var pixel = range.lowerBound
    while pixel < range.upperBound {
      let (y, x) = (pixel / width, pixel % width)
      let count = min(width - x, range.upperBound - pixel)
      let span = unsafe MapSpan(
        input: region.head.input, y: y, x: x, count: count,
        destination: target.from(pixel - range.lowerBound), gelu: region.headGelu)
      switch unsafe bound.head {
      case .none: break
      case .depthwise(let op, let weights, let bias):
        unsafe runDepthwise(op, weights, bias, span)
      case .convolution(let op, let panels, let bias):
        unsafe runConvolution(op, panels, bias, span, scratch)
      case .rolling: preconditionFailure("a rolling head is run by `runStrips`")
      }
      pixel += count
    }
  }

  /// Steps that treat each row alone and are no product.
  func runRowStep(_ step: BoundStep, from source: Rows, to target: Rows, rows range: Range<Int>) {
    let m = range.count
    switch unsafe step {
    case .product: preconditionFailure("products are run by `multiply`")
    case .normalize(let scale, let offset, let width):
      var params = unsafe martlet_scale_columns_params(
        m: m, width: width, source: source.base, source_stride: source.stride,
        scale: scale.floats(at: 0), offset: offset.floats(at: 0), destination: target.base,
        destination_stride: target.stride)
      unsafe kernels.pointee.scale_columns(&params)
    case .layerNorm(let width, let eps, let weight, let bias):
      var params = unsafe martlet_norm_rows_params(
        m: m, k: width, eps: eps, source: source.base, source_stride: source.stride,
        weight: weight, bias: bias, destination: target.base, destination_stride: target.stride)
      unsafe kernels.pointee.layer_norm_rows(&params)
    case .rmsNorm(let width, let eps, let weight):
      var params = unsafe martlet_norm_rows_params(
        m: m, k: width, eps: eps, source: source.base, source_stride: source.stride,
        weight: weight, bias: nil, destination: target.base, destination_stride: target.stride)
      unsafe kernels.pointee.rms_norm_rows(&params)
    case .activate(let activation):
      var params = unsafe martlet_map_rows_params(
        m: m, width: target.stride, source: source.base, source_stride: source.stride,
        destination: target.base, destination_stride: target.stride)
      switch activation {
      case .gelu: unsafe kernels.pointee.gelu(&params)
      case .relu: unsafe kernels.pointee.relu(&params)
      }
    case .gate(let width):
      var params = unsafe martlet_map_rows_params(
        m: m, width: width, source: source.base, source_stride: source.stride,
        destination: target.base, destination_stride: target.stride)
      unsafe kernels.pointee.silu_gate(&params)
    case .add(let id):
      let other = unsafe rows(of: id).from(range.lowerBound)
      var params = unsafe martlet_add_params(
        m: m, width: target.stride, a: source.base, a_stride: source.stride, b: other.base,
        b_stride: other.stride, destination: target.base, destination_stride: target.stride)
      unsafe kernels.pointee.add(&params)
    case .addScaled(let id, let scale, let offset):
      let other = unsafe rows(of: id).from(range.lowerBound)
      var params = unsafe martlet_add_scaled_params(
        m: m, width: target.stride, a: source.base, a_stride: source.stride, b: other.base,
        b_stride: other.stride, scale: scale, offset: offset, destination: target.base,
        destination_stride: target.stride)
      unsafe kernels.pointee.add_scaled(&params)
    }
  }
}

/// Where the running value of a region is, and where the next step writes.
@unsafe
struct StepFlow {
  let steps: [BoundStep]
  let output: Rows
  let tiles: (UnsafeMutablePointer<Float>, UnsafeMutablePointer<Float>)
  /// The running value; replaced before it is first read.
  var current: Rows
  /// Whether `current` is ours to overwrite.
  private var isOwned = false

  init(
    steps: [BoundStep], output: Rows,
    tiles: (UnsafeMutablePointer<Float>, UnsafeMutablePointer<Float>)
  ) {
    unsafe self.steps = steps
    unsafe self.output = output
    unsafe self.tiles = tiles
    unsafe current = output
  }

  /// Where the result of step `index` goes (−1: of the head). `width` 0 means that of the running value.
  func target(after index: Int, width: Int) -> Rows {
    if unsafe index >= 0 && isOwned && steps[index].isInPlace { return unsafe current }
    var rest = index + 1
    while unsafe rest < steps.count && steps[rest].isInPlace { rest += 1 }
    if unsafe rest == steps.count { return unsafe output }
    let other = unsafe current.base == tiles.0 ? tiles.1 : tiles.0
    return unsafe Rows(base: other, stride: width > 0 ? width : current.stride)
  }

  /// The step is done: its result is the running value.
  mutating func own(_ target: Rows) {
    unsafe current = target
    unsafe isOwned = true
  }
}
