import CMartletPlatform

extension JSONValue {
  /// Parses a text that is one JSON value and nothing else.
  ///
  /// Strict: UTF-8 without a byte order mark, no duplicate keys, no trailing commas, no comments, no lone
  /// surrogates, nesting up to `depthLimit`. Time and memory are linear in the bytes.
  /// - Parameter source: where the text comes from, for errors.
  /// - Throws: `json` with the byte offset.
  package init(parsing bytes: RawSpan, source: String, base: Int = 0) throws(BytesError) {
    var parser = JSONParser(bytes: bytes, source: source, base: base)
    self = try parser.document()
  }

  /// Parses a text in memory.
  package init(parsing bytes: [UInt8], source: String) throws(BytesError) {
    // SAFETY: bytes have no padding.
    try unsafe self.init(parsing: bytes.span.bytes, source: source)
  }

  /// Parses a text.
  package init(parsing text: String, source: String) throws(BytesError) {
    try self.init(parsing: Array(text.utf8), source: source)
  }

  /// Parses a small file.
  package init(contentsOf path: String, limit: Int = 256 << 20) throws(BytesError) {
    try self.init(parsing: SmallFile.bytes(of: path, limit: limit), source: path)
  }
}

extension JSONNumber {
  /// The double nearest to a number in JSON's grammar.
  static func nearestDouble(_ text: String) -> Double {
    var text = text
    var value = 0.0
    let parsed = text.withUTF8 { buffer in
      // SAFETY: the callee reads `count` bytes during the call.
      unsafe buffer.withMemoryRebound(to: CChar.self) { characters in
        guard let base = characters.baseAddress else { return false }
        return unsafe martlet_parse_double(base, characters.count, &value)
      }
    }
    precondition(parsed, "the parser keeps to the grammar and the length")
    return value
  }
}

/// A recursive descent over the bytes, one look ahead.
private struct JSONParser: ~Escapable {
  let bytes: RawSpan
  let source: String
  /// Offset of the first byte within the source.
  let base: Int
  var position = 0
  var depth = 0

  @_lifetime(copy bytes)
  init(bytes: RawSpan, source: String, base: Int) {
    self.bytes = bytes
    self.source = source
    self.base = base
  }

  mutating func document() throws(BytesError) -> JSONValue {
    let value = try value()
    skipSpace()
    if position < bytes.byteCount { throw error(.trailingBytes) }
    return value
  }

  /// Never inlined: it is cold, and Swift 6.3.1 for aarch64 under -Osize spoils `source` in the copies it
  /// inlines.
  @inline(never)
  private func error(_ problem: JSONProblem, at position: Int? = nil) -> BytesError {
    .json(source: source, offset: base + (position ?? self.position), problem: problem)
  }

  /// The byte at the position, or 0 at the end: no JSON token begins with 0.
  private var next: UInt8 { byte(position) }

  private func byte(_ index: Int) -> UInt8 {
    if index >= bytes.byteCount { return 0 }
    // SAFETY: the index was compared with the count and is never negative.
    return unsafe bytes.unsafeLoad(fromUncheckedByteOffset: index, as: UInt8.self)
  }

  private func unexpected() -> BytesError {
    error(position < bytes.byteCount ? .unexpectedByte(next) : .unexpectedEnd)
  }

  private mutating func skipSpace() {
    while true {
      switch next {
      case 0x20, 0x0A, 0x0D, 0x09: position += 1
      default: return
      }
    }
  }

  private mutating func value() throws(BytesError) -> JSONValue {
    skipSpace()
    switch next {
    case UInt8(ascii: "{"): return .object(try object())
    case UInt8(ascii: "["): return .array(try array())
    case UInt8(ascii: "\""): return .string(try string())
    case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"): return .number(try number())
    case UInt8(ascii: "t"): return try literal("true", .bool(true))
    case UInt8(ascii: "f"): return try literal("false", .bool(false))
    case UInt8(ascii: "n"): return try literal("null", .null)
    default: throw unexpected()
    }
  }

  private mutating func literal(
    _ text: StaticString, _ value: JSONValue
  ) throws(BytesError) -> JSONValue {
    for index in 0..<text.utf8CodeUnitCount {
      // SAFETY: the index is below the count of the static text.
      if next != (unsafe text.utf8Start[index]) { throw unexpected() }
      position += 1
    }
    return value
  }

  private mutating func enter() throws(BytesError) {
    depth += 1
    if depth > JSONValue.depthLimit { throw error(.tooDeep) }
    position += 1
    skipSpace()
  }

  private mutating func array() throws(BytesError) -> [JSONValue] {
    try enter()
    var elements: [JSONValue] = []
    if next == UInt8(ascii: "]") {
      position += 1
    } else {
      while true {
        elements.append(try value())
        if try !goesOn(until: UInt8(ascii: "]")) { break }
      }
    }
    depth -= 1
    return elements
  }

  private mutating func object() throws(BytesError) -> JSONObject {
    try enter()
    var object = JSONObject()
    if next == UInt8(ascii: "}") {
      position += 1
    } else {
      while true {
        skipSpace()
        let start = position
        if next != UInt8(ascii: "\"") { throw unexpected() }
        let key = try string()
        skipSpace()
        if next != UInt8(ascii: ":") { throw unexpected() }
        position += 1
        if !object.append(key, try value()) { throw error(.duplicateKey(key), at: start) }
        if try !goesOn(until: UInt8(ascii: "}")) { break }
      }
    }
    depth -= 1
    return object
  }

