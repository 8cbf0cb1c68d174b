import CMartletKernels
import MartletTestSupport

private enum CacheRow: String, CaseIterable {
  case ordinary
  /// Around the smallest normal and the smallest denormal f16, ties among them.
  case small
  /// Around the largest f16, and beyond.
  case large
  case notFinite
  case zero

  func value(_ generator: inout SeededGenerator) -> Float {
    let sign: Float = generator.next() & 1 == 0 ? 1 : -1
    switch self {
    case .ordinary: return generator.float(in: -9...9)
    case .small: return sign * Float(generator.int(in: 0...9000)) * 0x1p-26
    case .large: return sign * (65400 + Float(generator.int(in: 0...31)) * 8)
    case .notFinite:
      return [.infinity, -.infinity, .nan, 1, -3e38, 3e38][generator.int(in: 0...5)]
    case .zero: return sign * 0
    }
  }
}

let cacheRowTrials: [Trial] =
  CacheRow.allCases.flatMap { kind in
    [1, 7, 8, 24, 64, 130].flatMap { width in
      [
        Trial(kernel: "f32_to_f16", label: "width \(width), \(kind.rawValue)") {
          narrow(width, kind, $0)
        },
        Trial(kernel: "quantize_rows_s8", label: "width \(width), \(kind.rawValue)") {
          quantize(width, kind, biased: false, $0)
        },
        Trial(kernel: "quantize_rows_s8", label: "width \(width), \(kind.rawValue), biased") {
          quantize(width, kind, biased: true, $0)
        },
      ]
    }
  }
  + [1, 7, 8, 64, 130].flatMap { width in
    [
      Trial(kernel: "f16_to_f32", label: "width \(width)") { widen(width, $0) },
      Trial(kernel: "dequantize_rows_s8", label: "width \(width)") {
        dequantize(width, biased: false, $0)
      },
      Trial(kernel: "dequantize_rows_s8", label: "width \(width), biased") {
        dequantize(width, biased: true, $0)
      },
    ]
  }

private func narrow(_ width: Int, _ kind: CacheRow, _ table: Table) -> Outcome {
  var generator = SeededGenerator(seed: 51)
  let source = Matrix<Float>(3, width) { _, _ in kind.value(&generator) }
  let destination = Matrix<UInt16>(3, width)
  var params = martlet_f32_to_f16_params(
    m: 3, width: width, source: source.readPointer, source_stride: source.stride,
    destination: destination.pointer, destination_stride: destination.stride)
  table.pointee.f32_to_f16(&params)
  return withExtendedLifetime(source) { destination.outcome }
}

private func widen(_ width: Int, _ table: Table) -> Outcome {
  var generator = SeededGenerator(seed: 52)
  let source = Matrix<UInt16>(40, width) { _, _ in
    UInt16(truncatingIfNeeded: generator.next())
  }
  let destination = Matrix<Float>(40, width)
  var params = martlet_f16_to_f32_params(
    m: 40, width: width, source: source.readPointer, source_stride: source.stride,
    destination: destination.pointer, destination_stride: destination.stride)
  table.pointee.f16_to_f32(&params)
  return withExtendedLifetime(source) { destination.outcome }
}

private func quantize(_ width: Int, _ kind: CacheRow, biased: Bool, _ table: Table) -> Outcome {
  var generator = SeededGenerator(seed: 53)
  let source = Matrix<Float>(3, width) { _, _ in kind.value(&generator) }
  let bias = Matrix<Float>(1, width) { _, _ in generator.float(in: -300...300) }
  let destination = Matrix<Int8>(3, width)
  let scales = Matrix<Float>(1, 3)
  var params = martlet_quantize_rows_s8_params(
    m: 3, k: width, source: source.readPointer, source_stride: source.stride,
    subtrahend: biased ? bias.readPointer : nil, destination: destination.pointer,
    destination_stride: destination.stride, row_scales: scales.pointer)
  table.pointee.quantize_rows_s8(&params)
  return withExtendedLifetime((source, bias)) { destination.outcome + scales.outcome }
}

private func dequantize(_ width: Int, biased: Bool, _ table: Table) -> Outcome {
  var generator = SeededGenerator(seed: 54)
  let source = Matrix<Int8>(3, width) { _, _ in Flavor.random.code(&generator) }
  let scales = Matrix<Float>(1, 3) { _, row in row == 1 ? .infinity : generator.float(in: 0...1) }
  let bias = Matrix<Float>(1, width) { _, _ in generator.float(in: -300...300) }
  let destination = Matrix<Float>(3, width)
  var params = martlet_dequantize_rows_s8_params(
    m: 3, k: width, source: source.readPointer, source_stride: source.stride,
    row_scales: scales.readPointer, addend: biased ? bias.readPointer : nil,
    destination: destination.pointer, destination_stride: destination.stride)
  table.pointee.dequantize_rows_s8(&params)
  return withExtendedLifetime((source, scales, bias)) { destination.outcome }
}
