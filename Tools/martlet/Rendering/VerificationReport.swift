import MartletBytes
import MartletVerification

/// What `verify` found about one pack or several: as JSON and as text.
struct VerificationReport {
  let outcomes: [VerificationOutcome]

  init(_ outcomes: [VerificationOutcome]) { self.outcomes = outcomes }

  var passed: Bool { outcomes.allSatisfy(\.passed) }

  /// The contract's object for one pack; for several `packs`, an array of such.
  var json: JSONOutput {
    if outcomes.count == 1 { return outcomes[0].json }
    var json = JSONOutput()
    json.set("passed", passed)
    json.set("packs", JSONValue.array(outcomes.map { $0.json.value }))
    return json
  }

  var text: String { outcomes.map { Self.text($0) }.joined(separator: "\n\n") }

  // MARK: Text

  /// Label and value of every number but the layers'.
  private static func rows(_ outcome: VerificationOutcome) -> [(label: String, value: String)] {
    let (found, subject) = (outcome.verification, outcome.subject)
    var rows = [
      ("pack", "\(subject.pack.path), \(subject.pack.byteCount) bytes, every checksum right"),
      ("scheme", subject.pack.scheme),
      ("pictures", "\(found.images), \(found.questions) questions"),
      (
        "inputs",
        "pixels differ by at most \(found.inputs.pixelsMaximumDifference), token ids "
          + (found.inputs.tokenIDsEqual ? "equal" : "DIFFER")
      ),
      ("encoder output", text(found.encoder)), ("image tokens", text(found.imageTokens)),
    ]
    if found.logits.count > 0 {
      let logits = found.logits
      rows.append(
        (
          "logits",
          "KL mean \(short(logits.divergenceMean)), p99 \(short(logits.divergences.percentile(0.99))), max "
            + "\(short(logits.divergences.maximum)); top-1 \(percent(logits.topAgreement)), top-5 "
            + percent(logits.topFiveAgreement)
        ))
      rows.append(
        (
          "logit error",
          "p50 \(short(logits.errors.percentile(0.5))), p99 \(short(logits.errors.percentile(0.99))), largest "
            + short(logits.errorMaximum)
        ))
      rows.append(
        (
          "greedy text",
          "\(percent(found.text.exactMatch)) equal, first difference after "
            + "\(short(found.text.firstDivergenceMean)) tokens"
        ))
    }
    if let task = found.task { rows.append(("questions", text(task))) }
    for (name, score) in found.groups { rows.append(("  \(name)", text(score))) }
    rows.append(
      (
        "encoder time",
        "reference \(short(found.referenceTimes.encode)) ms, pack \(short(found.packedTimes.encode)) ms"
      ))
    return rows
  }

  private static func text(_ outcome: VerificationOutcome) -> String {
    var lines = rows(outcome).map { label, value in
      label + String(repeating: " ", count: max(1, 16 - label.count)) + value
    }
    if outcome.blamed.isEmpty {
      let worst = outcome.verification.layers.filter { $0.introduced.isFinite }
        .sorted { $0.introduced < $1.introduced }.prefix(3)
        .map { "\($0.name) (adds \(short($0.introduced)) dB SQNR)" }
      if !worst.isEmpty { lines.append("noisiest layers: " + worst.joined(separator: ", ")) }
    } else {
      lines.append("noisiest layers, and what restores them:")
      for layer in outcome.blamed.prefix(3) {
        lines.append(
          "  \(layer.name)  \(short(layer.introduced)) dB  +\(Markup.bytes(Double(layer.restoration.addedBytes)))  "
            + layer.restoration.option)
      }
    }
    lines += cure(outcome)
    for miss in outcome.misses {
      lines.append("MISSED: \(miss.what) is \(short(miss.found)), limit \(short(miss.limit))")
    }
    lines.append(outcome.passed ? "passed" : "failed")
    return lines.joined(separator: "\n")
  }

  /// What restoring layers gives, as it was measured.
  private static func cure(_ outcome: VerificationOutcome) -> [String] {
    guard let whatIf = outcome.whatIf else { return [] }
    let before = whatIf.baseline.logits.divergenceMean
    var lines = [
      "what if, on \(whatIf.pictures) pictures and \(whatIf.questions) questions (KL \(short(before)), top-1 "
        + "\(percent(whatIf.baseline.logits.topAgreement))):"
    ]
    for trial in whatIf.trials {
      let logits = trial.measure.logits
      lines.append(
        "  KL \(short(logits.divergenceMean)), top-1 \(percent(logits.topAgreement))  "
          + "+\(Markup.bytes(Double(trial.restoration.addedBytes)))  \(trial.restoration.option)")
    }
    if let cure = whatIf.cure {
      lines.append("smallest restoration that reaches the limits there: \(cure.option)")
    }
    return lines
  }

  private static func text(_ measured: MeasuredScore) -> String {
    let (score, drop) = (measured.score, measured.intervals.drop)
    return
      "\(score.count): reference \(percent(score.referenceScore)), pack \(percent(score.packedScore)); "
      + "lost \(score.flipsLost), won \(score.flipsWon); drop \(percent(score.drop)) "
      + "(95 %: \(percent(drop.low)) to \(percent(drop.high)))"
  }

  private static func text(_ summary: SimilaritySummary) -> String {
    "cosine mean \(short(summary.cosineMean)), least \(short(summary.cosineMinimum)); SQNR "
      + "\(short(summary.signalToNoise)) dB"
  }

  static func short(_ value: Double) -> String {
    guard value.isFinite else { return value.isNaN ? "undefined" : "infinite" }
    return JSONValue.rounded((value * 1e5).rounded() / 1e5).text()
  }

  static func percent(_ share: Double) -> String { short((share * 1e4).rounded() / 100) + " %" }
}