  /// Steps over a comma (`true`) or the closing byte (`false`).
  private mutating func goesOn(until closing: UInt8) throws(BytesError) -> Bool {
    skipSpace()
    let byte = next
    if byte != UInt8(ascii: ","), byte != closing { throw unexpected() }
    position += 1
    return byte != closing
  }

  // MARK: Numbers

  private mutating func number() throws(BytesError) -> JSONNumber {
    let start = position
    if next == UInt8(ascii: "-") { position += 1 }
    if next == UInt8(ascii: "0") {
      position += 1
    } else {
      try digits()
    }
    if next == UInt8(ascii: ".") {
      position += 1
      try digits()
    }
    if next == UInt8(ascii: "e") || next == UInt8(ascii: "E") {
      position += 1
      if next == UInt8(ascii: "+") || next == UInt8(ascii: "-") { position += 1 }
      try digits()
    }
    if position - start > Int(MARTLET_NUMBER_TEXT) { throw error(.numberTooLong, at: start) }
    return JSONNumber(checkedText: text(start..<position))
  }

  private mutating func digits() throws(BytesError) {
    let start = position
    while next >= UInt8(ascii: "0"), next <= UInt8(ascii: "9") { position += 1 }
    if position == start { throw unexpected() }
  }

  // MARK: Strings

  /// Text of bytes that are known to be UTF-8.
  private func text(_ range: Range<Int>) -> String {
    // SAFETY: the buffer is only read during the call.
    unsafe bytes.extracting(range).withUnsafeBytes { unsafe String(decoding: $0, as: UTF8.self) }
  }

  /// The string at the position. One piece without escapes, which is nearly every string, is copied once.
  private mutating func string() throws(BytesError) -> String {
    let start = position + 1
    position = start
    var pieces: [UInt8] = []
    var pieceStart = start
    var isASCII = true
    while true {
      let byte = next
      switch byte {
      case UInt8(ascii: "\""):
        let piece = pieceStart..<position
        if !isASCII { try validate(piece) }
        position += 1
        if pieceStart == start { return text(piece) }
        append(piece, to: &pieces)
        return String(decoding: pieces, as: UTF8.self)
      case UInt8(ascii: "\\"):
        let piece = pieceStart..<position
        if !isASCII { try validate(piece) }
        append(piece, to: &pieces)
        try escape(into: &pieces)
        pieceStart = position
        isASCII = true
      case 0..<0x20:
        throw error(position < bytes.byteCount ? .controlCharacter(byte) : .unexpectedEnd)
      default:
        if byte >= 0x80 { isASCII = false }
        position += 1
      }
    }
  }

  private func append(_ range: Range<Int>, to pieces: inout [UInt8]) {
    // SAFETY: the buffer is only read during the call.
    unsafe bytes.extracting(range).withUnsafeBytes { unsafe pieces.append(contentsOf: $0) }
  }

  private func validate(_ range: Range<Int>) throws(BytesError) {
    let span = Span<UInt8>(_bytes: bytes.extracting(range))
    if let invalid = UTF8Check.firstInvalid(in: span) {
      throw error(.notUTF8, at: range.lowerBound + invalid)
    }
  }

  /// Appends what the escape at the position stands for.
  private mutating func escape(into pieces: inout [UInt8]) throws(BytesError) {
    let start = position
    position += 2
    switch byte(start + 1) {
    case UInt8(ascii: "\""): pieces.append(0x22)
    case UInt8(ascii: "\\"): pieces.append(0x5C)
    case UInt8(ascii: "/"): pieces.append(0x2F)
    case UInt8(ascii: "b"): pieces.append(0x08)
    case UInt8(ascii: "f"): pieces.append(0x0C)
    case UInt8(ascii: "n"): pieces.append(0x0A)
    case UInt8(ascii: "r"): pieces.append(0x0D)
    case UInt8(ascii: "t"): pieces.append(0x09)
    case UInt8(ascii: "u"):
      let first = try hexadecimal()
      var code = UInt32(first)
      if first & 0xFC00 == 0xD800 {
        guard byte(position) == UInt8(ascii: "\\"), byte(position + 1) == UInt8(ascii: "u") else {
          throw error(.loneSurrogate, at: start)
        }
        position += 2
        let second = try hexadecimal()
        if second & 0xFC00 != 0xDC00 { throw error(.loneSurrogate, at: start) }
        code = 0x10000 + (UInt32(first & 0x3FF) << 10 | UInt32(second & 0x3FF))
      }
      guard let scalar = Unicode.Scalar(code) else { throw error(.loneSurrogate, at: start) }
      for unit in UTF8.encode(scalar) ?? UTF8.encodedReplacementCharacter { pieces.append(unit) }
    default:
      position = start
      throw start + 1 < bytes.byteCount ? error(.badEscape) : error(.unexpectedEnd, at: start + 1)
    }
  }

  private mutating func hexadecimal() throws(BytesError) -> UInt16 {
    var value: UInt16 = 0
    for _ in 0..<4 {
      let digit: UInt8
      switch next {
      case UInt8(ascii: "0")...UInt8(ascii: "9"): digit = next - UInt8(ascii: "0")
      case UInt8(ascii: "a")...UInt8(ascii: "f"): digit = next - UInt8(ascii: "a") + 10
      case UInt8(ascii: "A")...UInt8(ascii: "F"): digit = next - UInt8(ascii: "A") + 10
      default: throw position < bytes.byteCount ? error(.badEscape) : error(.unexpectedEnd)
      }
      value = value << 4 | UInt16(digit)
      position += 1
    }
    return value
  }
}
