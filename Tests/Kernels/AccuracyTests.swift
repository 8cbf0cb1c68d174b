import CMartletKernels
import Foundation
import MartletKernelTrials
import MartletTestSupport
import Testing

/// The scalar functions against f64.
@Suite struct AccuracyTests {
  let kernels = TableUnderTest.scalar.pointee

  /// Evenly spaced arguments, and many small ones.
  private let arguments: [Float] =
    (-40_000...40_000).map { Float($0) * 0.0025 }
    + (-120...10).flatMap { [Float(sign: .plus, exponent: $0, significand: 1.37)] }
    .flatMap { [$0, -$0] }

  private func mapped(
    _ function: (UnsafePointer<martlet_map_rows_params>) -> Void, _ x: [Float], width: Int? = nil
  ) -> [Float] {
    let width = width ?? x.count
    let source = Matrix<Float>(1, x.count) { x[$1] }
    let destination = Matrix<Float>(1, width)
    var params = martlet_map_rows_params(
      m: 1, width: width, source: source.readPointer, source_stride: source.stride,
      destination: destination.pointer, destination_stride: destination.stride)
    function(&params)
    return withExtendedLifetime(source) { destination.elements }
  }

  @Test func geluIsWithin4e7OfTheErrorFunction() {
    let results = mapped(kernels.gelu, arguments)
    var worst = 0.0
    for (x, y) in zip(arguments.map(Double.init), results) {
      let exact = 0.5 * x * erfc(-x / 2.0.squareRoot())
      worst = max(worst, abs(Double(y) - exact) / max(1, abs(x)))
    }
    #expect(worst < 4e-7, "worst \(worst)")
  }

  @Test func geluKeepsRelativePrecisionNearZero() {
    let small = arguments.filter { abs($0) < 0.01 && $0 != 0 }
    for (x, y) in zip(small, mapped(kernels.gelu, small)) {
      let exact = 0.5 * Double(x) * erfc(-Double(x) / 2.0.squareRoot())
      #expect(abs(Double(y) / exact - 1) < 2e-6, "at \(x)")
    }
  }

  /// For x far below 0, sigmoid is exp: the quotient adds half an ulp and the sum before it another.
  @Test func exponentialIsWithinThreeHalvesOfAnUlp() {
    let negative = arguments.filter { $0 < -20 && $0 > -87 }
    var worst = 0.0
    for (x, y) in zip(negative, mapped(kernels.sigmoid, negative)) {
      let exact = 1 / (1 + exp(-Double(x)))
      worst = max(worst, abs(Double(y) / exact - 1))
    }
    #expect(worst < 2.4e-7, "worst \(worst)")
  }

  @Test func sigmoidIsWithinTwoUlpEverywhere() {
    let inner = arguments.filter { abs($0) < 87 }
    var worst = 0.0
    for (x, y) in zip(inner, mapped(kernels.sigmoid, inner)) {
      worst = max(worst, abs(Double(y) / (1 / (1 + exp(-Double(x)))) - 1))
    }
    #expect(worst < 2.4e-7, "worst \(worst)")
  }

  @Test func siluGateMultipliesTheHalves() {
    let x = arguments.filter { abs($0) < 80 }
    let gate = x.map { $0 * 0.5 + 1 }
    let results = mapped(kernels.silu_gate, x + gate, width: x.count)
    for (index, y) in results.enumerated() where x[index] != 0 {
      let exact = Double(x[index]) / (1 + exp(-Double(x[index]))) * Double(gate[index])
      #expect(abs(Double(y) - exact) <= 4e-7 * abs(exact), "at \(x[index])")
    }
  }

  @Test func endsOfTheRangeAreLimits() {
    let ends: [Float] = [.infinity, -.infinity, 3e38, -3e38, 200, -200]
    #expect(mapped(kernels.sigmoid, ends) == [1, 0, 1, 0, 1, 0])
    #expect(mapped(kernels.gelu, ends) == [.infinity, 0, 3e38, 0, 200, 0])
    #expect(mapped(kernels.relu, ends) == [.infinity, 0, 3e38, 0, 200, 0])
  }

  @Test func notANumberStays() {
    #expect(mapped(kernels.gelu, [.nan])[0].isNaN)
    #expect(mapped(kernels.relu, [.nan])[0].isNaN)
    #expect(mapped(kernels.sigmoid, [.nan])[0].isNaN)
    #expect(mapped(kernels.silu_gate, [.nan, 1], width: 1)[0].isNaN)
  }

  @Test(arguments: [1, 9, 100, 3000]) func softmaxIsWithin1e6(length: Int) {
    var generator = SeededGenerator(seed: UInt64(length))
    let logits = generator.floats(length, in: -30...30)
    let values = Matrix<Float>(1, length) { logits[$1] }
    var params = martlet_softmax_rows_params(
      m: 1, width: length, first_length: length, length_increment: 0, scale: 0.25,
      values: values.pointer, stride: values.stride)
    kernels.softmax_rows(&params)
    let highest = logits.map { Double($0) * 0.25 }.max() ?? 0
    let exponentials = logits.map { exp(Double($0) * 0.25 - highest) }
    let sum = exponentials.reduce(0, +)
    for (found, exponential) in zip(values.elements, exponentials) {
      #expect(abs(Double(found) / (exponential / sum) - 1) < 2e-6)
    }
  }

  @Test(arguments: [1, 17, 768, 3072]) func normsAreCloseToDouble(width: Int) {
    var generator = SeededGenerator(seed: UInt64(width))
    let x = generator.floats(width, in: -3...5)
    let source = Matrix<Float>(1, width) { x[$1] }
    let destination = Matrix<Float>(1, width)
    var params = martlet_norm_rows_params(
      m: 1, k: width, eps: 1e-5, source: source.readPointer, source_stride: source.stride,
      weight: nil, bias: nil, destination: destination.pointer,
      destination_stride: destination.stride)
    let wide = x.map(Double.init)
    let mean = wide.reduce(0, +) / Double(width)
    let variance = wide.map { ($0 - mean) * ($0 - mean) }.reduce(0, +) / Double(width)
    let square = wide.map { $0 * $0 }.reduce(0, +) / Double(width)
    kernels.layer_norm_rows(&params)
    for (value, found) in zip(wide, destination.elements) {
      #expect(abs(Double(found) - (value - mean) / (variance + 1e-5).squareRoot()) < 4e-6)
    }
    kernels.rms_norm_rows(&params)
    for (value, found) in zip(wide, destination.elements) {
      #expect(abs(Double(found) - value / (square + 1e-5).squareRoot()) < 4e-6)
    }
    withExtendedLifetime(source) {}
  }
}
