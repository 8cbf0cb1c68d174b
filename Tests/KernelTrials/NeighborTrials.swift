import CMartletKernels
import MartletTestSupport

/// A convolution's geometry; the span covers `count` pixels of an output row from `first` on.
struct NeighborShape: Sendable {
  var kernel: Int
  var stride: Int
  var channels: Int
  var multiplier = 1
  var width: Int
  var first = 0
  var count: Int
  /// Kernel rows that lie outside the map.
  var missing: Set<Int> = []
  var activation = MARTLET_ACTIVATION_NONE

  var label: String {
    "kernel \(kernel), stride \(stride), \(channels) × \(multiplier) channels, \(count) of width "
      + "\(width) from \(first), \(missing.count) rows missing"
  }

  static let all: [NeighborShape] =
    [3, 7].flatMap { kernel in
      [1, 2].flatMap { stride in
        [1, 2].flatMap { multiplier -> [NeighborShape] in
          [
            .init(
              kernel: kernel, stride: stride, channels: 16, multiplier: multiplier, width: 40,
              count: 40 / stride),
            .init(
              kernel: kernel, stride: stride, channels: 11, multiplier: multiplier, width: 23,
              count: 23 / stride, missing: [0]),
            .init(
              kernel: kernel, stride: stride, channels: 8, multiplier: multiplier, width: 37,
              first: 5, count: 9, missing: [kernel - 1], activation: MARTLET_ACTIVATION_GELU),
            .init(
              kernel: kernel, stride: stride, channels: 24, multiplier: multiplier, width: 4,
              count: 4 / stride, missing: [0, kernel - 1]),
            .init(
              kernel: kernel, stride: stride, channels: 8, multiplier: multiplier, width: 1,
              count: 1),
          ]
        }
      }
    } + [
      .init(kernel: 5, stride: 1, channels: 9, width: 12, count: 12),
      .init(kernel: 3, stride: 3, channels: 9, width: 13, count: 4),
      .init(kernel: 3, stride: 1, channels: 3, multiplier: 3, width: 7, count: 7),
      .init(kernel: 1, stride: 1, channels: 8, width: 5, count: 5),
      .init(kernel: 3, stride: 1, channels: 8, width: 9, count: 0),
      .init(kernel: 3, stride: 1, channels: 8, width: 9, count: 9, missing: [0, 1, 2]),
    ]
}

let neighborTrials: [Trial] = NeighborShape.all.flatMap { shape -> [Trial] in
  let depthwiseTrial = Trial(kernel: "depthwise_f32", label: shape.label) { depthwise(shape, $0) }
  let gatherTrial = Trial(kernel: "gather_patches_f32", label: shape.label) { gather(shape, $0) }
  return shape.multiplier == 1 ? [depthwiseTrial, gatherTrial] : [depthwiseTrial]
}

/// Input rows, and the kernel's pointers to them.
private struct Neighborhood {
  let map: Matrix<Float>
  let pointers: [UnsafePointer<Float>?]

  init(_ shape: NeighborShape, pixelGap: Int, _ generator: inout SeededGenerator) {
    let pitch = shape.channels + pixelGap
    let map = Matrix<Float>(shape.kernel, shape.width * pitch) { _, column in
      column % pitch < shape.channels ? generator.float() : .sentinel
    }
    self.map = map
    pointers = (0..<shape.kernel).map { row in
      shape.missing.contains(row) ? nil : map.readPointer + row * map.stride
    }
  }
}

private func depthwise(_ shape: NeighborShape, _ table: Table) -> Outcome {
  var generator = SeededGenerator(seed: 11)
  let input = Neighborhood(shape, pixelGap: 2, &generator)
  let outputs = shape.channels * shape.multiplier
  let weights = Matrix<Float>(1, shape.kernel * shape.kernel * outputs) { _, _ in
    generator.float()
  }
  let bias = Matrix<Float>(1, outputs) { _, _ in generator.float() }
  let destination = Matrix<Float>(shape.count, outputs)
  return input.pointers.withUnsafeBufferPointer { pointers -> Outcome in
    guard let rows = pointers.baseAddress else { preconditionFailure("a kernel has rows") }
    var params = martlet_depthwise_f32_params(
      kernel: shape.kernel, stride: shape.stride, channels: shape.channels,
      multiplier: shape.multiplier, rows: rows, width: shape.width,
      pixel_stride: shape.channels + 2, weights: weights.readPointer,
      bias: shape.first == 0 ? bias.readPointer : nil, activation: shape.activation,
      first: shape.first, count: shape.count, destination: destination.pointer,
      destination_stride: destination.stride)
    table.pointee.depthwise_f32(&params)
    return withExtendedLifetime((input, weights, bias)) { destination.outcome }
  }
}

private func gather(_ shape: NeighborShape, _ table: Table) -> Outcome {
  var generator = SeededGenerator(seed: 12)
  let gap = shape.first == 0 ? 0 : 1
  let input = Neighborhood(shape, pixelGap: gap, &generator)
  let destination = Matrix<Float>(shape.count, shape.kernel * shape.kernel * shape.channels)
  return input.pointers.withUnsafeBufferPointer { pointers -> Outcome in
    guard let rows = pointers.baseAddress else { preconditionFailure("a kernel has rows") }
    var params = martlet_gather_patches_f32_params(
      kernel: shape.kernel, stride: shape.stride, channels: shape.channels, rows: rows,
      width: shape.width, pixel_stride: shape.channels + gap, first: shape.first,
      count: shape.count, destination: destination.pointer,
      destination_stride: destination.stride)
    table.pointee.gather_patches_f32(&params)
    return withExtendedLifetime(input) { destination.outcome }
  }
}
