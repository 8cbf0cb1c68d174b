import MartletBytes
import MartletModel

// The small records: architecture, picture, tokenizer, prompt (pack-format.md, sections 3.1 to 3.4). Each has an
// encoder and a decoder that stand side by side; the decoder refuses whatever the page does not allow.

/// `MODL`
enum ArchitectureRecord {
  static func encoded(_ architecture: String) throws(PackError) -> [UInt8] {
    var writer = ByteWriter()
    try writer.string(architecture)
    return writer.bytes
  }

  static func decoded(_ reader: inout RecordReader) throws(PackError) -> String {
    let architecture = try reader.string()
    try reader.finish()
    return architecture
  }
}

/// `IMAG`
enum ImageRecord {
  static let largestResolution = 16384

  static func encoded(_ image: ImageSpecification) throws(PackError) -> [UInt8] {
    var writer = ByteWriter()
    try writer.u32(image.resolution, "resolution")
    writer.uint8(image.fit.rawValue)
    if image.fill.count != 3 || image.mean.count != 3 || image.standardDeviation.count != 3 {
      throw .notRepresentable(what: "color channels", found: "\(image.mean.count)")
    }
    writer.append(image.fill)
    for value in image.mean + image.standardDeviation { writer.float(value) }
    return writer.bytes
  }

  static func decoded(_ reader: inout RecordReader) throws(PackError) -> ImageSpecification {
    let resolution = try reader.u32("resolution", in: 1...largestResolution)
    let start = reader.offset
    let rule = try reader.u8()
    guard let fit = ImageSpecification.Fit(rawValue: rule) else {
      throw reader.field("fit", "\(rule)", at: start)
    }
    let fill = try reader.raw(3)
    var mean: [Float] = []
    for _ in 0..<3 { mean.append(try reader.float("mean")) }
    var deviation: [Float] = []
    for _ in 0..<3 {
      let start = reader.offset
      let value = try reader.float("standard deviation")
      if value <= 0 { throw reader.field("standard deviation", "\(value)", at: start) }
      deviation.append(value)
    }
    try reader.finish()
    return ImageSpecification(
      resolution: resolution, fit: fit, fill: fill, mean: mean, standardDeviation: deviation)
  }
}

/// `TOKN`
enum TokenizerRecord {
  static let largestID = 1 << 24 - 1

  static func encoded(_ tokenizer: TokenizerSpecification) throws(PackError) -> [UInt8] {
    var writer = ByteWriter()
    writer.uint8(tokenizer.splitter.rawValue)
    try writer.u32(tokenizer.tokens.count, "token count")
    for token in tokenizer.tokens {
      guard let length = UInt16(exactly: token.count) else {
        throw .notRepresentable(what: "token length", found: "\(token.count)")
      }
      writer.uint16(length)
    }
    for token in tokenizer.tokens { writer.append(token) }
    try writer.u32(tokenizer.merges.count, "merge count")
    for merge in tokenizer.merges {
      writer.int32(merge.left)
      writer.int32(merge.right)
      writer.int32(merge.result)
    }
    try writer.u32(tokenizer.addedTokens.count, "added token count")
    for token in tokenizer.addedTokens {
      try writer.u32(token.id, "token id")
      writer.uint8(UInt8(token.isSpecial ? 1 : 0))
      try writer.string(token.content)
    }
    return writer.bytes
  }

  static func decoded(_ reader: inout RecordReader) throws(PackError) -> TokenizerSpecification {
    let start = reader.offset
    let rule = try reader.u8()
    guard let splitter = TokenizerSpecification.Splitter(rawValue: rule) else {
      throw reader.field("splitter", "\(rule)", at: start)
    }
    let tokens = try tokens(&reader)
    let merges = try merges(&reader, tokenCount: tokens.count)
    let added = try addedTokens(&reader)
    try reader.finish()
    return TokenizerSpecification(
      splitter: splitter, tokens: tokens, merges: merges, addedTokens: added)
  }

  private static func tokens(_ reader: inout RecordReader) throws(PackError) -> [[UInt8]] {
    let count = try reader.count(elementBytes: 2)
    if count > largestID { throw reader.field("token count", "\(count)", at: reader.offset - 4) }
    var lengths: [Int] = []
    lengths.reserveCapacity(count)
    for _ in 0..<count { lengths.append(Int(try reader.integer(UInt16.self))) }
    var tokens: [[UInt8]] = []
    tokens.reserveCapacity(count)
    for length in lengths { tokens.append(try reader.raw(length)) }
    return tokens
  }

  private static func merges(
    _ reader: inout RecordReader, tokenCount: Int
  ) throws(PackError) -> [TokenizerSpecification.Merge] {
    let count = try reader.count(elementBytes: 12)
    var merges: [TokenizerSpecification.Merge] = []
    merges.reserveCapacity(count)
    for _ in 0..<count {
      let start = reader.offset
      let left = try reader.u32()
      let right = try reader.u32()
      let result = try reader.u32()
      let largest = max(left, right, result)
      if largest >= tokenCount { throw reader.field("merge", "\(largest)", at: start) }
      merges.append(.init(left: Int32(left), right: Int32(right), result: Int32(result)))
    }
    return merges
  }

  private static func addedTokens(
    _ reader: inout RecordReader
  ) throws(PackError) -> [TokenizerSpecification.AddedToken] {
    let count = try reader.count(elementBytes: 9)
    var added: [TokenizerSpecification.AddedToken] = []
    added.reserveCapacity(count)
    for _ in 0..<count {
      let id = try reader.u32("token id", in: 0...largestID)
      let start = reader.offset
      let special = try reader.u8()
      if special > 1 { throw reader.field("special", "\(special)", at: start) }
      added.append(.init(id: id, content: try reader.string(), isSpecial: special == 1))
    }
    return added
  }
}

/// `PRMP`
enum PromptRecord {
  static let longestSequence = 1 << 24

  static func encoded(_ prompt: PromptTemplate) throws(PackError) -> [UInt8] {
    var writer = ByteWriter()
    try writer.string(prompt.opening)
    try writer.string(prompt.separator)
    try writer.string(prompt.closing)
    try writer.u32(prompt.stopIDs.count, "stop id count")
    for id in prompt.stopIDs { try writer.u32(id, "stop id") }
    try writer.u32(prompt.maximumTokens, "longest sequence")
    return writer.bytes
  }

  static func decoded(_ reader: inout RecordReader) throws(PackError) -> PromptTemplate {
    let opening = try reader.string()
    let separator = try reader.string()
    let closing = try reader.string()
    let count = try reader.count(elementBytes: 4)
    var stopIDs: [Int] = []
    stopIDs.reserveCapacity(count)
    for _ in 0..<count {
      stopIDs.append(try reader.u32("stop id", in: 0...TokenizerRecord.largestID))
    }
    let longest = try reader.u32("longest sequence", in: 1...longestSequence)
    try reader.finish()
    return PromptTemplate(
      opening: opening, separator: separator, closing: closing, stopIDs: stopIDs,
      maximumTokens: longest)
  }
}
