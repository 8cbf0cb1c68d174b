import CMartletKernels
import MartletTestSupport

private let widths = [0, 1, 5, 8, 13, 16, 17, 31, 96, 101]

let pointwiseTrials: [Trial] = widths.flatMap { width in
  Flavor.ofFloats.flatMap { flavor in
    [true, false].flatMap { inPlace in
      ["gelu", "relu", "sigmoid", "silu_gate"].map { name in
        Trial(kernel: name, label: "width \(width), \(flavor.rawValue), in place: \(inPlace)") {
          map(name, width, flavor, inPlace: inPlace, $0)
        }
      } + [
        Trial(kernel: "add", label: "width \(width), \(flavor.rawValue), in place: \(inPlace)") {
          add(width, flavor, inPlace: inPlace, $0)
        },
        Trial(
          kernel: "add_scaled",
          label: "width \(width), \(flavor.rawValue), in place, offset: \(inPlace)"
        ) {
          addScaled(width, flavor, inPlace: inPlace, $0)
        },
        Trial(
          kernel: "scale_columns", label: "width \(width), \(flavor.rawValue), offset: \(inPlace)"
        ) {
          scale(width, flavor, offset: inPlace, $0)
        },
        Trial(kernel: "sum_columns", label: "width \(width), \(flavor.rawValue)") {
          sum(width, flavor, $0)
        },
      ]
    }
  }
}

private let rows = 4

private func map(
  _ name: String, _ width: Int, _ flavor: Flavor, inPlace: Bool, _ table: Table
) -> Outcome {
  var generator = SeededGenerator(seed: UInt64(width))
  // A gate's rows are twice as wide; in place, its results lie over the first halves.
  let source = Matrix<Float>(rows, name == "silu_gate" ? 2 * width : width) { row, column in
    // One NaN, where there is room for it.
    row == 1 && column == 3 ? .nan : flavor.float(&generator)
  }
  let destination = inPlace ? source : Matrix<Float>(rows, width, gap: 9)
  var params = martlet_map_rows_params(
    m: rows, width: width, source: source.readPointer, source_stride: source.stride,
    destination: destination.pointer, destination_stride: destination.stride)
  switch name {
  case "gelu": table.pointee.gelu(&params)
  case "relu": table.pointee.relu(&params)
  case "sigmoid": table.pointee.sigmoid(&params)
  default: table.pointee.silu_gate(&params)
  }
  return withExtendedLifetime(source) { destination.outcome }
}

private func add(_ width: Int, _ flavor: Flavor, inPlace: Bool, _ table: Table) -> Outcome {
  var generator = SeededGenerator(seed: 5)
  let a = Matrix<Float>(rows, width, gap: 1) { _, _ in flavor.float(&generator) }
  let b = Matrix<Float>(rows, width, gap: 4) { _, _ in flavor.float(&generator) }
  let destination = inPlace ? b : Matrix<Float>(rows, width)
  var params = martlet_add_params(
    m: rows, width: width, a: a.readPointer, a_stride: a.stride, b: b.readPointer,
    b_stride: b.stride, destination: destination.pointer, destination_stride: destination.stride)
  table.pointee.add(&params)
  return withExtendedLifetime((a, b)) { destination.outcome }
}

/// In place on `a` with an offset, or neither.
private func addScaled(_ width: Int, _ flavor: Flavor, inPlace: Bool, _ table: Table) -> Outcome {
  var generator = SeededGenerator(seed: 8)
  let a = Matrix<Float>(rows, width, gap: 1) { _, _ in flavor.float(&generator) }
  let b = Matrix<Float>(rows, width, gap: 4) { _, _ in flavor.float(&generator) }
  let factors = Matrix<Float>(1, width) { _, _ in generator.float() }
  let offsets = Matrix<Float>(1, width) { _, _ in generator.float() }
  let destination = inPlace ? a : Matrix<Float>(rows, width)
  var params = martlet_add_scaled_params(
    m: rows, width: width, a: a.readPointer, a_stride: a.stride, b: b.readPointer,
    b_stride: b.stride, scale: factors.readPointer, offset: inPlace ? offsets.readPointer : nil,
    destination: destination.pointer, destination_stride: destination.stride)
  table.pointee.add_scaled(&params)
  return withExtendedLifetime((a, b, factors, offsets)) { destination.outcome }
}

private func scale(_ width: Int, _ flavor: Flavor, offset: Bool, _ table: Table) -> Outcome {
  var generator = SeededGenerator(seed: 6)
  let source = Matrix<Float>(rows, width) { _, _ in flavor.float(&generator) }
  let factors = Matrix<Float>(1, width) { _, _ in generator.float() }
  let offsets = Matrix<Float>(1, width) { _, _ in generator.float() }
  let destination = Matrix<Float>(rows, width, gap: 1)
  var params = martlet_scale_columns_params(
    m: rows, width: width, source: source.readPointer, source_stride: source.stride,
    scale: factors.readPointer, offset: offset ? offsets.readPointer : nil,
    destination: destination.pointer, destination_stride: destination.stride)
  table.pointee.scale_columns(&params)
  return withExtendedLifetime((source, factors, offsets)) { destination.outcome }
}

private func sum(_ width: Int, _ flavor: Flavor, _ table: Table) -> Outcome {
  var generator = SeededGenerator(seed: 7)
  let source = Matrix<Float>(rows, width) { _, _ in flavor.float(&generator) }
  let sums = Matrix<Float>(1, width) { _, _ in generator.float() }
  var params = martlet_sum_columns_params(
    m: rows, width: width, source: source.readPointer, source_stride: source.stride,
    sums: sums.pointer)
  table.pointee.sum_columns(&params)
  return withExtendedLifetime(source) { sums.outcome }
}
