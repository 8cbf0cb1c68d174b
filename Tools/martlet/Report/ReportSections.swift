import MartletBytes
import MartletVerification

/// Everything about one pack, from the verdict's numbers to where it came from.
struct ReportSections {
  let numbers: ReportNumbers
  let outcome: VerificationOutcome
  let pictures: ReportPictures
  /// Place of the pack among several, to tell elements of its plots apart.
  let place: Int

  var html: String {
    cards + scores + logits + layers
      + BlameSection(numbers: numbers).html
      + AnswerSection(numbers: numbers, outcome: outcome).html
      + PictureSection(numbers: numbers, pictures: pictures, place: place).html + latency
      + provenance
  }

  private func section(_ title: String, _ words: String, _ body: String) -> String {
    "<section><h2>\(title)</h2>\n<p class=\"quiet\">\(words)</p>\n\(body)</section>\n"
  }

  private var cards: String {
    var cards: [(String, String)] = []
    if numbers.double("task.packed_score") != nil {
      cards.append(
        (
          numbers.text("task.packed_score", .percent),
          "score; the reference has \(numbers.text("task.reference_score", .percent))"
        ))
    }
    if numbers.double("logits.positions") ?? 0 > 0 {
      cards.append(
        (numbers.text("text.exact_match", .percent), "of answers the same, token by token"))
      cards.append((numbers.text("logits.top1_agreement", .percent), "same likeliest token"))
    }
    cards.append(
      (numbers.text("image_tokens.sqnr_db", .decibels), "signal over error, image tokens"))
    cards.append(
      (
        numbers.text("packed_ms.encode", .milliseconds),
        "encoder; the reference takes "
          + numbers.text("reference_ms.encode", .milliseconds)
      ))
    cards.append((numbers.text("pack_bytes", .bytes), "pack"))
    let inputs = outcome.verification.inputs
    let same = inputs.pixelsMaximumDifference == 0 && inputs.tokenIDsEqual
    cards.append(
      (
        same ? "equal" : "DIFFERENT",
        "inputs: pixels differ by at most \(numbers.text("inputs.pixels_max_difference", .count)), "
          + "token ids \(inputs.tokenIDsEqual ? "equal" : "differ")"
      ))
    return "<div class=\"cards\">\n"
      + cards.map { "<div class=\"card\"><b>\($0.0)</b><span>\($0.1)</span></div>\n" }.joined()
      + "</div>\n"
  }

  // MARK: Scores

  private var scores: String {
    guard let task = numbers.value("task"), task.object != nil else { return "" }
    var rows = [(name: "all questions", key: "task", value: task)]
    for (name, value) in numbers.value("groups")?.object?.members ?? [] {
      rows.append((name, "groups.\(name)", value))
    }
    let bounds = rows.flatMap { ($0.value["drop_interval"]?.array ?? []).compactMap(\.double) }
    let plot = IntervalPlot(reach: bounds.map { abs($0) }.max() ?? 0)
    var body = """
      <div class="scroll"><table><thead><tr><th>group</th><th class="n">questions</th><th class="n">reference</th>
      <th class="n">pack</th><th class="n">lost</th><th class="n">won</th><th class="n">drop in points</th>
      <th>95 % interval: gain ← 0 → drop</th></tr></thead><tbody>

      """
    for row in rows {
      func cell(_ key: String, _ style: ReportNumbers.Style) -> String {
        let value = numbers.text(
          of: row.value[key] ?? .null, key: "\(row.key).\(key)", style)
        return "<td class=\"n\">\(value)</td>"
      }
      body += "<tr><td>\(Markup.escaped(row.name))</td>" + cell("count", .count)
      body += cell("reference_score", .percent) + cell("packed_score", .percent)
      body += cell("flips_lost", .count) + cell("flips_won", .count) + cell("drop", .points)
      let interval = (row.value["drop_interval"]?.array ?? []).compactMap(\.double)
      body += "<td>"
      if interval.count == 2, let drop = row.value["drop"]?.double {
        let bounds = (0..<2).map { bound in
          numbers.text(
            of: row.value["drop_interval"]?.array?[bound] ?? .null,
            key: "\(row.key).drop_interval.\(bound)", .points)
        }
        body += plot.svg(drop: drop, low: interval[0], high: interval[1])
        body += "<span class=\"quiet small\">\(bounds[0]) to \(bounds[1])</span>"
      }
      body += "</td></tr>\n"
    }
    body += "</tbody></table></div>\n"
    return section(
      "Answers that are right",
      "Lost: right by the reference, wrong by the pack; won: the other way round. Intervals: "
        + "\(numbers.text("bootstrap.resamples", .count)) draws of whole pictures with replacement.",
      body)
  }

  // MARK: Distributions

