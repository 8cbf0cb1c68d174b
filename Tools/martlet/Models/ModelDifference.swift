import Foundation
import MartletBytes
import MartletModel

/// What differs in meaning between two models.
struct ModelDifference {
  /// A stated thing that differs.
  struct Change: Equatable {
    var what: String
    var a: String
    var b: String
  }

  /// A tensor that both have, and whose numbers differ.
  struct TensorChange {
    var name: String
    var a: ModelSide.Tensor
    var b: ModelSide.Tensor
    /// Power of A's numbers over power of the difference; `nil` for other shapes.
    var decibels: Double?
    var largestDifference: Double?
  }

  private(set) var changes: [Change] = []
  private(set) var layersAdded: [String] = []
  private(set) var layersRemoved: [String] = []
  private(set) var layersChanged: [Change] = []
  private(set) var tensorsAdded: [String] = []
  private(set) var tensorsRemoved: [String] = []
  /// The furthest apart first.
  private(set) var tensorsChanged: [TensorChange] = []
  private(set) var tensorsCompared = 0

  var isEmpty: Bool {
    changes.isEmpty && layersAdded.isEmpty && layersRemoved.isEmpty && layersChanged.isEmpty
      && tensorsAdded.isEmpty && tensorsRemoved.isEmpty && tensorsChanged.isEmpty
  }

  /// Reads both models' numbers once.
  init(
    _ a: ModelSide, _ b: ModelSide, progress: (_ done: Int, _ total: Int) -> Void = { _, _ in }
  ) throws {
    compare("scheme", a.scheme, b.scheme)
    compare("architecture", a.description.architecture, b.description.architecture)
    compareImages(a.description.image, b.description.image)
    compareLadders(a.rungs, b.rungs)
    comparePrompts(a.description.prompt, b.description.prompt)
    compareTokenizers(a.description.tokenizer, b.description.tokenizer)
    comparePreparations(a.preparation, b.preparation)
    compareLayers(a, b)
    try compareTensors(a, b, progress)
  }

  private mutating func compare(_ what: String, _ a: String, _ b: String) {
    // Not `==`, which takes composed and decomposed characters for the same.
    if Array(a.utf8) != Array(b.utf8) { changes.append(Change(what: what, a: a, b: b)) }
  }

  private mutating func compareImages(_ a: ImageSpecification, _ b: ImageSpecification) {
    func list<T>(_ values: [T]) -> String { values.map { "\($0)" }.joined(separator: ", ") }
    compare("resolution", "\(a.resolution)", "\(b.resolution)")
    compare("image fit", a.fit == .pad ? "pad" : "crop", b.fit == .pad ? "pad" : "crop")
    // What is padded with is nothing where nothing is padded.
    if a.fit == .pad, b.fit == .pad { compare("color of padding", list(a.fill), list(b.fill)) }
    compare("mean of pixels", list(a.mean), list(b.mean))
    compare("deviation of pixels", list(a.standardDeviation), list(b.standardDeviation))
  }

