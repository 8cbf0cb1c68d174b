import CMartletKernels
import MartletBytes
import MartletModel

/// Matrix products: rows to 8 bits, then tiles of rows × panels of outputs.
extension NetworkExecutor {
  /// Brings `count` rows to 8 bits in `scratch`, from its row `at` on; nothing for a product in float.
  func quantize(
    _ product: BoundProduct, _ source: Rows, _ count: Int, _ scratch: Scratch.Block, at row: Int
  ) {
    var params = unsafe martlet_quantize_rows_params(
      m: count, k: product.inputs, source: source.base, source_stride: source.stride,
      destination: scratch.codes + row * product.paddedInputs,
      destination_stride: product.paddedInputs, padded_k: product.paddedInputs,
      row_scales: scratch.scales + row, row_zeros: scratch.zeros + row, fixed_scale: 1,
      fixed_zero: 0)
    switch unsafe product.activation {
    case .float32: return
    case .dynamic: unsafe kernels.pointee.quantize_rows_dynamic(&params)
    case .fixed(let scale, let zeroPoint):
      unsafe params.fixed_scale = scale
      unsafe params.fixed_zero = Int32(truncatingIfNeeded: zeroPoint)
      unsafe kernels.pointee.quantize_rows_fixed(&params)
    }
  }

  /// The product of `range.count` rows with some panels.
  ///
  /// - Parameters:
  ///   - source: the float rows, for a product in float.
  ///   - target: where row `range.lowerBound` of the whole result starts.
  ///   - range: rows of the region, to find the residual's.
  ///   - scratchRow: where the quantized rows start in `scratch`.
  func multiply(
    _ product: BoundProduct, _ source: Rows, _ scratch: Scratch.Block, to target: Rows,
    rows range: Range<Int>, scratchRow: Int, panels: Range<Int>
  ) {
    let first = panels.lowerBound * WeightEncoding.panel
    let n = unsafe min(product.outputs, panels.upperBound * WeightEncoding.panel) - first
    var epilogue = unsafe martlet_epilogue(
      bias: product.bias.map { unsafe $0 + first },
      activation: product.gelu ? MARTLET_ACTIVATION_GELU : MARTLET_ACTIVATION_NONE,
      residual: nil, residual_stride: 0)
    if let id = unsafe product.residual {
      let residual = unsafe rows(of: id).from(range.lowerBound)
      unsafe epilogue.residual = unsafe UnsafePointer(residual.base + first)
      unsafe epilogue.residual_stride = residual.stride
    }
    let destination = unsafe target.base + first
    switch unsafe product.weights.encoding {
    case .int8Panels:
      unsafe multiplyInt8(
        product, scratch, scratchRow, range.count, n, panels.lowerBound, epilogue, destination,
        target.stride)
    case .int4Panels:
      unsafe multiplyInt4(
        product, scratch, scratchRow, range.count, n, panels.lowerBound, epilogue, destination,
        target.stride)
    case .float32Panels:
      let panelStride = unsafe WeightEncoding.panel * product.inputs
      var params = unsafe martlet_gemm_f32_params(
        m: range.count, n: n, k: product.inputs, rows: source.base, row_stride: source.stride,
        panels: product.weights.codes.assumingMemoryBound(to: Float.self)
          + panels.lowerBound * panelStride,
        panel_stride: panelStride, epilogue: epilogue, destination: destination,
        destination_stride: target.stride)
      unsafe kernels.pointee.gemm_f32(&params)
    case .float32, .float32Taps, .float32Patches:
      preconditionFailure("`BoundRegion` admits no such encoding for a product")
    }
  }

  private func multiplyInt8(
    _ product: BoundProduct, _ scratch: Scratch.Block, _ row: Int, _ m: Int, _ n: Int,
    _ panel: Int, _ epilogue: martlet_epilogue, _ destination: UnsafeMutablePointer<Float>,
    _ stride: Int
  ) {
    guard let scales = unsafe product.weights.scales, let offsets = unsafe product.weights.offsets
    else { preconditionFailure("int8 panels without scales") }
    let blocks = unsafe (product.inputs + 3) / 4
    var params = unsafe martlet_gemm_u8s8_params(
      m: m, n: n, k: product.inputs, rows: scratch.codes + row * product.paddedInputs,
      row_stride: product.paddedInputs, row_scales: scratch.scales + row,
      row_zeros: scratch.zeros + row,
      codes: product.weights.codes.assumingMemoryBound(to: Int8.self) + panel * blocks * 64,
      scales: scales.assumingMemoryBound(to: Float.self) + panel * WeightEncoding.panel,
      offsets: offsets.assumingMemoryBound(to: Int32.self) + panel * WeightEncoding.panel,
      epilogue: epilogue, destination: destination, destination_stride: stride)
    unsafe kernels.pointee.gemm_u8s8(&params)
  }