  private var logits: String {
    guard numbers.double("logits.positions") ?? 0 > 0 else { return "" }
    let columns: [(String, String, ReportNumbers.Style)] = [
      ("mean", "kl_mean", .plain), ("half below", "kl_p50", .plain), ("90 %", "kl_p90", .plain),
      ("95 %", "kl_p95", .plain), ("99 %", "kl_p99", .plain), ("largest", "kl_max", .plain),
    ]
    let errors: [(String, String, ReportNumbers.Style)] = [
      ("", "", .plain), ("half below", "error_p50", .plain), ("90 %", "error_p90", .plain),
      ("", "", .plain), ("99 %", "error_p99", .plain), ("any logit", "error_max", .plain),
    ]
    var body = "<div class=\"scroll\">" + DivergencePlot(numbers: numbers).svg + "</div>\n"
    body += "<div class=\"scroll\"><table><thead><tr><th></th>"
    body += columns.map { "<th class=\"n\">\($0.0)</th>" }.joined() + "</tr></thead><tbody>\n"
    for (title, row) in [("divergence (nats)", columns), ("logit error", errors)] {
      body += "<tr><td>\(title)</td>"
      body += row.map {
        "<td class=\"n\">\($0.1.isEmpty ? "" : numbers.text("logits." + $0.1, $0.2))</td>"
      }.joined()
      body += "</tr>\n"
    }
    body += "</tbody></table></div>\n"
    body += "<p class=\"small quiet\">Of \(numbers.text("logits.positions", .count)) positions "
    body +=
      "\(numbers.text("logits.top1_agreement", .percent)) have the same likeliest token; the five likeliest share "
    body += "\(numbers.text("logits.top5_agreement", .percent)). "
    body += "\(numbers.text("text.diverged", .count)) answers differ, on average after "
    body += "\(numbers.text("text.diverged_after_mean", .plain)) tokens.</p>\n"
    return section(
      "Next-token distributions",
      "Kullback–Leibler divergence of the pack's distribution from the reference's, at every position of the "
        + "reference's answers. From 0.1 nats on (orange) likely tokens change places.", body)
  }

  // MARK: Layers

  private var layers: String {
    guard let all = numbers.value("layers")?.array, !all.isEmpty else { return "" }
    var body = """
      <div class="key"><span><i style="background:var(--own)"></i>added by the layer itself</span>
      <span><i style="background:var(--past)"></i>inherited from its inputs</span></div>
      <div class="scroll">\(LayerPlot(numbers).svg)</div>
      <details><summary>all \(all.count) layers as numbers</summary><div class="scroll"><table><thead><tr>
      <th>layer</th><th class="n">adds</th><th class="n">inherits</th><th class="n">in all</th>
      <th class="n">cosine</th></tr></thead><tbody>

      """
    for (index, layer) in all.enumerated() {
      body += "<tr><td><code>\(Markup.escaped(layer["name"]?.string ?? ""))</code></td>"
      for key in ["introduced_db", "inherited_db", "sqnr_db"] {
        body += "<td class=\"n\">\(numbers.text("layers.\(index).\(key)", .decibels))</td>"
      }
      body += "<td class=\"n\">\(numbers.text("layers.\(index).cosine", .similarity))</td></tr>\n"
    }
    body += "</tbody></table></div></details>\n"
    return section(
      "Where the error comes from",
      "Error as a share of each layer's signal, logarithmic, layers in the order they run; over "
        + "\(numbers.text("layer_pictures", .count)) picture(s). Each layer ran twice: on what it receives in the pack, "
        + "and on the reference's own inputs. A table gives signal over error in decibels: 40 dB are 1 %.",
      body)
  }

  // MARK: Time and origin

  private var latency: String {
    var body = "<div class=\"key\">"
    for part in LatencyPlot.parts {
      body += "<span><i style=\"background:var(--part\(part.2))\"></i>\(part.1)</span>"
    }
    body += "</div>\n<div class=\"scroll\">" + LatencyPlot(numbers: numbers).svg + "</div>\n"
    body += "<div class=\"scroll\"><table><thead><tr><th></th><th class=\"n\">encoder</th>"
    body +=
      "<th class=\"n\">projector</th><th class=\"n\">prompt</th><th class=\"n\">each further token</th></tr></thead><tbody>\n"
    for (key, title) in [("reference_ms", "float reference"), ("packed_ms", "pack")] {
      body += "<tr><td>\(title)</td>"
      for part in ["encode", "project", "prefill", "decode_token"] {
        body += "<td class=\"n\">\(numbers.text("\(key).\(part)", .milliseconds))</td>"
      }
      body += "</tr>\n"
    }
    body += "</tbody></table></div>\n"
    let subject = outcome.subject
    return section(
      "Time to the first token",
      "Means over all pictures and questions, measured while comparing; <code>martlet bench</code> measures alone. "
        + "\(Markup.escaped(subject.machine)), \(subject.threads) threads, \(Markup.escaped(subject.instructionSet)).",
      body)
  }

  private var provenance: String {
    let subject = outcome.subject
    var rows = [
      ("pack", subject.pack.path), ("identity", EvaluationSubject.text(subject.pack.identity)),
    ]
    rows += subject.pack.provenance.map { ($0.key, $0.value) }
    rows += [
      ("reference", subject.referencePath),
      ("reference SHA-256", SHA256.hexadecimal(subject.referenceDigest)),
      ("questions SHA-256", SHA256.hexadecimal(subject.casesDigest)),
      ("compared by", subject.tool), ("longest answer", "\(subject.longestAnswer) tokens"),
      ("instruction set", subject.instructionSet), ("machine", subject.machine),
    ]
    var body = "<dl>\n"
    for (key, value) in rows {
      body += "<dt>\(Markup.escaped(key))</dt>"
      body += "<dd><code>\(Markup.escaped(Markup.cut(value, to: 400)))</code></dd>\n"
    }
    body += "<dt>peak memory</dt><dd>\(numbers.text("peak_rss_bytes", .bytes))</dd>\n</dl>\n"
    return section(
      "Where it comes from", "What the pack records about itself, and what it was compared with.",
      body)
  }
}
