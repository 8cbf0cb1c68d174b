import MartletBytes
import MartletPack
import MartletVerification

/// What `verify` found, as JSON of the contract, as text and as one HTML page.
struct VerificationReport {
  let verification: Verification?
  let pack: Pack
  let misses: [VerificationLimits.Miss]
  private let peak = Machine.peakResidentBytes

  init(_ verification: Verification?, pack: Pack, misses: [VerificationLimits.Miss]) {
    self.verification = verification
    self.pack = pack
    self.misses = misses
  }

  var json: JSONOutput {
    var json = JSONOutput()
    json.set("passed", misses.isEmpty)
    json.set("images", verification?.images ?? 0)
    json.set("questions", verification?.questions ?? 0)
    if let found = verification {
      var inputs = JSONOutput()
      inputs.set("pixels_max_difference", found.inputs.pixelsMaximumDifference)
      inputs.set("token_ids_equal", found.inputs.tokenIDsEqual)
      json.set("inputs", inputs)
      json.set("encoder", Self.json(found.encoder))
      json.set("image_tokens", Self.json(found.imageTokens))
      json.set("logits", Self.json(found.logits))
      var text = JSONOutput()
      text.set("exact_match", found.text.exactMatch)
      text.set("first_divergence_mean", found.text.firstDivergenceMean)
      json.set("text", text)
      json.set("task", found.task.map { .object(Self.json($0)) } ?? .null)
      var groups = JSONOutput()
      for (name, score) in found.groups { groups.set(name, JSONValue.object(Self.json(score))) }
      json.set("groups", groups)
      json.set("layers", JSONValue.array(found.layers.map { Self.json($0).value }))
      json.set("reference_ms", Self.json(found.referenceTimes))
      json.set("packed_ms", Self.json(found.packedTimes))
    }
    if !misses.isEmpty {
      json.set(
        "missed",
        JSONValue.array(
          misses.map { miss in
            var entry = JSONOutput()
            entry.set("what", miss.what)
            entry.set("limit", miss.limit)
            entry.set("found", miss.found)
            return entry.value
          }))
    }
    json.set("pack_bytes", pack.byteCount)
    json.set("peak_rss_bytes", peak)
    return json
  }

  private static func json(_ summary: SimilaritySummary) -> JSONOutput {
    var json = JSONOutput()
    json.set("cosine_mean", summary.cosineMean)
    json.set("cosine_min", summary.cosineMinimum)
    json.set("sqnr_db", summary.signalToNoise)
    return json
  }

  private static func json(_ logits: LogitComparison) -> JSONOutput {
    var json = JSONOutput()
    json.set("kl_mean", logits.mean)
    json.set("kl_p99", logits.percentile99)
    json.set("kl_max", logits.maximum)
    json.set("top1_agreement", logits.top1Agreement)
    json.set("top5_agreement", logits.top5Agreement)
    return json
  }

  private static func json(_ task: TaskScore) -> JSONObject {
    var json = JSONOutput()
    json.set("count", task.count)
    json.set("reference_score", task.referenceScore)
    json.set("packed_score", task.packedScore)
    json.set("flips_lost", task.flipsLost)
    json.set("flips_won", task.flipsWon)
    return json.value.object ?? JSONObject()
  }

  private static func json(_ layer: Verification.LayerError) -> JSONOutput {
    var json = JSONOutput()
    json.set("name", layer.name)
    json.set("sqnr_db", layer.signalToNoise)
    json.set("introduced_db", layer.introduced)
    json.set("cosine", layer.cosine)
    return json
  }

  private static func json(_ times: Verification.Times) -> JSONOutput {
    var json = JSONOutput()
    json.set("encode", times.encode)
    json.set("project", times.project)
    json.set("prefill", times.prefill)
    return json
  }

  /// Every question with both answers, one JSON object a line.
  var answerLines: String {
    (verification?.answers ?? []).map { item in
      var line = JSONOutput()
      line.set("image", item.picture)
      line.set("question", item.question)
      if let group = item.group { line.set("group", group) }
      if let answer = item.answer { line.set("answer", answer) }
      line.set("reference", item.reference)
      line.set("pack", item.packed)
      if let right = item.isRight(item.reference) { line.set("reference_right", right) }
      if let right = item.isRight(item.packed) { line.set("pack_right", right) }
      return line.value.text() + "\n"
    }.joined()
  }

  // MARK: Text

