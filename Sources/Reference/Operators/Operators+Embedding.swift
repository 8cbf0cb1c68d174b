import MartletModel

extension Operators {
  /// Rows of a table by id; negative ids take the rows of `images`, in order.
  /// - Throws: `tokenOutOfRange`, and `imageRowCount` where places and rows differ in number.
  func embedded(
    _ ids: [Int], images: ReferenceTensor?, table: [Float], _ op: Embedding, layer: String
  ) throws(ReferenceError) -> ReferenceTensor {
    let places = ids.count { $0 < 0 }
    let rows = images?.rows ?? 0
    if places != rows { throw .imageRowCount(layer: layer, places: places, rows: rows) }
    for id in ids where id >= op.rows {
      throw .tokenOutOfRange(layer: layer, id: id, rows: op.rows)
    }
    var data: [Float] = []
    data.reserveCapacity(ids.count * op.channels)
    var nextImageRow = 0
    for id in ids {
      if id >= 0 {
        data += table[id * op.channels..<(id + 1) * op.channels]
      } else if let images {
        data += images.row(nextImageRow)
        nextImageRow += 1
      }
    }
    return ReferenceTensor(rows: ids.count, channels: op.channels, data: data)
  }
}
