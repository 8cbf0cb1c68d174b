import CMartletKernels
import MartletTestSupport

/// The extents and the end of one product.
struct ProductShape: Sendable {
  var m: Int
  var n: Int
  var k: Int
  var flavor = Flavor.random
  var activation = MARTLET_ACTIVATION_NONE
  var biased = true
  var residual = Residual.none

  enum Residual: String {
    case none
    case apart
    case inPlace
  }

  var label: String {
    "\(m) × \(n) × \(k), \(flavor.rawValue), activation \(activation.rawValue), residual "
      + residual.rawValue
  }

  /// Tails in every direction, slices of K, one row, many rows, and all epilogues.
  static let all: [ProductShape] = [
    .init(m: 0, n: 16, k: 8), .init(m: 3, n: 0, k: 8), .init(m: 2, n: 5, k: 0),
    .init(m: 1, n: 1, k: 1), .init(m: 1, n: 16, k: 4), .init(m: 1, n: 130, k: 515),
    .init(m: 1, n: 64, k: 1100, activation: MARTLET_ACTIVATION_GELU),
    .init(m: 2, n: 15, k: 3, residual: .apart), .init(m: 3, n: 17, k: 33, biased: false),
    .init(m: 4, n: 48, k: 31), .init(m: 5, n: 33, k: 5, activation: MARTLET_ACTIVATION_RELU),
    .init(m: 6, n: 65, k: 100, residual: .inPlace), .init(m: 7, n: 40, k: 64, residual: .inPlace),
    .init(m: 8, n: 96, k: 260), .init(m: 9, n: 49, k: 129), .init(m: 10, n: 24, k: 96),
    .init(m: 11, n: 31, k: 517), .init(m: 12, n: 112, k: 36),
    .init(m: 13, n: 70, k: 545, activation: MARTLET_ACTIVATION_GELU, residual: .inPlace),
    .init(m: 96, n: 16, k: 70), .init(m: 97, n: 18, k: 66),
    .init(m: 100, n: 130, k: 40, activation: MARTLET_ACTIVATION_GELU, residual: .apart),
    .init(m: 7, n: 20, k: 1030, flavor: .extremes), .init(m: 3, n: 50, k: 600, flavor: .extremes),
    .init(m: 7, n: 17, k: 19000, flavor: .maximal), .init(m: 1, n: 17, k: 19000, flavor: .maximal),
    .init(m: 8, n: 16, k: 65_535, flavor: .maximal),
    .init(m: 7, n: 16, k: 0, flavor: .short), .init(m: 7, n: 17, k: 3, flavor: .short),
    .init(m: 8, n: 50, k: 37, flavor: .short, residual: .apart),
    .init(m: 12, n: 33, k: 1100, flavor: .short, activation: MARTLET_ACTIVATION_GELU),
    .init(m: 103, n: 40, k: 64, flavor: .short, residual: .inPlace),
    .init(m: 11, n: 20, k: 19000, flavor: .brim), .init(m: 97, n: 16, k: 44, flavor: .brim),
    .init(m: 9, n: 20, k: 2100, flavor: .over), .init(m: 10, n: 16, k: 20, flavor: .over),
    .init(m: 9, n: 120, k: 530, flavor: .mixed),
  ]
}

/// The parts that all products share: bias, residual, destination.
private struct Ending {
  let bias: Matrix<Float>
  let residual: Matrix<Float>
  let destination: Matrix<Float>
  let epilogue: martlet_epilogue

  init(_ shape: ProductShape, _ generator: inout SeededGenerator) {
    bias = Matrix(1, shape.n) { _, _ in generator.float() }
    residual = Matrix(shape.m, shape.n, gap: 5) { _, _ in generator.float() }
    destination =
      shape.residual == .inPlace
      ? Matrix(shape.m, shape.n, gap: 2) { _, _ in generator.float() }
      : Matrix(shape.m, shape.n, gap: 2)
    let source: Matrix<Float>? =
      switch shape.residual {
      case .none: nil
      case .apart: residual
      case .inPlace: destination
      }
    epilogue = martlet_epilogue(
      bias: shape.biased ? bias.readPointer : nil, activation: shape.activation,
      residual: source?.readPointer, residual_stride: source?.stride ?? 0)
  }
}

let productTrials: [Trial] = ProductShape.all.flatMap { shape -> [Trial] in
  // The longest sums are about integers only.
  let integers = [
    Trial(kernel: "gemm_u8s8", label: shape.label) { product8(shape, $0) },
    Trial(kernel: "gemm_u8s4", label: shape.label) { product4(shape, $0) },
  ]
  return shape.k > 2000
    ? integers
    : integers + [Trial(kernel: "gemm_f32", label: shape.label) { productFloat(shape, $0) }]
}

