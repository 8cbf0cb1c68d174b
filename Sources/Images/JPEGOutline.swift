/// The markers of a JPEG, walked before it is decoded: what bounds the work that its bytes can ask for.
///
/// A scan of a progressive picture may pass over 32767 blocks in two bytes, and every scan visits all blocks: a few hundred
/// bytes could keep the library at work for minutes.
struct JPEGOutline: Equatable {
  private(set) var scanCount = 0
  /// Whether blocks can take less than a bit.
  private(set) var isArithmetic = false

  /// Encoders make about 10; the library itself would take 500 or any number.
  static let largestScanCount = 100
  /// A block of 64 pixels takes at least one bit, for its mean.
  private static let largestDensity = 8 * 64
  /// Arithmetic coding spends as little as this part of a bit.
  private static let arithmeticShare = 64

  init(_ bytes: RawSpan) {
    var place = 2
    while place + 3 < bytes.byteCount {
      if ImageDecoder.byte(bytes, place) != 0xFF {
        place += 1
        continue
      }
      let marker = ImageDecoder.byte(bytes, place + 1)
      switch marker {
      case 0xFF: place += 1  // fill byte
      case 0x00, 0x01, 0xD0...0xD8: place += 2  // without a length
      case 0xD9: return  // end of the picture
      default:
        if marker == 0xDA { scanCount += 1 }
        // Frames SOF9 to SOF15, the table of coding conditions (DAC) among them.
        if marker >= 0xC9, marker <= 0xCF { isArithmetic = true }
        let length =
          Int(ImageDecoder.byte(bytes, place + 2)) << 8 | Int(ImageDecoder.byte(bytes, place + 3))
        place += 2 + length
      }
    }
  }

  /// - Throws: `unsupported` for more scans than any encoder makes, `truncated` for more pixels than the bytes can hold.
  func check(width: Int, height: Int, byteCount: Int, name: String) throws(ImageError) {
    if scanCount > Self.largestScanCount {
      throw .unsupported(name: name, format: .jpeg, feature: "\(scanCount) scans")
    }
    let density = Self.largestDensity * (isArithmetic ? Self.arithmeticShare : 1)
    let needed = width * height / density
    if byteCount < needed {
      throw .truncated(name: name, format: .jpeg, expected: needed, found: byteCount)
    }
  }
}
