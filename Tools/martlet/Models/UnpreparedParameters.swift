import MartletModel

/// The numbers of a pack as they were before its preparation, so that they can be held against a checkpoint or another pack:
/// factors are taken back, diagonals put in again.
final class UnpreparedParameters: FloatParameters {
  private struct Edit: Sendable {
    /// Multiply element `i` of the outermost extent.
    var rows: [Float]?
    /// Divide element `i` of the innermost extent.
    var columns: [Float]?
    /// The parameter that holds the diagonal.
    var diagonal: String?
  }

  private let base: any FloatParameters
  private let edits: [String: Edit]
  private let counts: [String: Int]

  init(
    _ base: any FloatParameters, of description: ModelDescription, _ preparation: ModelPreparation
  ) {
    self.base = base
    var counts: [String: Int] = [:]
    var edits: [String: Edit] = [:]
    for network in description.networks {
      for parameter in network.parameters { counts[parameter.name] = parameter.count }
      for scaled in preparation.scaled {
        Self.take(
          scaled.value + ModelPreparation.scaledSuffix, scaled.factors, in: network, &edits)
      }
      for name in preparation.split {
        guard let rest = Self.weight(of: name + ModelPreparation.restSuffix, in: network) else {
          continue
        }
        edits[rest, default: Edit()].diagonal =
          Self.weight(of: name + ModelPreparation.diagonalSuffix, in: network)
      }
    }
    self.counts = counts
    self.edits = edits
  }

  private static func weight(of layer: String, in network: Network) -> String? {
    network.layers.first { $0.name == layer }?.op.parameters.first.map { network[$0].name }
  }

  /// Takes the factors of a value back from what makes it and from what reads it.
  private static func take(
    _ value: String, _ factors: [Float], in network: Network, _ edits: inout [String: Edit]
  ) {
    for layer in network.layers {
      let readsIt = layer.inputs.contains { network[$0].name == value }
      let makesIt = network[layer.output].name == value
      guard readsIt || makesIt else { continue }
      for (index, id) in layer.op.parameters.enumerated() {
        let name = network[id].name
        if makesIt {
          edits[name, default: Edit()].rows = factors
        } else if index == 0, case .linear = layer.op {
          edits[name, default: Edit()].columns = factors
        } else if index == 0 {
          edits[name, default: Edit()].rows = factors.map { 1 / $0 }
        }
      }
    }
  }

  func values(of name: String) throws(ModelError) -> [Float] {
    try values(of: name, elements: 0..<(counts[name] ?? 0))
  }

  func values(of name: String, elements: Range<Int>) throws(ModelError) -> [Float] {
    var values = try base.values(of: name, elements: elements)
    guard let edit = edits[name], let count = counts[name] else { return values }
    let width = edit.rows.map { count / $0.count } ?? 1
    for (place, index) in elements.enumerated() {
      if let rows = edit.rows { values[place] *= rows[index / width] }
      if let columns = edit.columns { values[place] /= columns[index % columns.count] }
    }
    if let diagonal = edit.diagonal {
      // Both lack the same factors of columns; the diagonal has an edit of its own for them.
      let numbers = try self.values(of: diagonal)
      for (row, number) in numbers.enumerated() {
        let index = row * (numbers.count + 1)
        if elements.contains(index) { values[index - elements.lowerBound] += number }
      }
    }
    return values
  }
}

extension ModelPreparation {
  /// Whether a layer is there only because of the preparation.
  func added(_ layer: String) -> Bool {
    split.contains(layer) || split.contains { layer == $0 + Self.diagonalSuffix }
  }

  /// Whether a parameter is there only because of the preparation.
  func added(parameter: String) -> Bool {
    split.contains { parameter == $0 + Self.diagonalSuffix + ".weight" }
  }

  /// What a layer or value was called before.
  func original(_ name: String) -> String {
    for suffix in [Self.restSuffix, Self.scaledSuffix] where name.hasSuffix(suffix) {
      let stem = String(name.dropLast(suffix.count))
      if suffix == Self.restSuffix
        ? split.contains(stem) : scaled.contains(where: { $0.value == stem })
      {
        return stem
      }
    }
    return name
  }
}
