import MartletBytes
import MartletReference

/// The largest |x| per channel.
struct ChannelMaximaCollector: BlockCollector {
  private var maxima: [Float]

  init(channels: Int) { maxima = [Float](repeating: 0, count: channels) }

  static func part(of tensor: ReferenceTensor, rows: Range<Int>) -> [Float] {
    var maxima = [Float](repeating: 0, count: tensor.channels)
    for row in rows {
      RowLoops.raise(&maxima, tensor.data.span.extracting(elements(tensor, row..<row + 1)))
    }
    return maxima
  }

  mutating func add(_ part: [Float]) { RowLoops.raise(&maxima, part.span) }

  var found: CollectedStatistic { .channelMaxima(maxima) }

  func save(to writer: inout ByteWriter) {
    for number in maxima { writer.float(number) }
  }

  mutating func restore(from reader: inout ByteReader) throws(BytesError) {
    for channel in maxima.indices { maxima[channel] = try reader.float() }
  }
}