  /// Label and value of every number but the layers'.
  var rows: [(label: String, value: String)] {
    var rows = [("pack", "\(pack.path), \(pack.byteCount) bytes, every checksum right")]
    rows.append(("scheme", pack.provenance[Provenance.Key.scheme]?.text ?? "not recorded"))
    guard let found = verification else {
      rows.append(("accuracy", "not checked: give --reference and pictures"))
      return rows
    }
    rows.append(("pictures", "\(found.images), \(found.questions) questions"))
    rows.append(
      (
        "inputs",
        "pixels differ by at most \(found.inputs.pixelsMaximumDifference), token ids "
          + (found.inputs.tokenIDsEqual ? "equal" : "DIFFER")
      ))
    rows.append(("encoder output", Self.text(found.encoder)))
    rows.append(("image tokens", Self.text(found.imageTokens)))
    if found.logits.count > 0 {
      rows.append(
        (
          "logits",
          "KL mean \(Self.short(found.logits.mean)), p99 \(Self.short(found.logits.percentile99)), max "
            + "\(Self.short(found.logits.maximum)); top-1 \(Self.percent(found.logits.top1Agreement)), top-5 "
            + Self.percent(found.logits.top5Agreement)
        ))
      rows.append(
        (
          "greedy text",
          "\(Self.percent(found.text.exactMatch)) equal, first difference after "
            + "\(Self.short(found.text.firstDivergenceMean)) tokens"
        ))
    }
    if let task = found.task { rows.append(("questions", Self.text(task))) }
    for (name, score) in found.groups { rows.append(("  \(name)", Self.text(score))) }
    rows.append(
      (
        "encoder time",
        "reference \(Self.short(found.referenceTimes.encode)) ms, pack \(Self.short(found.packedTimes.encode)) ms"
      ))
    return rows
  }

  var text: String {
    var lines = rows.map { label, value in
      label + String(repeating: " ", count: max(1, 16 - label.count)) + value
    }
    let worst = worstLayers.map {
      "\($0.name) (adds \(Self.short($0.introduced)) dB SQNR)"
    }
    if !worst.isEmpty { lines.append("noisiest layers: " + worst.joined(separator: ", ")) }
    for miss in misses {
      lines.append(
        "MISSED: \(miss.what) is \(Self.short(miss.found)), limit \(Self.short(miss.limit))")
    }
    lines.append(misses.isEmpty ? "passed" : "failed")
    return lines.joined(separator: "\n")
  }

  private var worstLayers: ArraySlice<Verification.LayerError> {
    (verification?.layers ?? []).filter { $0.introduced.isFinite }
      .sorted { $0.introduced < $1.introduced }.prefix(3)
  }

  private static func text(_ score: TaskScore) -> String {
    "\(score.count): reference \(percent(score.referenceScore)), pack \(percent(score.packedScore)); "
      + "lost \(score.flipsLost), won \(score.flipsWon)"
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

  // MARK: HTML

  /// One page without outside parts: verdict, numbers, the error of every layer as bars.
  var html: String {
    let verdict = misses.isEmpty ? "passed" : "failed"
    var body = "<h1>Verification: \(verdict)</h1>\n<table>\n"
    for (label, value) in rows {
      body += "<tr><th>\(Self.escaped(label))</th><td>\(Self.escaped(value))</td></tr>\n"
    }
    for miss in misses {
      body +=
        "<tr class=miss><th>missed</th><td>\(Self.escaped(miss.what)): \(Self.short(miss.found)), limit "
        + "\(Self.short(miss.limit))</td></tr>\n"
    }
    body += "</table>\n"
    let layers = verification?.layers ?? []
    if !layers.isEmpty {
      body +=
        "<h2>Encoder, layer by layer</h2>\n<p>Signal over noise in decibels: what the layer adds by "
      body += "itself (bar), and with all it inherits. Longer is better.</p>\n<table>\n"
      for layer in layers {
        let width = layer.introduced.isFinite ? min(100, max(0, layer.introduced)) : 100
        body +=
          "<tr><th>\(Self.escaped(layer.name))</th><td><div class=bar style=\"width:\(width)%\"></div></td>"
        body +=
          "<td>\(Self.short(layer.introduced))</td><td>\(Self.short(layer.signalToNoise))</td></tr>\n"
      }
      body += "</table>\n"
    }
    return Self.page(body)
  }

  private static func page(_ body: String) -> String {
    """
    <!doctype html>
    <html lang="en"><head><meta charset="utf-8"><title>Martlet verification</title>
    <meta name="viewport" content="width=device-width">
    <style>
    :root { color-scheme: light dark; }
    body { font: 15px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
    table { border-collapse: collapse; width: 100%; }
    th, td { text-align: left; padding: .2rem .6rem; border-bottom: 1px solid #8884; font-weight: normal; }
    th { white-space: nowrap; opacity: .8; }
    .bar { background: #4a7fb5; height: .6rem; border-radius: 2px; min-width: 1px; }
    .miss td { color: #c33; }
    </style></head><body>
    \(body)</body></html>

    """
  }

  private static func escaped(_ text: String) -> String {
    text.replacing("&", with: "&amp;").replacing("<", with: "&lt;").replacing("\"", with: "&quot;")
  }
}
