import CMartletKernels
import MartletKernelTrials
import MartletTestSupport
import Testing

/// The scalar kernels say what the layouts and formulas say. Every other table follows by equality.
@Suite struct DefinitionTests {
  let kernels = TableUnderTest.scalar.pointee

  /// Row-major integer weights and activations with their exact product.
  private struct Product {
    let m = 3
    let n = 21
    let k = 70
    var activations: [[Int]] = []
    var weights: [[Int]] = []

    init(codes: ClosedRange<Int>) {
      var generator = SeededGenerator(seed: 77)
      activations = (0..<m).map { _ in (0..<k).map { _ in generator.int(in: 0...255) } }
      weights = (0..<n).map { _ in (0..<k).map { _ in generator.int(in: codes) } }
    }

    /// The sum over some inputs of (activation − zero) · weight.
    func sum(_ row: Int, _ output: Int, zero: Int, over inputs: Range<Int>) -> Int {
      inputs.reduce(0) { $0 + (activations[row][$1] - zero) * weights[output][$1] }
    }
  }

  @Test func panelsOf8BitCodesMultiplyAsTheMatrix() {
    let product = Product(codes: -128...127)
    let depth = 72
    let rows = Matrix<UInt8>(3, depth) { UInt8($1 < 70 ? product.activations[$0][$1] : 0) }
    // [n / 16][k / 4][16][4]
    let codes = Matrix<Int8>(1, 32 * depth) { _, index in
      let output = index / (16 * depth) * 16 + index / 4 % 16
      let input = index % (16 * depth) / 64 * 4 + index % 4
      return output < 21 && input < 70 ? Int8(product.weights[output][input]) : 0
    }
    let ones = Matrix<Float>(1, 32) { _, _ in 1 }
    let zeros = Matrix<Int32>(1, 3) { _, row in [0, 200, 255][row] }
    let offsets = Matrix<Int32>(1, 32) { _, output in
      output < 21 ? Int32(product.weights[output].reduce(0, +)) : 0
    }
    let result = Matrix<Float>(3, 21)
    var params = martlet_gemm_u8s8_params(
      m: 3, n: 21, k: 70, rows: rows.readPointer, row_stride: rows.stride,
      row_scales: ones.readPointer, row_zeros: zeros.readPointer, codes: codes.readPointer,
      scales: ones.readPointer, offsets: offsets.readPointer, epilogue: plain,
      destination: result.pointer, destination_stride: result.stride)
    kernels.gemm_u8s8(&params)
    withExtendedLifetime((rows, codes, ones, offsets)) {
      for row in 0..<3 {
        for output in 0..<21 {
          let exact = product.sum(row, output, zero: Int(zeros[0, row]), over: 0..<70)
          #expect(result[row, output] == Float(exact))
        }
      }
    }
  }

  @Test func panelsOf4BitCodesMultiplyAsTheMatrix() {
    let product = Product(codes: -8...7)
    let depth = 96
    let rows = Matrix<UInt8>(3, depth) { UInt8($1 < 70 ? product.activations[$0][$1] : 0) }
    func code(_ output: Int, _ input: Int) -> Int {
      output < 21 && input < 70 ? product.weights[output][input] : 0
    }
    // [n / 16][k / 32][4][16][4], low nibble input 4j + i, high nibble 16 inputs further.
    let codes = Matrix<UInt8>(1, 32 * depth / 2) { _, index in
      let output = index / (8 * depth) * 16 + index / 4 % 16
      let group = index % (8 * depth) / 256
      let low = group * 32 + index % 256 / 64 * 4 + index % 4
      return UInt8(code(output, low) + 8) | UInt8(code(output, low + 16) + 8) << 4
    }
    // Powers of two, so that every step is exact: group g has scale 2⁻ᵍ.
    let scales = Matrix<UInt16>(1, 96) { _, index in UInt16(15 - index / 16 % 3) << 10 }
    let rowScales = Matrix<Float>(1, 3) { _, _ in 0.5 }
    let zeros = Matrix<Int32>(1, 3) { _, row in [0, 200, 255][row] }
    func value(_ row: Int?, _ output: Int) -> Float {
      (0..<3).reduce(0) { total, group in
        let inputs = group * 32..<min(70, group * 32 + 32)
        let sum =
          row.map { product.sum($0, output, zero: 0, over: inputs) }
          ?? inputs.reduce(0) { $0 + product.weights[output][$1] }
        return total + Float(sum) / Float(1 << group)
      }
    }
    let offsets = Matrix<Float>(1, 32) { _, output in output < 21 ? value(nil, output) : 0 }
    let result = Matrix<Float>(3, 21)
    var params = martlet_gemm_u8s4_params(
      m: 3, n: 21, k: 70, rows: rows.readPointer, row_stride: rows.stride,
      row_scales: rowScales.readPointer, row_zeros: zeros.readPointer, codes: codes.readPointer,
      scales: scales.readPointer, offsets: offsets.readPointer, epilogue: plain,
      destination: result.pointer, destination_stride: result.stride)
    kernels.gemm_u8s4(&params)
    withExtendedLifetime((rows, codes, scales, rowScales)) {
      for row in 0..<3 {
        for output in 0..<21 {
          let exact = value(row, output) - Float(zeros[0, row]) * offsets[0, output]
          #expect(result[row, output] == 0.5 * exact)
        }
      }
    }
  }

