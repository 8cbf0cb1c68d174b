import MartletBytes
import MartletModel

/// `NETW`: networks with their parameters, values and layers (pack-format.md, section 3.5).
enum NetworkRecord {
  static let largestRank = 8

  // MARK: Writing

  static func encoded(_ networks: [Network]) throws(PackError) -> [UInt8] {
    var writer = ByteWriter()
    try writer.u32(networks.count, "network count")
    for network in networks { try encode(network, into: &writer) }
    return writer.bytes
  }

  private static func encode(
    _ network: Network, into writer: inout ByteWriter
  ) throws(PackError) {
    try writer.u8(network.role.rawValue, "role")
    try writer.u32(network.parameters.count, "parameter count")
    for parameter in network.parameters {
      try writer.string(parameter.name)
      try encode(shape: parameter.shape, into: &writer)
    }
    try writer.u32(network.values.count, "value count")
    for value in network.values {
      try writer.string(value.name)
      try encode(value.shape, into: &writer)
    }
    try writer.u32(network.layers.count, "layer count")
    for layer in network.layers {
      try writer.string(layer.name)
      writer.uint16(try OpCode.code(of: layer).rawValue)
      try writer.u8(layer.inputs.count, "input count")
      for id in layer.inputs { try writer.u32(id.index, "value") }
      try writer.u32(layer.output.index, "value")
      try OpCode.encodeFields(of: layer, into: &writer)
    }
    try writer.u32(network.inputs.count, "input count")
    for id in network.inputs { try writer.u32(id.index, "value") }
    try writer.u32(network.output.index, "value")
  }

  static func encode(shape: [Int], into writer: inout ByteWriter) throws(PackError) {
    try writer.u8(shape.count, "rank")
    for extent in shape { try writer.u32(extent, "extent") }
  }

  private static func encode(
    _ shape: ValueShape, into writer: inout ByteWriter
  ) throws(PackError) {
    switch shape {
    case .map(let channels, let stride):
      try writer.u8(0, "kind")
      try writer.u32(channels, "channels")
      try writer.u32(stride, "stride")
    case .rows(let channels):
      try writer.u8(1, "kind")
      try writer.u32(channels, "channels")
      try writer.u32(0, "stride")
    case .ids:
      try writer.u8(2, "kind")
      try writer.u32(0, "channels")
      try writer.u32(0, "stride")
    }
  }

  // MARK: Reading

  /// The networks, not yet validated as a whole.
  static func decoded(_ reader: inout RecordReader) throws(PackError) -> [Network] {
    let count = try reader.u32("network count", in: 0...NetworkRole.allCases.count)
    var networks: [Network] = []
    for _ in 0..<count {
      let start = reader.offset
      let network = try network(&reader)
      for other in networks where other.role == network.role {
        throw reader.field("role", network.role.name, at: start)
      }
      networks.append(network)
    }
    try reader.finish()
    return networks
  }

  private static func network(_ reader: inout RecordReader) throws(PackError) -> Network {
    let start = reader.offset
    let code = try reader.u8()
    guard let role = NetworkRole(rawValue: Int(code)) else {
      throw reader.field("role", "\(code)", at: start)
    }
    let parameters = try parameters(&reader)
    let values = try values(&reader)
    let layers = try layers(&reader)
    let inputs = try valueIDs(&reader, count: reader.count(elementBytes: 4))
    let output = ValueID(try reader.u32())
    return Network(
      role: role, parameters: parameters, values: values, layers: layers, inputs: inputs,
      output: output)
  }

  private static func parameters(_ reader: inout RecordReader) throws(PackError) -> [Parameter] {
    let count = try reader.count(elementBytes: 9)
    var parameters: [Parameter] = []
    parameters.reserveCapacity(count)
    for _ in 0..<count {
      let name = try reader.string()
      parameters.append(Parameter(name: name, shape: try shape(&reader)))
    }
    return parameters
  }

  static func shape(_ reader: inout RecordReader) throws(PackError) -> [Int] {
    let start = reader.offset
    let rank = Int(try reader.u8())
    if rank < 1 || rank > largestRank { throw reader.field("rank", "\(rank)", at: start) }
    var shape: [Int] = []
    for _ in 0..<rank { shape.append(try reader.u32("extent", in: 1...Network.largestExtent)) }
    return shape
  }

  private static func values(_ reader: inout RecordReader) throws(PackError) -> [Value] {
    let count = try reader.count(elementBytes: 13)
    var values: [Value] = []
    values.reserveCapacity(count)
    for _ in 0..<count {
      let name = try reader.string()
      values.append(Value(name: name, shape: try valueShape(&reader)))
    }
    return values
  }

  private static func valueShape(_ reader: inout RecordReader) throws(PackError) -> ValueShape {
    let start = reader.offset
    let kind = try reader.u8()
    let used = 1...Network.largestExtent
    switch kind {
    case 0:
      let channels = try reader.u32("channels", in: used)
      return .map(channels: channels, stride: try reader.u32("stride", in: used))
    case 1:
      let channels = try reader.u32("channels", in: used)
      _ = try reader.u32("stride", in: 0...0)
      return .rows(channels: channels)
    case 2:
      _ = try reader.u32("channels", in: 0...0)
      _ = try reader.u32("stride", in: 0...0)
      return .ids
    default: throw reader.field("kind of value", "\(kind)", at: start)
    }
  }

  private static func layers(_ reader: inout RecordReader) throws(PackError) -> [Layer] {
    let count = try reader.count(elementBytes: 11)
    var layers: [Layer] = []
    layers.reserveCapacity(count)
    for _ in 0..<count {
      let name = try reader.string()
      let start = reader.offset
      let number = try reader.integer(UInt16.self)
      guard let code = OpCode(rawValue: number) else {
        throw .unknownOp(layer: name, code: Int(number), offset: start)
      }
      let inputs = try valueIDs(&reader, count: Int(reader.u8()))
      let output = ValueID(try reader.u32())
      let op = try code.op(&reader)
      layers.append(Layer(name: name, op: op, inputs: inputs, output: output))
    }
    return layers
  }

  private static func valueIDs(
    _ reader: inout RecordReader, count: Int
  ) throws(PackError) -> [ValueID] {
    try reader.require(count, 4)
    var ids: [ValueID] = []
    ids.reserveCapacity(count)
    for _ in 0..<count { ids.append(ValueID(try reader.u32())) }
    return ids
  }
}