  /// A checkpoint has no ladder, and lacks nothing by that.
  private mutating func compareLadders(_ a: [Rung]?, _ b: [Rung]?) {
    guard let a, let b else { return }
    func sides(_ rungs: [Rung]) -> String {
      rungs.isEmpty ? "none" : rungs.map { "\($0.side)" }.joined(separator: ", ")
    }
    compare("further resolutions", sides(a), sides(b))
    for (one, other) in zip(a, b) where one.side == other.side {
      let differing = Set(one.activations.keys).union(other.activations.keys)
        .filter { one.activations[$0] != other.activations[$0] }.sorted()
      if let first = differing.first {
        compare(
          "ranges at \(one.side)² of \(differing.count) layers, the first \(first)",
          "\(one.activations[first].map { "\($0)" } ?? "the pack's own")",
          "\(other.activations[first].map { "\($0)" } ?? "the pack's own")")
      }
    }
  }

  private mutating func comparePrompts(_ a: PromptTemplate?, _ b: PromptTemplate?) {
    func list(_ prompt: PromptTemplate?) -> String {
      prompt.map { $0.stopIDs.map { "\($0)" }.joined(separator: ", ") } ?? "none"
    }
    compare("template, opening", a?.opening ?? "none", b?.opening ?? "none")
    compare("template, after a picture", a?.separator ?? "none", b?.separator ?? "none")
    compare("template, closing", a?.closing ?? "none", b?.closing ?? "none")
    compare("ids that end an answer", list(a), list(b))
    compare(
      "longest sequence", a.map { "\($0.maximumTokens)" } ?? "none",
      b.map { "\($0.maximumTokens)" } ?? "none")
  }

  private mutating func compareTokenizers(
    _ a: TokenizerSpecification?, _ b: TokenizerSpecification?
  ) {
    guard let a, let b else {
      compare("tokenizer", a == nil ? "none" : "one", b == nil ? "none" : "one")
      return
    }
    compare("tokens", "\(a.tokens.count)", "\(b.tokens.count)")
    let others = zip(a.tokens, b.tokens).enumerated().filter { $0.element.0 != $0.element.1 }
    if let (id, (first, second)) = others.first {
      changes.append(
        Change(
          what: "meaning of \(others.count) token ids, the first \(id)",
          a: String(decoding: first, as: UTF8.self), b: String(decoding: second, as: UTF8.self)))
    }
    compare("merges", "\(a.merges.count)", "\(b.merges.count)")
    if a.merges.count == b.merges.count,
      let rank = a.merges.indices.first(where: { a.merges[$0] != b.merges[$0] })
    {
      func text(_ merge: TokenizerSpecification.Merge) -> String {
        "\(merge.left) and \(merge.right) become \(merge.result)"
      }
      changes.append(
        Change(what: "merge of rank \(rank)", a: text(a.merges[rank]), b: text(b.merges[rank])))
    }
    func list(_ tokens: [TokenizerSpecification.AddedToken]) -> [String] {
      tokens.map { "\($0.id) \($0.content)\($0.isSpecial ? " (special)" : "")" }
    }
    let (first, second) = (list(a.addedTokens), list(b.addedTokens))
    if first != second {
      let (gone, new) = (Set(first).subtracting(second), Set(second).subtracting(first))
      changes.append(
        Change(
          what: "added tokens", a: gone.sorted().joined(separator: ", "),
          b: new.sorted().joined(separator: ", ")))
    }
  }

  /// A preparation changes names and numbers but no answer. Layers and tensors are compared as they were before it; two packs
  /// whose tensors differ in nothing but their rounding differ here.
  private mutating func comparePreparations(_ a: ModelPreparation, _ b: ModelPreparation) {
    if a == b { return }
    let isOnlyFactors = a.split == b.split && a.scaled.map(\.value) == b.scaled.map(\.value)
    changes.append(
      Change(
        what: isOnlyFactors ? "factors of the preparation" : "preparation", a: a.summary,
        b: b.summary))
  }

  // MARK: Layers

  private mutating func compareLayers(_ a: ModelSide, _ b: ModelSide) {
    let (first, second) = (Self.layers(of: a), Self.layers(of: b))
    let olds = Dictionary(first.map { ($0.name, $0) }, uniquingKeysWith: { x, _ in x })
    let news = Dictionary(second.map { ($0.name, $0) }, uniquingKeysWith: { x, _ in x })
    layersRemoved = first.map(\.name).filter { news[$0] == nil }
    layersAdded = second.map(\.name).filter { olds[$0] == nil }
    for old in first {
      guard let new = news[old.name], old != new else { continue }
      // Only what differs: the same product with other inputs is told by its inputs.
      let isSameOp = old.op == new.op
      func text(_ layer: LayerText) -> String {
        isSameOp ? "inputs \(layer.inputs)" : "\(layer.op), inputs \(layer.inputs)"
      }
      layersChanged.append(Change(what: old.name, a: text(old), b: text(new)))
    }
  }

  /// A layer in words that do not depend on where its parameters stand.
  private struct LayerText: Equatable {
    var name: String
    var op: String
    /// How the inputs of a product are brought to 8 bits.
    var inputs: String
  }

  private static func layers(of side: ModelSide) -> [LayerText] {
    side.description.networks.flatMap { network in
      let preparation = side.preparation
      // As they were before the preparation, which is told by itself.
      return network.layers.filter { !preparation.added($0.name) }.map { layer in
        var text = String(describing: layer.op)
        // Positions of parameters shift when a layer is added before them; their names and shapes tell more.
        text.replace(#/MartletModel\.|Optional\(|ParameterID\(index: \d+\)\)?/#, with: "")
        text.replace(#/, \w+: (nil)?(?=[,)])/#, with: "")
        let inputs = layer.inputs.map { preparation.original(network[$0].name) }
          .joined(separator: ", ")
        let shapes = layer.op.parameters.map { "\(network[$0].name) \(network[$0].shape)" }
        text += " of \(inputs)"
        if !shapes.isEmpty { text += " with " + shapes.joined(separator: ", ") }
        let precision =
          switch side.activations[layer.name] {
          case nil, .float32: "in float"
          case .dynamic: "in 8 bits by each row's range"
          case .fixed(let scale, let zero): "in 8 bits, scale \(scale), zero \(zero)"
          }
        return LayerText(name: preparation.original(layer.name), op: text, inputs: precision)
      }
    }
  }

  // MARK: Numbers

  private mutating func compareTensors(
    _ a: ModelSide, _ b: ModelSide, _ progress: (Int, Int) -> Void
  ) throws {
    tensorsRemoved = a.names.filter { b.tensors[$0] == nil }
    tensorsAdded = b.names.filter { a.tensors[$0] == nil }
    for (index, name) in a.names.enumerated() {
      progress(index, a.names.count)
      guard let first = a.tensors[name], let second = b.tensors[name] else { continue }
      tensorsCompared += 1
      if let mark = first.mark, mark == second.mark, first.shape == second.shape { continue }
      var change = TensorChange(name: name, a: first, b: second)
      if first.shape == second.shape {
        guard let (decibels, largest) = try Self.distance(name, first.shape, a, b) else {
          continue
        }
        (change.decibels, change.largestDifference) = (decibels, largest)
      }
      tensorsChanged.append(change)
    }
    progress(a.names.count, a.names.count)
    tensorsChanged.sort { ($0.decibels ?? -.infinity) < ($1.decibels ?? -.infinity) }
  }

  /// How far apart the numbers are; `nil` where they are equal.
  private static func distance(
    _ name: String, _ shape: [Int], _ a: ModelSide, _ b: ModelSide
  ) throws -> (decibels: Double, largest: Double)? {
    var (power, noise, largest) = (0.0, 0.0, 0.0)
    var isEqual = true
    for piece in ModelSide.pieces(shape.reduce(1, *)) {
      let (first, second) = (try a.values(name, piece), try b.values(name, piece))
      if first == second {
        for value in first { power += Double(value) * Double(value) }
        continue
      }
      isEqual = false
      for (x, y) in zip(first, second) {
        let difference = Double(x) - Double(y)
        power += Double(x) * Double(x)
        noise += difference * difference
        largest = max(largest, difference.magnitude)
      }
    }
    if isEqual { return nil }
    return (power > 0 ? 10 * log10(power / noise) : -.infinity, largest)
  }
}