  @Test func packedKeysAndValuesMultiplyAsAttentionDoes() {
    var generator = SeededGenerator(seed: 5)
    let past = 19
    let d = 24
    // Small integers, so that sums are exact.
    let keys = Matrix<Float>(past, d) { _, _ in Float(generator.int(in: -8...8)) }
    let query = Matrix<Float>(2, d) { _, _ in Float(generator.int(in: -8...8)) }
    let packedKeys = Matrix<Float>(1, 32 * d) { _, _ in 0 }
    let packedValues = Matrix<Float>(2, 16 * past, gap: 0) { _, _ in 0 }
    // In two parts, as a cache grows.
    for (first, count) in [(0, 7), (7, 12)] {
      let source = keys.readPointer + first * keys.stride
      var keyParams = martlet_pack_keys_params(
        m: count, d: d, first: first, source: source, source_stride: keys.stride,
        panels: packedKeys.pointer)
      kernels.pack_keys(&keyParams)
      var valueParams = martlet_pack_values_params(
        m: count, d: d, first: first, source: source, source_stride: keys.stride,
        panels: packedValues.pointer, panel_stride: 16 * past)
      kernels.pack_values(&valueParams)
    }
    let scores = Matrix<Float>(2, past)
    var scoreParams = martlet_gemm_f32_params(
      m: 2, n: past, k: d, rows: query.readPointer, row_stride: query.stride,
      panels: packedKeys.readPointer, panel_stride: 16 * d, epilogue: plain,
      destination: scores.pointer, destination_stride: scores.stride)
    kernels.gemm_f32(&scoreParams)
    let mixed = Matrix<Float>(2, d)
    var mixParams = martlet_gemm_f32_params(
      m: 2, n: d, k: past, rows: scores.readPointer, row_stride: scores.stride,
      panels: packedValues.readPointer, panel_stride: 16 * past, epilogue: plain,
      destination: mixed.pointer, destination_stride: mixed.stride)
    kernels.gemm_f32(&mixParams)
    withExtendedLifetime((keys, query, packedKeys, packedValues)) {
      for row in 0..<2 {
        let exact = (0..<past).map { key in
          (0..<d).reduce(Float(0)) { $0 + query[row, $1] * keys[key, $1] }
        }
        #expect((0..<past).map { scores[row, $0] } == exact)
        for c in 0..<d {
          #expect(mixed[row, c] == (0..<past).reduce(Float(0)) { $0 + exact[$1] * keys[$1, c] })
        }
      }
    }
  }

