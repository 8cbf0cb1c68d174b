import MartletBytes

/// Which layers cost most, and what restoring them gives and costs.
struct BlameSection {
  let numbers: ReportNumbers

  var html: String {
    let blamed = numbers.value("blame")?.array ?? []
    if blamed.isEmpty { return "" }
    var html = "<section><h2>Blame and cure</h2>\n"
    html +=
      "<p class=\"quiet\">The quantized layers that add most error, and the option of <code>martlet convert</code> "
    html +=
      "that restores each. The error is measured at the layer's own output; what it does to answers is measured by "
    html += "<code>--what-if</code> alone. Sizes are before compression.</p>\n"
    html += "<div class=\"scroll\"><table><thead><tr><th>layer</th><th class=\"n\">adds</th>"
    html += "<th class=\"n\">bytes</th><th>restored by</th></tr></thead><tbody>\n"
    for (index, layer) in blamed.enumerated() {
      html += "<tr><td><code>\(Markup.escaped(layer["name"]?.string ?? ""))</code></td>"
      html += "<td class=\"n\">\(numbers.text("blame.\(index).introduced_db", .decibels))</td>"
      html += "<td class=\"n\">+\(numbers.text("blame.\(index).added_bytes", .bytes))</td>"
      html += "<td><code>\(Markup.escaped(layer["option"]?.string ?? ""))</code></td></tr>\n"
    }
    return html + "</tbody></table></div>\n" + trials + "</section>\n"
  }

  private static let columns: [(title: String, key: String, style: ReportNumbers.Style)] = [
    ("KL", "kl_mean", .plain), ("top-1", "top1_agreement", .percent),
    ("image tokens", "sqnr_db", .decibels), ("least cosine", "cosine_min", .similarity),
    ("encoder", "encode_ms", .milliseconds), ("prompt", "prefill_ms", .milliseconds),
  ]

  private var trials: String {
    guard let trials = numbers.value("what_if.trials")?.array, !trials.isEmpty else { return "" }
    var html =
      "<h3>What if</h3>\n<p class=\"quiet\">Measured on \(numbers.text("what_if.images", .count)) pictures and "
    html += "\(numbers.text("what_if.questions", .count)) questions, best divergence first.</p>\n"
    if let cure = numbers.value("what_if.cure")?.string {
      html +=
        "<p><span class=\"tag won\">cure</span> <code>\(Markup.escaped(cure))</code> is the smallest restoration "
      html += "that reaches the limits on these pictures.</p>\n"
    }
    html += "<div class=\"scroll\"><table><thead><tr><th>restored</th><th class=\"n\">bytes</th>"
    html += Self.columns.map { "<th class=\"n\">\($0.title)</th>" }.joined()
    html += "</tr></thead><tbody>\n<tr><td>nothing</td><td></td>" + cells("what_if.baseline")
    html += "</tr>\n"
    for (index, trial) in trials.enumerated() {
      let key = "what_if.trials.\(index)"
      html += "<tr><td><code>\(Markup.escaped(trial["option"]?.string ?? ""))</code></td>"
      html +=
        "<td class=\"n\">+\(numbers.text(key + ".added_bytes", .bytes))</td>\(cells(key))</tr>\n"
    }
    return html + "</tbody></table></div>\n"
  }

  private func cells(_ key: String) -> String {
    Self.columns.map { "<td class=\"n\">\(numbers.text("\(key).\($0.key)", $0.style))</td>" }
      .joined()
  }
}
