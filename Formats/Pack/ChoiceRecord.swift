import MartletBytes
import MartletModel

/// `WHYP` (pack-format.md, section 3.12). Encoder and decoder stand side by side.
enum ChoiceRecord {
  private static let optionBytes = 1 + 8 + 8 + 8
  private static let encodings: [WeightEncoding] = [.float32Panels, .int8Panels, .int4Panels]

  static func encoded(_ choice: PrecisionChoice) throws(PackError) -> [UInt8] {
    var writer = ByteWriter()
    for figures in [choice.limits, choice.measured] {
      writer.double(figures.divergence ?? -1)
      writer.int64(figures.bytes.map { Int64(clamping: $0) } ?? -1)
      writer.double(figures.milliseconds ?? -1)
    }
    try writer.u32(choice.units.count, "unit count")
    for unit in choice.units {
      try writer.string(unit.layer)
      writer.uint8(UInt8(truncatingIfNeeded: unit.chosen))
      writer.uint8(UInt8(truncatingIfNeeded: unit.options.count))
      for option in unit.options {
        writer.uint8(option.encoding.code)
        writer.double(option.divergence)
        writer.uint64(option.bytes)
        writer.double(option.milliseconds)
      }
    }
    return writer.bytes
  }

  static func decoded(_ reader: inout RecordReader) throws(PackError) -> PrecisionChoice {
    let limits = try figures(&reader)
    let measured = try figures(&reader)
    var choice = PrecisionChoice(limits: limits, measured: measured, units: [])
    let count = try reader.count(elementBytes: 6)
    for _ in 0..<count {
      let layer = try reader.string()
      let start = reader.offset
      let chosen = Int(try reader.u8())
      let optionCount = Int(try reader.u8())
      if chosen >= optionCount { throw reader.field("chosen option", "\(chosen)", at: start) }
      try reader.require(optionCount, optionBytes)
      var options: [PrecisionChoice.Option] = []
      for _ in 0..<optionCount { options.append(try option(&reader)) }
      choice.units.append(PrecisionChoice.Unit(layer: layer, chosen: chosen, options: options))
    }
    try reader.finish()
    return choice
  }

  private static func option(
    _ reader: inout RecordReader
  ) throws(PackError) -> PrecisionChoice.Option {
    let start = reader.offset
    let code = try reader.u8()
    guard let encoding = WeightEncoding(code: code), encodings.contains(encoding) else {
      throw reader.field("encoding of an option", "\(code)", at: start)
    }
    return PrecisionChoice.Option(
      encoding: encoding, divergence: try finite(&reader, "divergence"),
      bytes: try reader.integer(UInt64.self), milliseconds: try finite(&reader, "milliseconds"))
  }

  private static func figures(
    _ reader: inout RecordReader
  ) throws(PackError) -> PrecisionChoice.Figures {
    let divergence = try finite(&reader, "divergence")
    let bytes = try reader.integer(Int64.self)
    let milliseconds = try finite(&reader, "milliseconds")
    return PrecisionChoice.Figures(
      divergence: divergence < 0 ? nil : divergence,
      bytes: bytes < 0 ? nil : UInt64(bytes),
      milliseconds: milliseconds < 0 ? nil : milliseconds)
  }

  private static func finite(
    _ reader: inout RecordReader, _ what: String
  ) throws(PackError) -> Double {
    let start = reader.offset
    let value = Double(bitPattern: try reader.integer(UInt64.self))
    if !value.isFinite { throw reader.field(what, "not finite", at: start) }
    return value
  }
}
