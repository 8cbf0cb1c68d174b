import MartletBytes
import MartletModel

/// The numbers of the ops in `NETW`; they never change their meaning (pack-format.md, section 3.5).
enum OpCode: UInt16 {
  case convolution = 1
  case depthwise = 2
  case squeezeExcite = 3
  case normalize = 4
  case layerNorm = 5
  case linear = 6
  case add = 7
  case activate = 8
  case rmsNorm = 9
  case rotate = 10
  case attention = 11
  case gate = 12
  case embed = 13
  case selectLast = 14

  /// Stands for a parameter that is not there.
  static let none: UInt32 = 0xFFFF_FFFF

  // MARK: Writing

  /// - Throws: `model(.notRunnable)` for an op of the source form, which no pack holds.
  static func code(of layer: Layer) throws(PackError) -> OpCode {
    switch layer.op {
    case .convolution: .convolution
    case .depthwise: .depthwise
    case .squeezeExcite: .squeezeExcite
    case .normalize: .normalize
    case .layerNorm: .layerNorm
    case .linear: .linear
    case .add: .add
    case .activate: .activate
    case .rmsNorm: .rmsNorm
    case .rotate: .rotate
    case .attention: .attention
    case .gate: .gate
    case .embed: .embed
    case .selectLast: .selectLast
    case .batchNorm, .branches, .layerScale, .subtract:
      throw .model(.notRunnable(layer: layer.name, op: layer.op.name))
    }
  }

  static func encodeFields(of layer: Layer, into writer: inout ByteWriter) throws(PackError) {
    switch layer.op {
    case .convolution(let op):
      try numbers([op.inputChannels, op.outputChannels, op.kernel, op.stride], &writer)
      try references([op.weight, op.bias], &writer)
    case .depthwise(let op):
      try numbers([op.channels, op.multiplier, op.kernel, op.stride], &writer)
      try references([op.weight, op.bias], &writer)
    case .squeezeExcite(let op):
      try numbers([op.channels, op.reducedChannels], &writer)
      try references([op.reduceWeight, op.reduceBias, op.expandWeight, op.expandBias], &writer)
    case .normalize(let op):
      try numbers([op.scale.count], &writer)
      for value in op.scale + op.offset { writer.float(value) }
    case .layerNorm(let op), .rmsNorm(let op):
      try numbers([op.channels], &writer)
      writer.float(op.eps)
      try references([op.weight, op.bias], &writer)
    case .linear(let op):
      try numbers([op.inputs, op.outputs], &writer)
      try references([op.weight, op.bias], &writer)
    case .activate(let function):
      switch function {
      case .gelu: writer.uint8(0)
      case .relu: writer.uint8(1)
      }
    case .rotate(let op):
      try heads(op.layout, &writer)
      writer.float(op.theta)
    case .attention(let op):
      try heads(op.layout, &writer)
      writer.float(op.scale)
      switch op.mask {
      case .none: writer.uint8(0)
      case .causal: writer.uint8(1)
      }
    case .gate(let width): try numbers([width], &writer)
    case .embed(let op):
      try numbers([op.rows, op.channels], &writer)
      try references([op.weight], &writer)
    case .add, .selectLast: break
    case .batchNorm, .branches, .layerScale, .subtract:
      throw .model(.notRunnable(layer: layer.name, op: layer.op.name))
    }
  }

  private static func numbers(
    _ values: [Int], _ writer: inout ByteWriter
  ) throws(PackError) {
    for value in values { try writer.u32(value, "field of an op") }
  }

  private static func references(
    _ ids: [ParameterID?], _ writer: inout ByteWriter
  ) throws(PackError) {
    for id in ids {
      if let id { try writer.u32(id.index, "parameter") } else { writer.uint32(none) }
    }
  }

  private static func heads(
    _ layout: HeadLayout, _ writer: inout ByteWriter
  ) throws(PackError) {
    try numbers([layout.heads, layout.keyValueHeads, layout.headSize], &writer)
  }

  // MARK: Reading

