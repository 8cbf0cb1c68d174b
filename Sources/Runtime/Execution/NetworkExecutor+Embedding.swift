import CMartletKernels
import MartletModel

/// Token rows from the embedding table, image rows from the second input.
extension NetworkExecutor {
  /// - Throws: `tokenID`, `imageCount`, before any row is written.
  func runEmbed(
    _ op: Embedding, _ table: WeightPointers?, imageRows: ValueID?, _ output: ValueID,
    _ request: Request
  ) throws(RuntimeError) {
    let count = rowCount(of: output, request)
    guard let table = unsafe table else { return }
    var needed = 0
    for id in ids.prefix(count) {
      if id < 0 { needed += 1 }
      if id >= op.rows { throw .tokenID(found: Int(id), vocabulary: op.rows) }
    }
    let room = imageRows.map { schedule.extents.rows[$0.index] } ?? 0
    if needed > room { throw .imageCount(expectedRows: needed, foundRows: room) }
    let target = unsafe rows(of: output)
    var image = 0
    for row in 0..<count {
      let destination = unsafe target.from(row).base
      let id = ids[row]
      if id < 0, let imageRows {
        unsafe destination.update(
          from: rows(of: imageRows).from(image).base, count: op.channels)
        image += 1
      } else {
        unsafe lookUp(Int(id), op, table, to: destination)
      }
    }
  }

  private func lookUp(
    _ row: Int, _ op: Embedding, _ table: WeightPointers,
    to destination: UnsafeMutablePointer<Float>
  ) {
    switch unsafe table.encoding {
    case .int8Panels:
      guard let scales = unsafe table.scales else { return }
      var params = unsafe martlet_dequantize_row_s8_params(
        row: row, k: op.channels, codes: table.codes.assumingMemoryBound(to: Int8.self),
        scales: scales.assumingMemoryBound(to: Float.self), destination: destination)
      unsafe kernels.pointee.dequantize_row_s8(&params)
    case .int4Panels:
      guard let scales = unsafe table.scales else { return }
      var params = unsafe martlet_dequantize_row_s4_params(
        row: row, k: op.channels, codes: table.codes.assumingMemoryBound(to: UInt8.self),
        scales: scales.assumingMemoryBound(to: UInt16.self), destination: destination)
      unsafe kernels.pointee.dequantize_row_s4(&params)
    case .float32Panels:
      var params = unsafe martlet_dequantize_row_f32_params(
        row: row, k: op.channels, panels: table.codes.assumingMemoryBound(to: Float.self),
        destination: destination)
      unsafe kernels.pointee.dequantize_row_f32(&params)
    case .float32, .float32Taps, .float32Patches:
      preconditionFailure("`BoundRegion` admits no such encoding for a table")
    }
  }
}