  @Test(arguments: [(3, 1), (3, 2), (7, 2), (5, 1)])
  func patchesTimesWeightsAreTheConvolution(kernel: Int, stride: Int) {
    var generator = SeededGenerator(seed: 6)
    let channels = 3
    let width = 9
    let map = Matrix<Float>(kernel, width * channels) { _, _ in Float(generator.int(in: -9...9)) }
    // The row above the map is missing.
    let pointers = (0..<kernel).map { $0 == 0 ? nil : map.readPointer + $0 * map.stride }
    let count = (width + stride - 1) / stride
    let patches = Matrix<Float>(count, kernel * kernel * channels)
    pointers.withUnsafeBufferPointer { buffer in
      guard let rows = buffer.baseAddress else { preconditionFailure("a kernel has rows") }
      var params = martlet_gather_patches_f32_params(
        kernel: kernel, stride: stride, channels: channels, rows: rows, width: width,
        pixel_stride: channels, first: 0, count: count, destination: patches.pointer,
        destination_stride: patches.stride)
      kernels.gather_patches_f32(&params)
    }
    for pixel in 0..<count {
      for r in 0..<kernel {
        for s in 0..<kernel {
          for c in 0..<channels {
            let x = pixel * stride + s - kernel / 2
            let expected = r > 0 && (0..<width).contains(x) ? map[r, x * channels + c] : 0
            #expect(patches[pixel, (r * kernel + s) * channels + c] == expected)
          }
        }
      }
    }
  }

  @Test func depthwiseIsTheGroupedConvolution() {
    var generator = SeededGenerator(seed: 8)
    let (kernel, stride, channels, multiplier, width) = (3, 2, 3, 2, 8)
    let map = Matrix<Float>(kernel, width * channels) { _, _ in Float(generator.int(in: -9...9)) }
    let weights = Matrix<Float>(kernel * kernel, channels * multiplier, gap: 0) { _, _ in
      Float(generator.int(in: -9...9))
    }
    let bias = Matrix<Float>(1, channels * multiplier) { _, column in Float(column) }
    let result = Matrix<Float>(width / stride, channels * multiplier)
    let pointers = (0..<kernel).map { row -> UnsafePointer<Float>? in
      map.readPointer + row * map.stride
    }
    pointers.withUnsafeBufferPointer { buffer in
      guard let rows = buffer.baseAddress else { preconditionFailure("a kernel has rows") }
      var params = martlet_depthwise_f32_params(
        kernel: kernel, stride: stride, channels: channels, multiplier: multiplier, rows: rows,
        width: width, pixel_stride: channels, weights: weights.readPointer,
        bias: bias.readPointer, activation: MARTLET_ACTIVATION_NONE, first: 0,
        count: width / stride, destination: result.pointer, destination_stride: result.stride)
      kernels.depthwise_f32(&params)
    }
    for pixel in 0..<width / stride {
      for output in 0..<channels * multiplier {
        var expected = bias[0, output]
        for tap in 0..<kernel * kernel {
          let x = pixel * stride + tap % kernel - 1
          guard (0..<width).contains(x) else { continue }
          expected += map[tap / kernel, x * channels + output / multiplier] * weights[tap, output]
        }
        #expect(result[pixel, output] == expected)
      }
    }
  }

  @Test func quantizedRowsComeBackWithinHalfAStep() {
    var generator = SeededGenerator(seed: 9)
    let source = Matrix<Float>(4, 50) { row, _ in
      generator.float(in: [-1...1, 0...3, -5 ... -4, -100...1][row])
    }
    let codes = Matrix<UInt8>(4, 52)
    let scales = Matrix<Float>(1, 4)
    let zeros = Matrix<Int32>(1, 4)
    var params = martlet_quantize_rows_params(
      m: 4, k: 50, source: source.readPointer, source_stride: source.stride,
      destination: codes.pointer, destination_stride: codes.stride, padded_k: 52,
      row_scales: scales.pointer, row_zeros: zeros.pointer, fixed_scale: 1, fixed_zero: 0)
    kernels.quantize_rows_dynamic(&params)
    for row in 0..<4 {
      for column in 0..<50 {
        let back = scales[0, row] * Float(Int32(codes[row, column]) - zeros[0, row])
        // Half a step, one more half where zero was rounded and the end of the range clamped.
        #expect(abs(back - source[row, column]) <= scales[0, row] * 1.001)
      }
      #expect(codes[row, 50] == 0 && codes[row, 51] == 0)
    }
  }

  private var plain: martlet_epilogue {
    martlet_epilogue(
      bias: nil, activation: MARTLET_ACTIVATION_NONE, residual: nil, residual_stride: 0)
  }
}
