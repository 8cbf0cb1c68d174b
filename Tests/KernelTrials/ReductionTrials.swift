import CMartletKernels
import MartletTestSupport

private let widths = [1, 2, 7, 8, 9, 15, 16, 17, 24, 25, 33, 96, 100, 257]

let reductionTrials: [Trial] =
  widths.flatMap { width in
    [Flavor.random, .extremes].flatMap { flavor in
      [true, false].flatMap { weighted in
        ["layer_norm_rows", "rms_norm_rows"].map { name in
          Trial(kernel: name, label: "width \(width), \(flavor.rawValue), weighted: \(weighted)") {
            norm(name, width, flavor, weighted: weighted, $0)
          }
        }
      }
    }
  } + softmaxTrials

private func norm(
  _ name: String, _ width: Int, _ flavor: Flavor, weighted: Bool, _ table: Table
) -> Outcome {
  var generator = SeededGenerator(seed: UInt64(width))
  let source = Matrix<Float>(3, width) { _, _ in flavor.float(&generator) }
  let weight = Matrix<Float>(1, width) { _, _ in generator.float() }
  let bias = Matrix<Float>(1, width) { _, _ in generator.float() }
  let destination = weighted ? Matrix<Float>(3, width, gap: 8) : source
  var params = martlet_norm_rows_params(
    m: 3, k: width, eps: 1e-5, source: source.readPointer, source_stride: source.stride,
    weight: weighted ? weight.readPointer : nil, bias: weighted ? bias.readPointer : nil,
    destination: destination.pointer, destination_stride: destination.stride)
  if name == "layer_norm_rows" {
    table.pointee.layer_norm_rows(&params)
  } else {
    table.pointee.rms_norm_rows(&params)
  }
  return withExtendedLifetime((source, weight, bias)) { destination.outcome }
}

private let softmaxTrials: [Trial] = [Flavor.random, .extremes].flatMap { flavor in
  [(0, 0, 5), (1, 1, 8), (7, 1, 40), (16, 0, 16), (17, 3, 64), (100, 1, 130), (33, 0, 33)].map {
    (first: Int, increment: Int, width: Int) in
    Trial(kernel: "softmax_rows", label: "from \(first) by \(increment), \(flavor.rawValue)") {
      table in
      var generator = SeededGenerator(seed: 9)
      let values = Matrix<Float>(5, width) { _, _ in flavor.float(&generator) }
      var params = martlet_softmax_rows_params(
        m: 5, width: width, first_length: first, length_increment: increment, scale: 0.7,
        values: values.pointer, stride: values.stride)
      table.pointee.softmax_rows(&params)
      return values.outcome
    }
  }
}
