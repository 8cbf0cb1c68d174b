import CMartletKernels
import MartletTestSupport

private let widths = [0, 1, 3, 7, 8, 9, 16, 31, 32, 33, 64, 100, 130]

let conversionTrials: [Trial] = quantizeTrials + pixelTrials + rowTrials

private enum RowKind: String, CaseIterable {
  case mixed
  case positive
  case zero
  case negative
  case tiny
  case huge
  case notFinite
  /// Values half way between codes.
  case ties

  func value(_ column: Int, _ generator: inout SeededGenerator) -> Float {
    switch self {
    case .mixed: generator.float(in: -3...5)
    case .positive: generator.float(in: 0.5...5)
    case .zero: column % 2 == 0 ? 0 : -0.0
    case .negative: generator.float(in: -7 ... -1)
    case .tiny: generator.float(in: -0x1p-143...0x1p-143)
    case .huge: generator.float(in: -3e38...3e38)
    case .notFinite: [.infinity, -.infinity, .nan, 1, -1][generator.int(in: 0...4)]
    case .ties: Float(generator.int(in: 0...255)) - (column == 0 ? 0 : 0.5)
    }
  }
}

private let quantizeTrials: [Trial] = widths.flatMap { width in
  [true, false].flatMap { dynamic in
    RowKind.allCases.map { kind in
      Trial(
        kernel: dynamic ? "quantize_rows_dynamic" : "quantize_rows_fixed",
        label: "width \(width), \(kind.rawValue)"
      ) { quantize(width, kind, dynamic: dynamic, $0) }
    }
  }
}

private func quantize(_ width: Int, _ kind: RowKind, dynamic: Bool, _ table: Table) -> Outcome {
  var generator = SeededGenerator(seed: UInt64(width))
  let rows = 3
  let source = Matrix<Float>(rows, width) { _, column in kind.value(column, &generator) }
  let destination = Matrix<UInt8>(rows, (width + 31) / 32 * 32)
  let scales = Matrix<Float>(1, rows)
  let zeros = Matrix<Int32>(1, rows)
  var params = martlet_quantize_rows_params(
    m: rows, k: width, source: source.readPointer, source_stride: source.stride,
    destination: destination.pointer, destination_stride: destination.stride,
    padded_k: destination.width, row_scales: scales.pointer, row_zeros: zeros.pointer,
    fixed_scale: 0.03125, fixed_zero: 77)
  if dynamic {
    table.pointee.quantize_rows_dynamic(&params)
  } else {
    table.pointee.quantize_rows_fixed(&params)
  }
  return withExtendedLifetime(source) { destination.outcome + scales.outcome + zeros.outcome }
}

private let pixelTrials: [Trial] = widths.map { width in
  Trial(kernel: "u8_to_f32", label: "width \(width)") { table in
    var generator = SeededGenerator(seed: 1)
    let source = Matrix<UInt8>(3, width) { _, _ in Flavor.random.activation(&generator) }
    let destination = Matrix<Float>(3, width)
    var params = martlet_u8_to_f32_params(
      m: 3, width: width, source: source.readPointer, source_stride: source.stride,
      destination: destination.pointer, destination_stride: destination.stride)
    table.pointee.u8_to_f32(&params)
    return withExtendedLifetime(source) { destination.outcome }
  }
}

private let rowTrials: [Trial] = [1, 4, 7, 30, 32, 33, 67, 128].flatMap { k in
  [0, 5, 16, 46].flatMap { row in
    [
      Trial(kernel: "dequantize_row_s8", label: "row \(row) of k \(k)") { row8(row, k, $0) },
      Trial(kernel: "dequantize_row_s4", label: "row \(row) of k \(k)") { row4(row, k, $0) },
      Trial(kernel: "dequantize_row_f32", label: "row \(row) of k \(k)") { rowFloat(row, k, $0) },
    ]
  }
}

private let tableRows = 48

private func row8(_ row: Int, _ k: Int, _ table: Table) -> Outcome {
  var generator = SeededGenerator(seed: 2)
  let depth = (k + 3) / 4 * 4
  let codes = Matrix<Int8>(1, tableRows * depth) { _, _ in Flavor.random.code(&generator) }
  let scales = Matrix<Float>(1, tableRows) { _, _ in generator.float() }
  let destination = Matrix<Float>(1, k)
  var params = martlet_dequantize_row_s8_params(
    row: row, k: k, codes: codes.readPointer, scales: scales.readPointer,
    destination: destination.pointer)
  table.pointee.dequantize_row_s8(&params)
  return withExtendedLifetime((codes, scales)) { destination.outcome }
}

private func row4(_ row: Int, _ k: Int, _ table: Table) -> Outcome {
  var generator = SeededGenerator(seed: 3)
  let depth = (k + 31) / 32 * 32
  let codes = Matrix<UInt8>(1, tableRows * depth / 2) { _, _ in
    Flavor.random.nibbles(&generator)
  }
  let scales = Matrix<UInt16>(1, tableRows * depth / 32) { _, _ in
    UInt16(generator.int(in: 0...0x7BFF))
  }
  let destination = Matrix<Float>(1, k)
  var params = martlet_dequantize_row_s4_params(
    row: row, k: k, codes: codes.readPointer, scales: scales.readPointer,
    destination: destination.pointer)
  table.pointee.dequantize_row_s4(&params)
  return withExtendedLifetime((codes, scales)) { destination.outcome }
}

private func rowFloat(_ row: Int, _ k: Int, _ table: Table) -> Outcome {
  var generator = SeededGenerator(seed: 4)
  let panels = Matrix<Float>(1, tableRows * k) { _, _ in generator.float() }
  let destination = Matrix<Float>(1, k)
  var params = martlet_dequantize_row_f32_params(
    row: row, k: k, panels: panels.readPointer, destination: destination.pointer)
  table.pointee.dequantize_row_f32(&params)
  return withExtendedLifetime(panels) { destination.outcome }
}
