import CMartletKernels
import MartletTestSupport

let attentionTrials: [Trial] = rotateTrials + packTrials

private let rotateTrials: [Trial] = [2, 8, 16, 26, 64, 128].map { headSize in
  Trial(kernel: "rotate", label: "head size \(headSize)") { table in
    var generator = SeededGenerator(seed: 13)
    let values = Matrix<Float>(3, 2 * headSize, gap: 11) { _, _ in generator.float() }
    let cosines = Matrix<Float>(3, headSize / 2) { _, _ in generator.float() }
    let sines = Matrix<Float>(3, headSize / 2) { _, _ in generator.float() }
    var params = martlet_rotate_params(
      m: 3, heads: 2, head_size: headSize, values: values.pointer, stride: values.stride,
      cosines: cosines.readPointer, sines: sines.readPointer, table_stride: cosines.stride)
    table.pointee.rotate(&params)
    return withExtendedLifetime((cosines, sines)) { values.outcome }
  }
}

private let packTrials: [Trial] = [(0, 1), (0, 16), (0, 35), (5, 11), (5, 40), (8, 8), (31, 2)]
  .flatMap { (first: Int, rows: Int) in
    [1, 8, 16, 24, 30, 64].flatMap { d in
      [
        Trial(kernel: "pack_keys", label: "\(rows) rows of \(d) after \(first)") {
          packKeys(first, rows, d, $0)
        },
        Trial(kernel: "pack_values", label: "\(rows) rows of \(d) after \(first)") {
          packValues(first, rows, d, $0)
        },
      ]
    }
  }

private func packKeys(_ first: Int, _ rows: Int, _ d: Int, _ table: Table) -> Outcome {
  var generator = SeededGenerator(seed: 14)
  let source = Matrix<Float>(rows, d) { _, _ in generator.float() }
  let panels = Matrix<Float>(1, (first + rows + 15) / 16 * 16 * d)
  var params = martlet_pack_keys_params(
    m: rows, d: d, first: first, source: source.readPointer, source_stride: source.stride,
    panels: panels.pointer)
  table.pointee.pack_keys(&params)
  return withExtendedLifetime(source) { panels.outcome }
}

private func packValues(_ first: Int, _ rows: Int, _ d: Int, _ table: Table) -> Outcome {
  var generator = SeededGenerator(seed: 15)
  let capacity = first + rows + 2
  let source = Matrix<Float>(rows, d) { _, _ in generator.float() }
  let panels = Matrix<Float>((d + 15) / 16, capacity * 16, gap: 0)
  var params = martlet_pack_values_params(
    m: rows, d: d, first: first, source: source.readPointer, source_stride: source.stride,
    panels: panels.pointer, panel_stride: capacity * 16)
  table.pointee.pack_values(&params)
  return withExtendedLifetime(source) { panels.outcome }
}
