import MartletBytes

/// A line of a file that only grows: one JSON object whose last member is the checksum of what stands before it.
enum SealedLine {
  /// Longest line that is read: a record takes a few KB, and more with many questions about one picture.
  static let longest = 64 << 20

  /// Where the line ends that starts here; `nil` where it is not finished.
  static func end(_ bytes: RawSpan, from start: Int) -> Int? {
    var index = start
    while index < bytes.byteCount {
      if bytes.byte(index) == 0x0A { return index }
      index += 1
    }
    return nil
  }

  /// Whether bytes begin like a file, as far as there are any.
  static func begins(_ bytes: RawSpan, as opening: [UInt8]) -> Bool {
    for index in 0..<min(bytes.byteCount, opening.count) where bytes.byte(index) != opening[index] {
      return false
    }
    return true
  }

  /// `{…,"sum":"0123456789abcdef"}`: the sum is XXH64 of the bytes before its comma.
  static func value(
    _ line: RawSpan, path: String, offset: Int
  ) throws(ResultsProblem) -> JSONValue {
    if line.byteCount > longest { throw .tooLong(limit: longest) }
    let tail = line.byteCount - sumBytes
    guard tail > 0 else { throw .checksum }
    let sum = XXH64.checksum(line.extracting(0..<tail))
    let expected = Array(seal(sum).utf8)
    for index in 0..<sumBytes where line.byte(tail + index) != expected[index] {
      throw .checksum
    }
    // SAFETY: bytes have no padding; the copy is the line without its sum.
    var bytes = unsafe line.extracting(0..<tail).withUnsafeBytes { unsafe [UInt8]($0) }
    bytes.append(UInt8(ascii: "}"))
    do throws(BytesError) {
      return try JSONValue(parsing: bytes, source: path)
    } catch { throw .json(error) }
  }

  private static let sumBytes = 26

  private static func seal(_ sum: UInt64) -> String {
    ",\"sum\":\"" + EvaluationSubject.text(sum) + "\"}"
  }

  /// An object as a line.
  static func bytes(_ object: JSONObject) -> [UInt8] {
    var bytes = JSONValue.object(object).utf8()
    bytes.removeLast()
    let sum = XXH64.checksum(bytes)
    return bytes + Array((seal(sum) + "\n").utf8)
  }
}

extension RawSpan {
  /// A byte within the count, which the caller has compared.
  fileprivate func byte(_ index: Int) -> UInt8 {
    precondition(index < byteCount)
    // SAFETY: the index was just compared.
    return unsafe unsafeLoad(fromUncheckedByteOffset: index, as: UInt8.self)
  }
}
