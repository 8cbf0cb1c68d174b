import MartletPack
import MartletProof

extension ErrorReport {
  /// - Parameter path: the pack, where the caller knows it.
  package static func of(_ error: ProofError, in path: String? = nil) -> ErrorReport {
    switch error {
    case .absent:
      return ErrorReport(
        .badData, path.map { "'\($0)' cannot test itself" } ?? "the pack cannot test itself",
        ["it holds no proof: it was made with --no-proof, or by an older Martlet"],
        hint: "convert the checkpoint again")
    case .pack(let error): return of(error, in: path)
    case .image(let error): return of(error)
    case .text(let error): return of(error)
    case .runtime(let error): return of(error, in: path)
    case .notFinite(let layer):
      return ErrorReport(
        .badData, "nothing can be proved of this model",
        ["layer '\(layer)' gives numbers that are not finite"],
        hint: "martlet doctor CHECKPOINT looks for the reason; --no-proof packs it all the same")
    }
  }

  /// A pack that is not, or does not do, what its proof says.
  package static func of(_ departure: ProofDeparture, in path: String) -> ErrorReport {
    ErrorReport(
      .missedLimit, "'\(path)' departs from its proof: \(departure.place)", departure.evidence,
      hint: departure.hint)
  }
}

extension ProofDeparture {
  /// Where, in a few words.
  package var place: String {
    switch self {
    case .layer(_, let evidence):
      evidence.layers.count > 1
        ? "layers '\(evidence.layers[0])' to '\(evidence.layers[evidence.layers.count - 1])'"
        : "layer '\(evidence.layers.last ?? "")'"
    case .pixels, .tokens, .logits, .text, .record, .weights: stage
    }
  }

  /// What was expected and what was found.
  package var evidence: [String] {
    switch self {
    case .pixels(let golden, let side):
      return ["picture '\(golden)' becomes other pixels at \(side) × \(side)"]
    case .tokens(let golden, let difference):
      let text = golden.map { "the question about '\($0)'" } ?? "the probe text"
      return ["\(text): \(difference.text)"]
    case .layer(let golden, let evidence): return evidence.lines(golden)
    case .logits(let golden, let evidence): return evidence.lines(golden)
    case .text(let golden, let expected, let found, let difference):
      var lines = ["picture '\(golden)': expected '\(expected)'", "found: '\(found)'"]
      if let difference { lines.append(difference.text) }
      return lines
    case .record(let name):
      return [
        "record '\(name)' is not the one the proof was made with; the golden pictures do not show it"
      ]
    case .weights(let tensors):
      return ProofDeparture.first(tensors)
        + ["they are not those the proof was made with; the golden pictures do not show it"]
    }
  }

  package var hint: String? {
    switch self {
    case .pixels, .tokens, .record, .weights:
      return "the pack was changed after it was made, or this build is at fault; convert it again"
    case .layer(_, let evidence), .logits(_, let evidence):
      return evidence.isPackChanged
        ? "the pack was changed after it was made; convert it again"
        : "this build computes otherwise than the one that made the pack; try --isa scalar"
    case .text: return "this build generates otherwise than the one that made the pack"
    }
  }

  fileprivate static func first(_ tensors: [String]) -> [String] {
    let most = 3
    var lines = tensors.prefix(most).map { "tensor '\($0)'" }
    if tensors.count > most { lines.append("and \(tensors.count - most) more") }
    return lines
  }
}

extension ProofDeparture.LayerEvidence {
  fileprivate func lines(_ golden: String) -> [String] {
    var lines = ["picture '\(golden)'"]
    for (name, a, b) in [
      ("root mean square", expected.rootMeanSquare, found.rootMeanSquare),
      ("largest", expected.largest, found.largest), ("mean", expected.mean, found.mean),
    ] where a.bitPattern != b.bitPattern {
      lines.append("\(name): \(a) expected, \(b) found")
    }
    if lines.count == 1 {
      lines.append("too small a difference to show in root mean square or mean")
    }
    for tensor in changedTensors {
      lines.append("tensor '\(tensor)' is not the one the proof was made with")
    }
    if let changedRecord {
      lines.append("record '\(changedRecord)' is not the one the proof was made with")
    }
    if !isPackChanged { lines.append("its weights are those of the conversion") }
    return lines
  }
}

extension Difference {
  package var text: String {
    let expected = self.expected.map { "\($0)" } ?? "no more"
    let found = self.found.map { "\($0)" } ?? "no more"
    return "id \(position): \(expected) expected, \(found) found"
  }
}
