import MartletModel

/// Precision of one part of a model.
package enum Precision: String, CaseIterable, Sendable {
  /// Everything in float.
  case float32
  /// 8-bit weights per output channel, 8-bit activations.
  case int8
  /// 4-bit weights in groups of 32 inputs, 8-bit activations.
  case int4
}

/// How the activations of integer products are brought to 8 bits.
package enum ActivationRule: String, CaseIterable, Sendable {
  /// Each row by its own range, at run time: needs no calibration, follows outliers.
  case dynamic
  /// All rows by the calibrated range of the layer: no pass over the row at run time.
  case calibrated
}

/// How weights are brought to codes.
package enum RoundingRule: String, CaseIterable, Sendable {
  /// Each to its nearest code.
  case nearest
  /// One input after the other, each error made up for by the inputs that follow: GPTQ. Needs calibration.
  case gptq
  /// GPTQ, then codes and scales of 4-bit matrices settled one after the other by coordinate descent. Needs calibration.
  case descent
}

/// A layer or a group of layers held at a precision of its own.
package struct Keep: Equatable, Sendable {
  /// Shell pattern on layer names: `*` any run of characters, `?` any one.
  package var pattern: String
  package var precision: Precision

  package init(pattern: String, precision: Precision) {
    self.pattern = pattern
    self.precision = precision
  }
}

/// What to do with every part of a model.
package struct Scheme: Equatable, Sendable {
  package var encoder: Precision
  package var projector: Precision
  package var language: Precision
  package var activations: ActivationRule
  /// What calibrated ranges leave out; without meaning where activations are dynamic.
  package var clip = ClipRule.best
  /// The embedding table and the output head, which share one matrix where they are tied.
  package var embedding: Precision
  /// Adds `(W − Ŵ) · mean(x)` to biases where the statistics are there.
  package var correctsBias: Bool
  package var rounding = RoundingRule.nearest
  /// Takes diagonals that stand out of square matrices into a product of their own, in float.
  package var splitsDiagonals = true
  /// Parts where channels are scaled between layers, so that activations and weights share the burden.
  package var balancedParts: Set<NetworkRole> = []
  /// Scales channels that are read with weights far smaller than all others, where nothing is balanced.
  package var evensChannels = true
  /// Keeps 8-bit codes so small that sums of six products fit 16 bits: faster on x86 without VNNI, a little less accurate.
  package var shortSums = false
  package var keeps: [Keep]
  /// Precisions of single layers, before `keeps`; parts decide what is not named here.
  package var precisions: LayerPrecisions?

  package init(
    encoder: Precision, projector: Precision, language: Precision, embedding: Precision,
    activations: ActivationRule = .dynamic, correctsBias: Bool = true, keeps: [Keep] = []
  ) {
    self.encoder = encoder
    self.projector = projector
    self.language = language
    self.embedding = embedding
    self.activations = activations
    self.correctsBias = correctsBias
    self.keeps = keeps
  }

  /// The presets of the command line.
  package static func preset(_ precision: Precision) -> Scheme {
    switch precision {
    case .float32:
      Scheme(
        encoder: .float32, projector: .float32, language: .float32, embedding: .float32,
        correctsBias: false)
    case .int8: Scheme(encoder: .int8, projector: .int8, language: .int8, embedding: .int8)
    // The embedding and the head feel 4 bits most; 8 bits cost them 68 MB at 0.5B.
    case .int4: Scheme(encoder: .int8, projector: .int8, language: .int4, embedding: .int8)
    }
  }

  /// The scheme in one line, as a pack records it.
  package var text: String {
    var text = "encoder=\(encoder.rawValue) projector=\(projector.rawValue)"
    text += " language=\(language.rawValue) embedding=\(embedding.rawValue)"
    text += " activations=\(activations.rawValue)"
    if activations == .calibrated { text += " clip=\(clip.rawValue)" }
    text += " bias-correction=\(correctsBias ? "on" : "off")"
    text += " rounding=\(rounding.rawValue)"
    text += " split-diagonals=\(splitsDiagonals ? "on" : "off")"
    let balanced = NetworkRole.allCases.filter { balancedParts.contains($0) }.map(\.name)
    text += " balance=" + (balanced.isEmpty ? "off" : balanced.joined(separator: "+"))
    if !evensChannels { text += " even-channels=off" }
    if shortSums { text += " short-sums=on" }
    switch precisions {
    case nil: break
    case .all(let precision): text += " layers=\(precision.rawValue)"
    case .named: text += " layers=chosen"
    }
    for keep in keeps { text += " keep=\(keep.pattern):\(keep.precision.rawValue)" }
    return text
  }

  /// Whether samples of rows are worth collecting.
  func needsRows(of role: NetworkRole) -> Bool {
    precision(of: role) != .float32
      && (rounding != .nearest || balancedParts.contains(role) || clipsRanges)
  }

  /// Whether fixed ranges are searched for.
  var clipsRanges: Bool { activations == .calibrated && clip != .minmax }

  /// Where balancing was measured to gain: everywhere but in products of 4-bit weights behind norms and gates, whose groups
  /// of 32 adapt by themselves (the language model of martlet-nano lost a tenth of its divergence; Sources/Quantization.md).
  package var partsWorthBalancing: Set<NetworkRole> {
    if activations != .dynamic { return [] }
    return Set(
      NetworkRole.allCases.filter { role in
        switch precision(of: role) {
        case .float32: false
        case .int8: true
        case .int4: role != .language
        }
      })
  }

  func precision(of role: NetworkRole) -> Precision {
    switch role {
    case .vision: encoder
    case .projector: projector
    case .language: language
    }
  }
}
