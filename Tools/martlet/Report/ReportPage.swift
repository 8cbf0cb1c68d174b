import MartletBytes
import MartletVerification

/// The page of `--report`: one file without outside parts and without scripts.
///
/// All its numbers are read from the JSON object that `--json` prints, so that both say the same.
struct ReportPage {
  private let outcomes: [(numbers: ReportNumbers, outcome: VerificationOutcome)]
  private let passed: Bool
  private let pictures: ReportPictures

  init(_ report: VerificationReport, pictures: ReportPictures) {
    let isOne = report.outcomes.count == 1
    outcomes = report.outcomes.enumerated().map { index, outcome in
      (
        ReportNumbers(json: outcome.json.value, prefix: isOne ? "" : "packs.\(index)."), outcome
      )
    }
    passed = report.passed
    self.pictures = pictures
  }

  var html: String {
    let title = outcomes.map { Self.name($0.outcome) }.joined(separator: ", ")
    let policy = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"
    var body = head
    if outcomes.count > 1 { body += SchemeTable(outcomes.map(\.numbers)).html }
    for (place, entry) in outcomes.enumerated() {
      let sections = ReportSections(
        numbers: entry.numbers, outcome: entry.outcome, pictures: pictures, place: place)
      if outcomes.count == 1 {
        body += sections.html
      } else {
        body += "<h2 class=\"packname\">\(Markup.escaped(Self.name(entry.outcome)))</h2>\n"
        body +=
          "<details\(place == 0 ? " open=\"open\"" : "")><summary>everything about this pack</summary>\n"
        body += sections.html + "</details>\n"
      }
    }
    return """
      <!DOCTYPE html>
      <html lang="en"><head><meta charset="utf-8" />
      <meta name="viewport" content="width=device-width, initial-scale=1" />
      <meta http-equiv="Content-Security-Policy" content="\(policy)" />
      <title>Martlet verification: \(Markup.escaped(title))</title>
      <style>
      \(PageStyle.css)
      </style></head><body><main>
      \(body)</main></body></html>

      """
  }

  /// The file's name without its folder.
  static func name(_ outcome: VerificationOutcome) -> String {
    Directory.name(of: outcome.subject.pack.path)
  }

  private var head: String {
    let verdict = passed ? "passed" : "failed"
    let names = outcomes.map { Markup.escaped(Self.name($0.outcome)) }.joined(separator: ", ")
    let first = outcomes[0]
    var html = """
      <span class="badge\(passed ? "" : " failed")" data-key="passed">\(verdict)</span>
      <h1>\(names) <span class="quiet">beside the float reference</span></h1>
      <p class="quiet">\(first.numbers.text("images", .count)) pictures, \
      \(first.numbers.text("questions", .count)) questions at \
      \(first.outcome.subject.image.resolution)²; reference \
      <code>\(Markup.escaped(first.outcome.subject.referencePath))</code></p>

      """
    for entry in outcomes {
      for (index, miss) in entry.outcome.misses.enumerated() {
        let key = "missed.\(index)."
        html += "<p><span class=\"tag lost\">missed</span> "
        if outcomes.count > 1 { html += Markup.escaped(Self.name(entry.outcome)) + ": " }
        html += "\(Markup.escaped(miss.what)) is \(entry.numbers.text(key + "found", .plain)), "
        html += "limit \(entry.numbers.text(key + "limit", .given))</p>\n"
      }
    }
    return html
  }
}

/// One row a pack: what each scheme costs and gives.
struct SchemeTable {
  private let packs: [ReportNumbers]

  init(_ packs: [ReportNumbers]) { self.packs = packs }

  private static let columns: [(title: String, key: String, style: ReportNumbers.Style)] = [
    ("score", "task.packed_score", .percent), ("lost", "task.flips_lost", .count),
    ("won", "task.flips_won", .count), ("same text", "text.exact_match", .percent),
    ("top-1", "logits.top1_agreement", .percent), ("KL", "logits.kl_mean", .plain),
    ("features", "image_tokens.sqnr_db", .decibels), ("size", "pack_bytes", .bytes),
    ("encoder", "packed_ms.encode", .milliseconds), ("prompt", "packed_ms.prefill", .milliseconds),
  ]

  var html: String {
    var html = "<section><h2>Schemes</h2>\n<div class=\"scroll\"><table><thead><tr><th>pack</th>"
    for column in Self.columns { html += "<th class=\"n\">\(column.title)</th>" }
    html += "<th>verdict</th></tr></thead><tbody>\n"
    if let first = packs.first, first.double("task.reference_score") != nil {
      html += "<tr><td>float reference</td><td class=\"n\">"
      html += first.text("task.reference_score", .percent) + "</td>"
      for column in Self.columns.dropFirst() {
        let key = column.key.replacing("packed_ms", with: "reference_ms")
        html += "<td class=\"n\">"
        html += key == column.key ? "" : first.text(key, column.style)
        html += "</td>"
      }
      html += "<td></td></tr>\n"
    }
    for pack in packs {
      let name = Directory.name(of: pack.value("subject.pack")?.string ?? "")
      html += "<tr><td>\(Markup.escaped(name))</td>"
      for column in Self.columns {
        html += "<td class=\"n\">\(pack.text(column.key, column.style))</td>"
      }
      let passed = pack.value("passed")?.bool == true
      html += "<td><span class=\"badge\(passed ? "" : " failed")\">"
      html += "\(passed ? "passed" : "failed")</span></td></tr>\n"
    }
    return html + "</tbody></table></div></section>\n"
  }
}
