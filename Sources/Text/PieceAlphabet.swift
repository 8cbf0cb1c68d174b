import MartletModel

/// How Llama's tokens spell text: a character each where the vocabulary has it, else the tokens of its bytes.
struct PieceAlphabet: Sendable {
  /// U+2581, which stands for a space, in UTF-8.
  static let space: [UInt8] = [0xE2, 0x96, 0x81]

  private let characters: [UInt32: Int32]
  private let byteIDs: [Int32]

  /// - Throws: `missingByte` where a byte has no token, since some text would then have no encoding; `duplicateByte`.
  init(_ tokens: [[UInt8]]) throws(TextError) {
    var characters: [UInt32: Int32] = [:]
    var byteIDs = [Int32](repeating: -1, count: 256)
    for (id, token) in tokens.enumerated() {
      if let byte = Self.byte(token) {
        if byteIDs[Int(byte)] >= 0 {
          throw .duplicateByte(byte, firstID: Int(byteIDs[Int(byte)]), secondID: id)
        }
        byteIDs[Int(byte)] = Int32(truncatingIfNeeded: id)
      } else if token.count <= 4 {
        let scalars = Array(String(decoding: token, as: UTF8.self).unicodeScalars)
        if scalars.count == 1 { characters[scalars[0].value] = Int32(truncatingIfNeeded: id) }
      }
    }
    for byte in UInt8.min...UInt8.max where byteIDs[Int(byte)] < 0 { throw .missingByte(byte) }
    self.characters = characters
    self.byteIDs = byteIDs
  }

  /// The first symbols of a text without added tokens, before any merge.
  func symbols(_ text: ArraySlice<UInt8>) -> [Int32] {
    var spelled = Self.space
    spelled.reserveCapacity(text.count + 16)
    for byte in text {
      if byte == 0x20 { spelled.append(contentsOf: Self.space) } else { spelled.append(byte) }
    }
    var symbols: [Int32] = []
    symbols.reserveCapacity(spelled.count)
    for scalar in String(decoding: spelled, as: UTF8.self).unicodeScalars {
      if let id = characters[scalar.value] {
        symbols.append(id)
      } else {
        for byte in String(scalar).utf8 { symbols.append(byteIDs[Int(byte)]) }
      }
    }
    return symbols
  }

  /// What a token stands for in text.
  static func written(_ token: [UInt8]) -> [UInt8] {
    if let byte = byte(token) { return [byte] }
    var text: [UInt8] = []
    var position = 0
    while position < token.count {
      if token[position...].starts(with: space) {
        text.append(0x20)
        position += space.count
      } else {
        text.append(token[position])
        position += 1
      }
    }
    return text
  }

  /// The byte that `<0xHH>` stands for.
  private static func byte(_ token: [UInt8]) -> UInt8? {
    guard token.count == 6, token.starts(with: Array("<0x".utf8)), token[5] == 0x3E,
      let high = digit(token[3]), let low = digit(token[4])
    else { return nil }
    return high << 4 | low
  }

  private static func digit(_ character: UInt8) -> UInt8? {
    switch character {
    case 0x30...0x39: character - 0x30
    case 0x41...0x46: character - 0x41 + 10
    default: nil
    }
  }
}
