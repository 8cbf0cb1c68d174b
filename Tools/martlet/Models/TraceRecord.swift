import MartletBytes
import MartletCheckpoints
import MartletModel
import MartletQuantization

/// Tensors of a trace in the order they came.
struct TraceRecord {
  private enum Content {
    case floats([Float])
    case integers([Int])
    case bytes([UInt8])
  }

  private let patterns: [(text: String, pattern: LayerPattern)]
  private var tensors: [(name: String, shape: [Int], content: Content)] = []

  init(patterns: [String]) { self.patterns = patterns.map { ($0, LayerPattern($0)) } }

  /// Whether a layer is tapped.
  func wants(_ layer: String) -> Bool { patterns.contains { $0.pattern.matches(layer) } }

  var tapsAnything: Bool { !patterns.isEmpty }

  mutating func add(_ name: String, _ shape: [Int], _ values: [Float]) {
    tensors.append((name, shape, .floats(values)))
  }

  mutating func add(_ name: String, _ shape: [Int], integers: [Int]) {
    tensors.append((name, shape, .integers(integers)))
  }

  mutating func add(_ name: String, _ shape: [Int], bytes: [UInt8]) {
    tensors.append((name, shape, .bytes(bytes)))
  }

  private static func bytes(of content: Content) -> [UInt8] {
    switch content {
    case .floats(let values): return FloatConversion.float32Bytes(values)
    case .bytes(let values): return values
    case .integers(let values):
      var writer = ByteWriter()
      for value in values { writer.int64(Int64(value)) }
      return writer.bytes
    }
  }

  /// A pattern that names no layer is a mistake worth an error.
  func checkTaps(names: [String]) throws {
    for (text, pattern) in patterns where !names.contains(where: { pattern.matches($0) }) {
      throw CommandError(
        .usage, "--tap '\(text)' names no layer",
        hint: NearestName.nearest(to: text, among: names).map { "did you mean '\($0)'?" })
    }
  }

  /// Writes safetensors or, under a name that ends in `.h5`, HDF5.
  func write(to path: String) throws {
    let declarations = try tensors.map { tensor in
      let type: ElementType =
        switch tensor.content {
        case .floats: .float32
        case .integers: .int64
        case .bytes: .uint8
        }
      return try TensorDeclaration(tensor.name, type, tensor.shape)
    }
    if path.hasSuffix(".h5") {
      try HDF5Writer.write(
        zip(declarations, tensors).map { ($0, Self.bytes(of: $1.content)) }, to: path)
      return
    }
    let writer = try SafetensorsWriter(replacing: path, tensors: declarations)
    for tensor in tensors {
      switch tensor.content {
      case .floats(let values): try writer.append(values)
      case .integers(let values): try writer.append(values)
      case .bytes(let values): try writer.append(bytes: values)
      }
    }
    try writer.commit()
  }
}
