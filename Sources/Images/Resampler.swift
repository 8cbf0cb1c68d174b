import MartletModel

/// A picture on a larger sheet of one color. The sheet is never built: its rows are made one by one.
struct Sheet {
  let picture: Pixels
  let width: Int
  let height: Int
  /// Where the picture's first column and row lie.
  let left: Int
  let top: Int
  /// Red, green, blue of the rest.
  let fill: [UInt8]

  /// The picture alone.
  init(_ picture: Pixels) {
    self.picture = picture
    width = picture.width
    height = picture.height
    left = 0
    top = 0
    fill = [0, 0, 0]
  }

  /// The picture in the middle of the smallest square that holds it; odd rests go right and below.
  init(square picture: Pixels, fill: [UInt8]) {
    let side = max(picture.width, picture.height)
    self.picture = picture
    width = side
    height = side
    left = (side - picture.width) / 2
    top = (side - picture.height) / 2
    self.fill = fill
  }
}

/// Resizes as Pillow does with 8-bit channels: bicubic with antialiasing, first along rows, then along columns, the
/// intermediate rounded to bytes.
///
/// The order is the reference's (section 5.1) and that of every Pillow up to 12.1. Pillow 13 starts with the columns where
/// the height loses more than twice as many pixels as the width; pads to a square never do, crops only of pictures
/// narrower than 1 : 2, and then pixels differ by a level or two.
struct Resampler {
  private let sheet: Sheet
  private let across: BicubicWeights
  private let down: BicubicWeights
  /// Outputs of a row that see a column of the picture; all others are the same in every row.
  private let seeing: Range<Int>
  /// Bytes of a narrowed row.
  private let rowBytes: Int

  /// For the part `columns` × `rows` of the sheet resized to `width` × `height`; all extents are positive.
  init(_ sheet: Sheet, width: Int, height: Int, columns: Range<Int>, rows: Range<Int>) {
    self.sheet = sheet
    across = BicubicWeights(from: sheet.width, to: width, window: columns)
    down = BicubicWeights(from: sheet.height, to: height, window: rows)
    rowBytes = columns.count * 3
    // Spans of inputs only move right.
    let right = sheet.left + sheet.picture.width
    let first = across.taps.firstIndex { $0.first + $0.count > sheet.left } ?? 0
    let end = across.taps.lastIndex { $0.first < right }.map { $0 + 1 } ?? first
    seeing = first..<max(first, end)
  }

  /// The part asked for, `[rows, columns, 3]`.
  ///
  /// Rows of the sheet are narrowed when the first output needs them and live in a ring as long as the longest filter
  /// down, so that memory beyond the result is this ring and one row of the sheet, however high the sheet is.
  func pixels() -> Pixels {
    var output = [UInt8](repeating: 0, count: down.taps.count * rowBytes)
    // The last slot holds a row without picture, and all others begin as one.
    let blank = down.stride
    var line = blankLine()
    var row = [UInt8](repeating: 0, count: rowBytes)
    ResamplerLoops.narrow(
      line.span, from: 0, across, outputs: across.taps.indices, into: &row, from: 0)
    var ring: [UInt8] = []
    ring.reserveCapacity((down.stride + 1) * rowBytes)
    for _ in 0...down.stride { ring += row }
    var next = 0
    var slots = [Int](repeating: 0, count: down.stride)
    for (index, taps) in down.taps.enumerated() {
      next = max(next, taps.first)
      while next < taps.first + taps.count {
        narrow(row: next, &line, into: &ring)
        next += 1
      }
      for tap in 0..<taps.count {
        let row = taps.first + tap
        slots[tap] = (hasPicture(row) ? row % down.stride : blank) * rowBytes
      }
      ResamplerLoops.blend(
        ring.span, from: slots, count: taps.count, down, at: index, into: &output,
        from: index * rowBytes, byteCount: rowBytes)
    }
    return Pixels(height: down.taps.count, width: across.taps.count, bytes: output)
  }

  private func hasPicture(_ row: Int) -> Bool {
    row >= sheet.top && row - sheet.top < sheet.picture.height
  }

  /// A row of the sheet without picture.
  private func blankLine() -> [UInt8] {
    var line = [UInt8](repeating: 0, count: sheet.width * 3)
    for index in line.indices { line[index] = sheet.fill[index % 3] }
    return line
  }

  /// Puts a row of the sheet, narrowed, into its slot of the ring. `line` is a blank line but for the picture's place.
  private func narrow(row: Int, _ line: inout [UInt8], into ring: inout [UInt8]) {
    guard hasPicture(row) else { return }
    let count = sheet.picture.width * 3
    let start = (row - sheet.top) * count
    let slot = row % down.stride * rowBytes
    if sheet.picture.width == sheet.width {
      ResamplerLoops.narrow(
        sheet.picture.bytes.span, from: start, across, outputs: seeing, into: &ring, from: slot)
    } else {
      line.replaceSubrange(
        sheet.left * 3..<sheet.left * 3 + count, with: sheet.picture.bytes[start..<start + count])
      ResamplerLoops.narrow(line.span, from: 0, across, outputs: seeing, into: &ring, from: slot)
    }
  }
}
