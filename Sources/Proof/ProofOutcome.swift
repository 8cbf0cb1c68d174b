import MartletPack

/// What checking a proof found.
package struct ProofOutcome: Sendable {
  package let proof: Proof
  /// Nothing where all is as it was.
  package var departure: ProofDeparture?
  /// Golden pictures that came through.
  package var goldens = 0
  /// Values that were compared, over all pictures.
  package var layersCompared = 0
  package var milliseconds = 0.0

  package var passed: Bool { departure == nil }
}

/// Where ids differ first.
package struct Difference: Equatable, Sendable {
  package let position: Int
  /// `nil` where the list ends.
  package let expected: Int?
  package let found: Int?

  /// - Returns: `nil` where both are equal.
  package init?(_ expected: [Int], _ found: [Int]) {
    for position in 0..<max(expected.count, found.count) {
      let a = position < expected.count ? expected[position] : nil
      let b = position < found.count ? found[position] : nil
      if a != b {
        (self.position, self.expected, self.found) = (position, a, b)
        return
      }
    }
    return nil
  }
}

/// The first thing that is not as it was at conversion.
package enum ProofDeparture: Equatable, Sendable {
  /// A golden picture becomes other pixels.
  case pixels(golden: String, side: Int)
  /// A golden question, or the probe text without a golden picture, becomes other ids.
  case tokens(golden: String?, Difference)
  /// A layer gives other numbers on what it was given then.
  case layer(golden: String, LayerEvidence)
  /// All layers are as they were, but the last one.
  case logits(golden: String, LayerEvidence)
  /// The prompt is understood as it was, but another answer follows.
  case text(golden: String, expected: String, found: String, at: Difference?)
  /// A record was replaced, which no golden picture shows.
  case record(String)
  /// Weights were replaced, which no golden picture shows.
  case weights([String])

  package struct LayerEvidence: Equatable, Sendable {
    /// More than one where they show the departure only when they run together.
    package var layers: [String]
    package var expected: Proof.Summary
    package var found: Proof.Summary
    /// Their tensors that differ from the conversion's.
    package var changedTensors: [String]
    /// The record of layers or of their plan, where it differs.
    package var changedRecord: String?

    package init(
      layers: [String], expected: Proof.Summary, found: Proof.Summary, changedTensors: [String],
      changedRecord: String? = nil
    ) {
      self.layers = layers
      self.expected = expected
      self.found = found
      self.changedTensors = changedTensors
      self.changedRecord = changedRecord
    }

    /// Whether the pack, not the runtime, is known to be another.
    package var isPackChanged: Bool { !changedTensors.isEmpty || changedRecord != nil }
  }

  /// The stage in one word, for scripts.
  package var stage: String {
    switch self {
    case .pixels: "pixels"
    case .tokens: "tokens"
    case .layer: "layer"
    case .logits: "logits"
    case .text: "text"
    case .weights: "weights"
    case .record(let name):
      switch name {
      case RecordType.image.name: "pixels"
      case RecordType.tokenizer.name, RecordType.prompt.name: "tokens"
      default: "layers"
      }
    }
  }
}