/// The rows' scales and zero points, and the rows themselves, padded to `depth`.
private struct QuantizedRows {
  let rows: Matrix<UInt8>
  let scales: Matrix<Float>
  let zeros: Matrix<Int32>

  init(_ shape: ProductShape, depth: Int, _ generator: inout SeededGenerator) {
    rows = Matrix(shape.m, depth, gap: 7) { _, _ in shape.flavor.activation(&generator) }
    scales = Matrix(1, shape.m) { _, _ in generator.float(in: 0.001...0.1) }
    zeros = Matrix(1, shape.m) { _, _ in Int32(generator.int(in: 0...255)) }
  }
}

private func product8(_ shape: ProductShape, _ table: Table) -> Outcome {
  var generator = SeededGenerator(seed: 8)
  let depth = (shape.k + 3) / 4 * 4
  let padded = (shape.n + 15) / 16 * 16
  let input = QuantizedRows(shape, depth: depth, &generator)
  let codes = Matrix<Int8>(1, padded * depth) { _, place in
    let isShort = shape.flavor == .mixed && place / (16 * depth) % 2 == 1
    return (isShort ? .short : shape.flavor).code(&generator)
  }
  let scales = Matrix<Float>(1, padded) { _, _ in generator.float(in: 0.0001...0.01) }
  let offsets = Matrix<Int32>(1, padded) { _, column in
    // The true sums: only with them can the result not leave 32 bits.
    var sum: Int32 = 0
    for k in 0..<depth {
      sum += Int32(codes[0, column / 16 * depth * 16 + k / 4 * 64 + column % 16 * 4 + k % 4])
    }
    return sum
  }
  let ending = Ending(shape, &generator)
  var params = martlet_gemm_u8s8_params(
    m: shape.m, n: shape.n, k: shape.k, rows: input.rows.readPointer,
    row_stride: input.rows.stride, row_scales: input.scales.readPointer,
    row_zeros: input.zeros.readPointer, codes: codes.readPointer, scales: scales.readPointer,
    offsets: offsets.readPointer, epilogue: ending.epilogue,
    destination: ending.destination.pointer, destination_stride: ending.destination.stride)
  table.pointee.gemm_u8s8(&params)
  return withExtendedLifetime((input, codes, scales, offsets, ending)) {
    ending.destination.outcome
  }
}

private func product4(_ shape: ProductShape, _ table: Table) -> Outcome {
  var generator = SeededGenerator(seed: 4)
  let depth = (shape.k + 31) / 32 * 32
  let padded = (shape.n + 15) / 16 * 16
  let input = QuantizedRows(shape, depth: depth, &generator)
  let codes = Matrix<UInt8>(1, padded * depth / 2) { _, _ in shape.flavor.nibbles(&generator) }
  // Mostly ordinary f16 scales; the extremes add denormals, zeros and the largest.
  let scales = Matrix<UInt16>(1, padded * depth / 32) { _, _ in
    shape.flavor == .extremes
      ? [0, 1, 0x03FF, 0x0400, 0x7BFF, 0x8001][generator.int(in: 0...5)]
      : UInt16(0x1800 + generator.int(in: 0...0x0FFF))
  }
  let offsets = Matrix<Float>(1, padded) { _, _ in generator.float(in: -10...10) }
  let ending = Ending(shape, &generator)
  var params = martlet_gemm_u8s4_params(
    m: shape.m, n: shape.n, k: shape.k, rows: input.rows.readPointer,
    row_stride: input.rows.stride, row_scales: input.scales.readPointer,
    row_zeros: input.zeros.readPointer, codes: codes.readPointer, scales: scales.readPointer,
    offsets: offsets.readPointer, epilogue: ending.epilogue,
    destination: ending.destination.pointer, destination_stride: ending.destination.stride)
  table.pointee.gemm_u8s4(&params)
  return withExtendedLifetime((input, codes, scales, offsets, ending)) {
    ending.destination.outcome
  }
}

private func productFloat(_ shape: ProductShape, _ table: Table) -> Outcome {
  var generator = SeededGenerator(seed: 32)
  let panels = (shape.n + 15) / 16
  let rows = Matrix<Float>(shape.m, shape.k, gap: 5) { _, _ in shape.flavor.float(&generator) }
  // A gap behind every panel, as a cache with room has.
  let weights = Matrix<Float>(panels, shape.k * 16, gap: 48) { _, _ in
    shape.flavor.float(&generator)
  }
  let ending = Ending(shape, &generator)
  var params = martlet_gemm_f32_params(
    m: shape.m, n: shape.n, k: shape.k, rows: rows.readPointer, row_stride: rows.stride,
    panels: weights.readPointer, panel_stride: weights.stride, epilogue: ending.epilogue,
    destination: ending.destination.pointer, destination_stride: ending.destination.stride)
  table.pointee.gemm_f32(&params)
  return withExtendedLifetime((rows, weights, ending)) { ending.destination.outcome }
}