  private func multiplyInt4(
    _ product: BoundProduct, _ scratch: Scratch.Block, _ row: Int, _ m: Int, _ n: Int,
    _ panel: Int, _ epilogue: martlet_epilogue, _ destination: UnsafeMutablePointer<Float>,
    _ stride: Int
  ) {
    guard let scales = unsafe product.weights.scales, let offsets = unsafe product.weights.offsets
    else { preconditionFailure("int4 panels without scales") }
    let groups = unsafe product.paddedInputs / WeightEncoding.group
    var params = unsafe martlet_gemm_u8s4_params(
      m: m, n: n, k: product.inputs, rows: scratch.codes + row * product.paddedInputs,
      row_stride: product.paddedInputs, row_scales: scratch.scales + row,
      row_zeros: scratch.zeros + row,
      codes: product.weights.codes.assumingMemoryBound(to: UInt8.self) + panel * groups * 256,
      scales: scales.assumingMemoryBound(to: UInt16.self) + panel * groups * WeightEncoding.panel,
      offsets: offsets.assumingMemoryBound(to: Float.self) + panel * WeightEncoding.panel,
      epilogue: epilogue, destination: destination, destination_stride: stride)
    unsafe kernels.pointee.gemm_u8s4(&params)
  }

  // MARK: Split by outputs

  /// Rows of a chunk where a step is divided by rows.
  private static var chunk: Int { 48 }
  /// Rows that pass a divided product's panels together: as many as the kernels bring into the cache at once, so that they
  /// widen or unpack a panel as seldom as can be.
  private static var productRows: Int { 96 }

  /// Step by step over all rows; products divided by output channels.
  func runByOutputs(_ region: TileRegion, _ bound: BoundRegion, _ count: Int) {
    guard let shared = unsafe bound.shared else {
      preconditionFailure("a region split by outputs has shared scratch")
    }
    let output = unsafe rows(of: bound.region.output)
    var flow = unsafe StepFlow(steps: bound.steps, output: output, tiles: shared.tiles)
    if case .none = unsafe bound.head {
      unsafe flow.current = rows(of: region.head.input)
    } else {
      let target = unsafe flow.target(after: -1, width: headWidth(bound.head))
      inChunks(count) { range, worker in
        unsafe runHead(
          region, bound, range, to: target.from(range.lowerBound),
          scratch.block(ofThread: worker))
      }
      unsafe flow.own(target)
    }
    for index in unsafe bound.steps.indices {
      let step = unsafe bound.steps[index]
      let target = unsafe flow.target(after: index, width: width(of: step))
      let source = unsafe flow.current
      if case .product(let product) = unsafe step {
        unsafe runProductByOutputs(product, source, target, count, shared)
      } else {
        inChunks(count) { range, _ in
          unsafe runRowStep(
            step, from: source.from(range.lowerBound), to: target.from(range.lowerBound),
            rows: range)
        }
      }
      unsafe flow.own(target)
    }
  }

  private func runProductByOutputs(
    _ product: BoundProduct, _ source: Rows, _ target: Rows, _ count: Int, _ shared: Scratch.Block
  ) {
    inChunks(count) { range, _ in
      unsafe quantize(
        product, source.from(range.lowerBound), range.count, shared, at: range.lowerBound)
    }
    // A chunk of panels stays in the private cache while all rows pass it; several chunks a thread even out. Kernels bring rows
    // into registers or buffers once for several panels, so that chunks are whole numbers of these.
    let panels = unsafe product.panels
    let wanted = max(1, panels / (4 * pool.threads))
    let isInt4 = unsafe product.weights.encoding == .int4Panels
    let together = isInt4 ? 8 : 3
    let bytesPerPanel = unsafe WeightEncoding.panel * product.inputs / (isInt4 ? 2 : 1)
    let fitting = max(1, (128 << 10) / bytesPerPanel)
    let step =
      count == 1
      ? max(1, (panels + 2 * pool.threads - 1) / (2 * pool.threads))
      : max(1, min(wanted, fitting) / together) * together
    pool.parallelFor((panels + step - 1) / step) { index, _ in
      let range = (index * step)..<min(panels, (index + 1) * step)
      var row = 0
      while row < count {
        let end = min(count, row + Self.productRows)
        unsafe multiply(
          product, source.from(row), shared, to: target.from(row), rows: row..<end,
          scratchRow: row, panels: range)
        row = end
      }
    }
  }

  /// Divides rows among threads in chunks; a single chunk runs in place.
  func inChunks(_ count: Int, _ body: (Range<Int>, Int) -> Void) {
    if count <= Self.chunk {
      body(0..<count, 0)
      return
    }
    pool.parallelFor((count + Self.chunk - 1) / Self.chunk) { index, worker in
      let first = index * Self.chunk
      body(first..<min(count, first + Self.chunk), worker)
    }
  }
}
