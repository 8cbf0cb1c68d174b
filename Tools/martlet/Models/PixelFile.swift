import MartletBytes
import MartletCheckpoints
import MartletVerification

/// Pixel values that another program wrote: NumPy's `.npy`, or a tensor of any file that holds tensors.
enum PixelFile {
  /// Most numbers that are taken: three channels of 4096².
  static let mostNumbers = 3 << 24

  static func read(_ path: String, tensor name: String?) throws -> ReferencePixels {
    let (shape, values) =
      path.hasSuffix(".npy") ? try numPy(path) : try tensor(of: path, named: name)
    guard let pixels = ReferencePixels(shape: shape, values: values) else {
      throw CommandError(
        .badData, "'\(path)' holds no square picture",
        [
          "expected: [3, side, side] or [side, side, 3], ones in front of it allowed",
          "found: \(shape)",
        ])
    }
    return pixels
  }

  private static func tensor(
    of path: String, named name: String?
  ) throws -> ([Int], [Float]) {
    let checkpoint = try Checkpoint.open(path)
    if name == nil, checkpoint.names.count > 1 {
      throw CommandError(
        .usage, "'\(path)' holds \(checkpoint.names.count) tensors",
        ["expected: --tensor NAME, one of \(checkpoint.names.prefix(8).joined(separator: ", "))"])
    }
    let tensor = try checkpoint.tensor(name ?? checkpoint.names.first ?? "")
    if tensor.count > mostNumbers { throw tooLarge(path, tensor.count) }
    return (tensor.shape, try checkpoint.floats(tensor.name))
  }

  private static func tooLarge(_ path: String, _ count: Int) -> CommandError {
    CommandError(
      .badData, "'\(path)' is larger than any picture",
      ["expected: at most \(mostNumbers) numbers", "found: \(count)"])
  }

  // MARK: NumPy

  /// NumPy's format 1 to 3: magic, version, length of a header that is a Python literal, then the numbers.
  private static func numPy(_ path: String) throws -> ([Int], [Float]) {
    let file = try MappedFile(path: path)
    let bytes = file.withBytes { span -> [UInt8] in
      // SAFETY: bytes have no padding; the copy ends with the call.
      unsafe span.withUnsafeBytes { unsafe [UInt8]($0.prefix(1 << 28)) }
    }
    func refused(_ what: String) -> CommandError {
      CommandError(.badData, "cannot read '\(path)'", [what])
    }
    guard bytes.count > 12, bytes.starts(with: [0x93] + Array("NUMPY".utf8)),
      (1...3).contains(bytes[6])
    else { throw refused("it does not begin as a file of NumPy 1 to 3 does") }
    let wide = bytes[6] > 1
    let length =
      wide
      ? (0..<4).reduce(0) { $0 | Int(bytes[8 + $1]) << (8 * $1) }
      : Int(bytes[8]) | Int(bytes[9]) << 8
    let start = wide ? 12 : 10
    guard length <= bytes.count - start else { throw refused("the header is cut short") }
    let header = String(decoding: bytes[start..<start + length], as: UTF8.self)
    let shape = try shape(header, refused)
    guard header.contains("'fortran_order': False") else {
      throw refused("expected: C order; found: \(header)")
    }
    var count = 1
    for extent in shape {
      let (product, overflow) = count.multipliedReportingOverflow(by: extent)
      if overflow || product > mostNumbers { throw tooLarge(path, overflow ? .max : product) }
      count = product
    }
    let data = bytes[(start + length)...]
    let types: [(name: String, size: Int, value: (Int) -> Float)] = [
      ("<f4", 4, { Float(bitPattern: UInt32(word(data, $0, 4))) }),
      ("<f8", 8, { Float(Double(bitPattern: word(data, $0, 8))) }),
      ("<f2", 2, { Float(Float16(bitPattern: UInt16(word(data, $0, 2)))) }),
      ("|u1", 1, { Float(word(data, $0, 1)) }),
    ]
    guard let type = types.first(where: { header.contains("'descr': '\($0.name)'") }) else {
      throw refused("expected: <f4, <f8, <f2 or |u1; found: \(header)")
    }
    guard data.count == count * type.size else {
      throw refused("\(count * type.size) bytes of numbers expected, \(data.count) found")
    }
    return (shape, (0..<count).map { type.value(data.startIndex + $0 * type.size) })
  }

  /// A little-endian number at a place that was checked.
  private static func word(_ bytes: ArraySlice<UInt8>, _ start: Int, _ size: Int) -> UInt64 {
    var word: UInt64 = 0
    for index in 0..<size { word |= UInt64(bytes[start + index]) << UInt64(8 * index) }
    return word
  }

  private static func shape(
    _ header: String, _ refused: (String) -> CommandError
  ) throws -> [Int] {
    guard let key = header.range(of: "'shape': ("),
      let end = header[key.upperBound...].firstIndex(of: ")")
    else { throw refused("the header states no shape") }
    return try header[key.upperBound..<end].split(separator: ",")
      .map { $0.filter { $0 != " " } }.filter { !$0.isEmpty }
      .map { word in
        guard let extent = Int(word), extent >= 0 else { throw refused("extent '\(word)'") }
        return extent
      }
  }
}
