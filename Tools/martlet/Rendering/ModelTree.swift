import MartletCheckpoints
import MartletModel
import MartletPack

/// Tensors by the parts of their names: how large each part of a model is, how precise, how far off.
struct ModelTree {
  struct Node {
    /// From the root, joined by points.
    var path: String
    var depth: Int
    var elements = 0
    var bytes = 0
    /// Elements by precision.
    var precisions: [String: Int] = [:]
    /// The least signal-to-noise ratio of any layer below, on the golden pictures of the pack's proof.
    var decibels: Double?
  }

  /// Parents before their children, in the order of the tensors.
  private(set) var nodes: [Node] = []
  private var indices: [String: Int] = [:]

  /// - Parameter depth: levels that are kept.
  init(_ pack: Pack, depth: Int) {
    for tensor in pack.tensors {
      add(
        tensor.name, elements: tensor.shape.reduce(1, *), bytes: Int(clamping: tensor.storedBytes),
        precision: tensor.encoding.precision, depth: depth)
    }
    for (layer, decibels) in pack.provenErrors {
      for path in Self.paths(of: layer, depth: depth) {
        guard let index = indices[path] else { continue }
        nodes[index].decibels = min(nodes[index].decibels ?? .infinity, decibels)
      }
    }
  }

  init(_ checkpoints: [Checkpoint], depth: Int) {
    for checkpoint in checkpoints {
      for name in checkpoint.names {
        guard let tensor = checkpoint[name] else { continue }
        let bytes =
          tensor.storage.byteRange?.count ?? tensor.count * tensor.elementType.byteCount
        add(
          name, elements: tensor.count, bytes: bytes, precision: tensor.storedType, depth: depth)
      }
    }
  }

  private mutating func add(
    _ name: String, elements: Int, bytes: Int, precision: String, depth: Int
  ) {
    for (level, path) in Self.paths(of: name, depth: depth).enumerated() {
      let index = indices[path] ?? nodes.count
      if index == nodes.count {
        indices[path] = index
        nodes.append(Node(path: path, depth: level))
      }
      nodes[index].elements += elements
      nodes[index].bytes += bytes
      nodes[index].precisions[precision, default: 0] += elements
    }
  }

  /// `a`, `a.b`, `a.b.c` of `a.b.c`.
  private static func paths(of name: String, depth: Int) -> [String] {
    let parts = name.split(separator: ".")
    return (1...max(1, min(depth, parts.count))).map { parts.prefix($0).joined(separator: ".") }
  }

  /// Lines with their JSON, in the order of a walk from the root.
  var items: [(text: String, json: JSONOutput)] {
    let sorted = ordered
    let widest = sorted.map { Self.label($0).count }.max() ?? 0
    return sorted.map { node in
      let label = Self.label(node)
      let padding = String(repeating: " ", count: widest - label.count)
      var line = "\(label)\(padding)  \(Self.count(node.elements)) numbers"
      line += ", \(Self.size(node.bytes)), " + Self.text(node.precisions, of: node.elements)
      if let decibels = node.decibels { line += ", \(Int(decibels.rounded())) dB" }
      var json = JSONOutput()
      json.set("path", node.path)
      json.set("parameters", node.elements)
      json.set("stored_bytes", node.bytes)
      var precisions = JSONOutput()
      for (name, count) in node.precisions.sorted(by: { $0.key < $1.key }) {
        precisions.set(name, count)
      }
      json.set("precisions", precisions)
      json.set("sqnr_db", node.decibels.map { .rounded($0) } ?? .null)
      return (line, json)
    }
  }

  /// Children behind their parent, however the names came.
  private var ordered: [Node] {
    var children: [String: [Int]] = [:]
    for (index, node) in nodes.enumerated() {
      let parent = node.path.split(separator: ".").dropLast().joined(separator: ".")
      children[parent, default: []].append(index)
    }
    var result: [Node] = []
    func walk(_ path: String) {
      for index in children[path] ?? [] {
        result.append(nodes[index])
        walk(nodes[index].path)
      }
    }
    walk("")
    return result
  }

  private static func label(_ node: Node) -> String {
    String(repeating: "  ", count: node.depth) + (node.path.split(separator: ".").last ?? "")
  }

  private static func text(_ precisions: [String: Int], of total: Int) -> String {
    let sorted = precisions.sorted { ($1.value, $0.key) < ($0.value, $1.key) }
    if sorted.count == 1 { return sorted[0].key }
    return sorted.map { "\($0.key) \(max(1, 100 * $0.value / max(1, total))) %" }
      .joined(separator: " ")
  }

  static func size(_ bytes: Int) -> String {
    switch bytes {
    case ..<1000: "\(bytes) bytes"
    case ..<1_000_000: "\(Progress.number(Double(bytes / 100) / 10)) kB"
    default: "\(Progress.number(Double(bytes / 100_000) / 10)) MB"
    }
  }

  private static func count(_ elements: Int) -> String {
    let digits = Array(String(elements))
    var text = ""
    for (index, digit) in digits.enumerated() {
      if index > 0, (digits.count - index) % 3 == 0 { text += "," }
      text.append(digit)
    }
    return text
  }
}

extension WeightEncoding {
  /// What a number is kept as, however the numbers lie.
  var precision: String {
    switch self {
    case .float32, .float32Taps, .float32Patches, .float32Panels: "float32"
    case .int8Panels: "int8"
    case .int4Panels: "int4"
    }
  }
}

extension Pack {
  /// The least signal-to-noise ratio of each marked layer over the golden pictures, against the float reference.
  var provenErrors: [String: Double] {
    var errors: [String: Double] = [:]
    for golden in proof?.goldens ?? [] {
      var names: [String] = []
      for network in description.networks where golden.answer != nil || network.role != .language {
        names += network.layers.map(\.name)
      }
      for (name, layer) in zip(names, golden.layers) where layer.checksum != 0 {
        errors[name] = min(errors[name] ?? .infinity, Double(layer.signalToNoise))
      }
    }
    return errors
  }
}