  /// The op with the fields that follow in the record.
  func op(_ reader: inout RecordReader) throws(PackError) -> Op {
    switch self {
    case .convolution:
      let fields = try Self.numbers(4, &reader)
      return .convolution(
        Convolution(
          inputChannels: fields[0], outputChannels: fields[1], kernel: fields[2],
          stride: fields[3], weight: try Self.reference(&reader),
          bias: try Self.optionalReference(&reader)))
    case .depthwise:
      let fields = try Self.numbers(4, &reader)
      return .depthwise(
        Depthwise(
          channels: fields[0], multiplier: fields[1], kernel: fields[2], stride: fields[3],
          weight: try Self.reference(&reader), bias: try Self.optionalReference(&reader)))
    case .squeezeExcite:
      let fields = try Self.numbers(2, &reader)
      return .squeezeExcite(
        SqueezeExcite(
          channels: fields[0], reducedChannels: fields[1],
          reduceWeight: try Self.reference(&reader), reduceBias: try Self.reference(&reader),
          expandWeight: try Self.reference(&reader), expandBias: try Self.reference(&reader)))
    case .normalize: return .normalize(try Self.affine(&reader))
    case .layerNorm: return .layerNorm(try Self.normalization(&reader))
    case .rmsNorm: return .rmsNorm(try Self.normalization(&reader))
    case .linear:
      let fields = try Self.numbers(2, &reader)
      return .linear(
        Linear(
          inputs: fields[0], outputs: fields[1], weight: try Self.reference(&reader),
          bias: try Self.optionalReference(&reader)))
    case .add: return .add
    case .activate: return .activate(try Self.choice("activation", [.gelu, .relu], &reader))
    case .rotate:
      let layout = try Self.heads(&reader)
      return .rotate(Rotation(layout: layout, theta: try reader.float("theta")))
    case .attention:
      let layout = try Self.heads(&reader)
      let scale = try reader.float("scale")
      return .attention(
        Attention(
          layout: layout, scale: scale, mask: try Self.choice("mask", [.none, .causal], &reader)))
    case .gate: return .gate(width: try Self.numbers(1, &reader)[0])
    case .embed:
      let fields = try Self.numbers(2, &reader)
      return .embed(
        Embedding(rows: fields[0], channels: fields[1], weight: try Self.reference(&reader)))
    case .selectLast: return .selectLast
    }
  }

  private static func numbers(
    _ count: Int, _ reader: inout RecordReader
  ) throws(PackError) -> [Int] {
    var values: [Int] = []
    for _ in 0..<count { values.append(try reader.u32()) }
    return values
  }

  private static func reference(_ reader: inout RecordReader) throws(PackError) -> ParameterID {
    ParameterID(try reader.u32())
  }

  private static func optionalReference(
    _ reader: inout RecordReader
  ) throws(PackError) -> ParameterID? {
    let index = try reader.integer(UInt32.self)
    return index == none ? nil : ParameterID(Int(index))
  }

  private static func heads(_ reader: inout RecordReader) throws(PackError) -> HeadLayout {
    let fields = try numbers(3, &reader)
    return HeadLayout(heads: fields[0], keyValueHeads: fields[1], headSize: fields[2])
  }

  private static func normalization(
    _ reader: inout RecordReader
  ) throws(PackError) -> Normalization {
    let channels = try reader.u32()
    let eps = try reader.float("eps")
    return Normalization(
      channels: channels, eps: eps, weight: try optionalReference(&reader),
      bias: try optionalReference(&reader))
  }

  private static func affine(_ reader: inout RecordReader) throws(PackError) -> ChannelAffine {
    let count = try reader.count(elementBytes: 8)
    var scale: [Float] = []
    var offset: [Float] = []
    for _ in 0..<count { scale.append(try reader.float("scale")) }
    for _ in 0..<count { offset.append(try reader.float("offset")) }
    return ChannelAffine(scale: scale, offset: offset)
  }

  private static func choice<T>(
    _ what: String, _ cases: [T], _ reader: inout RecordReader
  ) throws(PackError) -> T {
    let start = reader.offset
    let number = Int(try reader.u8())
    if number >= cases.count { throw reader.field(what, "\(number)", at: start) }
    return cases[number]
  }
}
