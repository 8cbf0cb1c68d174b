import CMartletKernels

/// RepMixer blocks of the encoder's three convolutional stages, [channels, width of the map at 1024²].
private let stages: [(Int, Int)] = [(96, 256), (192, 128), (384, 64)]

/// A block's work on 2048 pixels, composed in two ways: by tiles of pixels whose four times wider hidden rows never leave
/// the cache, as the runtime's regions do it, and step by step over the whole strip, as a list of layers would.
let blocks: [Entry] = stages.flatMap { (channels: Int, width: Int) -> [Entry] in
  let strip = 2048 / width
  let work = strip * width * channels * (3 * 3 + 7 * 7 + 2 * Block.expansion * channels)
  let shape = "\(channels) w\(width)"
  return Block.tiles.map { tile in
    Entry(name: "block", shape: "\(shape) tiles of \(tile)", work: work, limit: .int8) {
      let block = Block(channels: channels, width: width, strip: strip, tile: tile)
      let table = $0
      return { block.run(table) }
    }
  } + [
    Entry(name: "block", shape: "\(shape) step by step", work: work, limit: .int8) {
      let block = Block(channels: channels, width: width, strip: strip, tile: strip * width)
      let table = $0
      return { block.run(table) }
    }
  ]
}

/// Token mixer 3 × 3, then 7 × 7, product and GELU, product and residual over a strip of rows.
private struct Block {
  static let expansion = 4
  static let tiles = [24, 48, 96]
  /// Rows that the 7 × 7 kernel reads above and below.
  private static let border = 3

  let channels: Int
  let width: Int
  let strip: Int
  /// Pixels.
  let tile: Int

  private var hidden: Int { Self.expansion * channels }

  private let input: UnsafeMutablePointer<Float>
  private let mixed: UnsafeMutablePointer<Float>
  private let output: UnsafeMutablePointer<Float>
  private let mixerTaps: UnsafeMutablePointer<Float>
  private let taps: UnsafeMutablePointer<Float>
  private let narrow: UnsafeMutablePointer<Float>
  private let wide: UnsafeMutablePointer<Float>
  private let codes: UnsafeMutablePointer<UInt8>
  private let rowScales: UnsafeMutablePointer<Float>
  private let rowZeros: UnsafeMutablePointer<Int32>
  private let first: Weights
  private let second: Weights

  private struct Weights {
    let codes: UnsafeMutablePointer<Int8>
    let scales: UnsafeMutablePointer<Float>
    let offsets: UnsafeMutablePointer<Int32>
    let bias: UnsafeMutablePointer<Float>

    init(outputs: Int, inputs: Int) {
      codes = buffer(outputs * inputs) { Int8(truncatingIfNeeded: noise($0)) }
      scales = floats(outputs)
      offsets = buffer(outputs) { Int32(noise($0) & 255) }
      bias = floats(outputs)
    }
  }

  init(channels: Int, width: Int, strip: Int, tile: Int) {
    (self.channels, self.width, self.strip, self.tile) = (channels, width, strip, tile)
    let row = width * channels
    // One more row above and below for the 3 × 3 kernel that makes those the 7 × 7 kernel reads.
    input = floats((strip + 2 * Self.border + 2) * row)
    mixed = floats((strip + 2 * Self.border) * row)
    output = floats(strip * row)
    mixerTaps = floats(9 * channels)
    taps = floats(49 * channels)
    narrow = floats(tile * channels)
    wide = floats(tile * Self.expansion * channels)
    codes = buffer(tile * Self.expansion * channels) { _ in 0 }
    rowScales = floats(tile)
    rowZeros = buffer(tile) { _ in 0 }
    first = Weights(outputs: Self.expansion * channels, inputs: channels)
    second = Weights(outputs: channels, inputs: Self.expansion * channels)
  }

  func run(_ table: martlet_kernels) {
    for row in 0..<strip {
      depthwise(
        table, kernel: 3, from: input + (row + Self.border) * width * channels, weights: mixerTaps,
        first: 0, count: width, to: mixed + (row + Self.border) * width * channels)
    }
    var start = 0
    while start < strip * width {
      let count = min(tile, strip * width - start)
      feedForward(table, start, count)
      start += count
    }
  }

  /// Pixels `start ..< start + count` of the strip.
  private func feedForward(_ table: martlet_kernels, _ start: Int, _ count: Int) {
    var pixel = start
    while pixel < start + count {
      let row = pixel / width
      let column = pixel % width
      let span = min(width - column, start + count - pixel)
      depthwise(
        table, kernel: 7, from: mixed + row * width * channels, weights: taps, first: column,
        count: span, to: narrow + (pixel - start) * channels)
      pixel += span
    }
    product(
      table, count, from: narrow, channels, first, to: wide, hidden, MARTLET_ACTIVATION_GELU, nil)
    let middle = mixed + (Self.border * width + start) * channels
    product(
      table, count, from: wide, hidden, second, to: output + start * channels, channels,
      MARTLET_ACTIVATION_NONE, middle)
  }

  private func depthwise(
    _ table: martlet_kernels, kernel: Int, from top: UnsafeMutablePointer<Float>,
    weights: UnsafeMutablePointer<Float>, first: Int, count: Int,
    to destination: UnsafeMutablePointer<Float>
  ) {
    withUnsafeTemporaryAllocation(of: UnsafePointer<Float>?.self, capacity: kernel) { rows in
      for row in 0..<kernel { rows.initializeElement(at: row, to: top + row * width * channels) }
      guard let pointers = rows.baseAddress else { return }
      var params = martlet_depthwise_f32_params(
        kernel: kernel, stride: 1, channels: channels, multiplier: 1,
        rows: UnsafePointer(pointers), width: width, pixel_stride: channels,
        weights: weights, bias: nil, activation: MARTLET_ACTIVATION_NONE, first: first,
        count: count, destination: destination, destination_stride: channels)
      table.depthwise_f32(&params)
    }
  }

  /// Quantizes `count` rows of `source` and multiplies them.
  private func product(
    _ table: martlet_kernels, _ count: Int, from source: UnsafeMutablePointer<Float>, _ inputs: Int,
    _ weights: Weights, to destination: UnsafeMutablePointer<Float>, _ outputs: Int,
    _ activation: martlet_activation, _ residual: UnsafeMutablePointer<Float>?
  ) {
    var quantized = martlet_quantize_rows_params(
      m: count, k: inputs, source: source, source_stride: inputs, destination: codes,
      destination_stride: inputs, padded_k: inputs, row_scales: rowScales, row_zeros: rowZeros,
      fixed_scale: 1, fixed_zero: 0)
    table.quantize_rows_dynamic(&quantized)
    var params = martlet_gemm_u8s8_params(
      m: count, n: outputs, k: inputs, rows: codes, row_stride: inputs, row_scales: rowScales,
      row_zeros: rowZeros, codes: weights.codes, scales: weights.scales, offsets: weights.offsets,
      epilogue: martlet_epilogue(
        bias: weights.bias, activation: activation, residual: residual, residual_stride: channels),
      destination: destination, destination_stride: outputs)
    table.gemm_u8s8(&params)
  }
}
