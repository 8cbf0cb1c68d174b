import Foundation
import MartletBytes
import MartletVerification

/// The page of `tune --report`: one file without outside parts. Its numbers are those of `--json`.
struct TuningPage {
  private let report: TuningReport
  private let numbers: ReportNumbers

  init(_ report: TuningReport) {
    self.report = report
    numbers = ReportNumbers(json: report.json.value, prefix: "")
  }

  var html: String {
    let policy = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"
    return """
      <!DOCTYPE html>
      <html lang="en"><head><meta charset="utf-8" />
      <meta name="viewport" content="width=device-width, initial-scale=1" />
      <meta http-equiv="Content-Security-Policy" content="\(policy)" />
      <title>Martlet tuning: \(Markup.escaped(name))</title>
      <style>
      \(PageStyle.css)
      </style></head><body><main>
      \(head)\(curve)\(table)\(left)</main></body></html>

      """
  }

  private var name: String { Directory.name(of: report.run.subject.source) }

  private var head: String {
    var html = """
      <h1>\(Markup.escaped(name)) <span class="quiet">resolution and scheme</span></h1>
      <p class="quiet">Accuracy: \(Markup.escaped(report.judge)); \(numbers.text("questions", .count)) questions about \
      \(numbers.text("images", .count)) pictures. Time: \(Markup.escaped(report.run.subject.machine)), \
      \(numbers.text("threads", .count)) threads, \(Markup.escaped(report.run.subject.instructionSet)).</p>

      """
    if let best = report.recommended {
      html += "<p><span class=\"badge\">recommended</span> \(best.point.resolution)² "
      html += "\(Markup.escaped(best.point.scheme))"
      if report.budget != nil {
        html += " within \(numbers.text("budget_ms", .milliseconds))"
      }
      html += "<br /><code>\(Markup.escaped(report.convert(best.point)))</code></p>\n"
      for other in report.tuning.notToldApart(from: best).prefix(3) {
        html += "<p class=\"small quiet\">Faster, and not told apart by these pictures: "
        html += "\(other.point.resolution)² \(Markup.escaped(other.point.scheme)).</p>\n"
      }
    } else {
      html += "<p><span class=\"badge failed\">nothing to recommend</span></p>\n"
    }
    for warning in report.warnings {
      html += "<p><span class=\"tag lost\">warning</span> \(Markup.escaped(warning)).</p>\n"
    }
    return html
  }

  private var curve: String {
    if report.tuning.points.isEmpty { return "" }
    let plot = ParetoPlot(points: report.tuning.points, budget: report.budget)
    return """
      <section><h2>Accuracy and time to the first token</h2>
      <p class="quiet">Bars are 95 % intervals; the line joins the points than which no other is both faster and more \
      accurate. Time is logarithmic.</p>
      <div class="key">\(plot.key)</div>
      <div class="scroll">\(plot.svg)</div></section>

      """
  }

  private static let columns: [(title: String, key: String, style: ReportNumbers.Style)] = [
    ("accuracy", "accuracy", .percent), ("from", "accuracy_interval.0", .percent),
    ("to", "accuracy_interval.1", .percent), ("first token", "first_token_ms", .milliseconds),
    ("90 % below", "first_token_p90_ms", .milliseconds), ("encoder", "encode_ms", .milliseconds),
    ("image tokens", "image_tokens", .count), ("pack", "pack_bytes", .bytes),
  ]

  private var table: String {
    var html = "<section><h2>All points</h2><div class=\"scroll\"><table><thead><tr>"
    html += "<th>resolution</th><th>scheme</th>"
    html += Self.columns.map { "<th class=\"n\">\($0.title)</th>" }.joined()
    html += "<th></th></tr></thead><tbody>\n"
    for (index, measured) in report.tuning.points.enumerated() {
      html += "<tr><td>\(measured.point.resolution)²</td>"
      html += "<td>\(Markup.escaped(measured.point.scheme))</td>"
      for column in Self.columns {
        html +=
          "<td class=\"n\">\(numbers.text("points.\(index).\(column.key)", column.style))</td>"
      }
      html += "<td>\(measured.isPareto ? "<span class=\"tag won\">on the curve</span>" : "")</td>"
      html += "</tr>\n"
    }
    return html + "</tbody></table></div></section>\n"
  }

  private var left: String {
    if report.run.skipped.isEmpty { return "" }
    var html = "<section><h2>Left out</h2><dl>\n"
    for skipped in report.run.skipped {
      html += "<dt>\(skipped.point.resolution)² \(Markup.escaped(skipped.point.scheme))</dt>"
      html += "<dd>\(Markup.escaped(skipped.reason))</dd>\n"
    }
    return html + "</dl></section>\n"
  }
}

/// Accuracy over the logarithm of time, a color a scheme.
struct ParetoPlot {
  let points: [Tuning.Measured]
  let budget: Double?

  private let left = 52.0
  private let top = 14.0
  private let width = 810.0
  private let height = 300.0

  private var schemes: [String] {
    var schemes: [String] = []
    for point in points where !schemes.contains(point.point.scheme) {
      schemes.append(point.point.scheme)
    }
    return schemes
  }

  private func color(_ scheme: String) -> String {
    let colors = ["--past", "--own", "--pack", "--part2", "--bad", "--quiet"]
    return "var(\(colors[(schemes.firstIndex(of: scheme) ?? 0) % colors.count]))"
  }

  var key: String {
    schemes.map {
      "<span><i style=\"background:\(color($0))\"></i>\(Markup.escaped($0))</span>"
    }.joined()
  }

  /// Powers of two in milliseconds.
  private var times: ClosedRange<Double> {
    let all = points.map(\.firstToken) + (budget.map { [$0] } ?? [])
    let low = log2(max(0.01, all.min() ?? 1)) - 0.25
    let high = log2(max(0.01, all.max() ?? 1)) + 0.25
    return low...max(high, low + 1)
  }

  private var shares: ClosedRange<Double> {
    let low = points.map(\.interval.low).min() ?? 0
    let high = points.map(\.interval.high).max() ?? 1
    let (from, to) = ((low * 10).rounded(.down) / 10, (high * 10).rounded(.up) / 10)
    return from...max(to, from + 0.1)
  }

  private func x(_ time: Double) -> Double {
    let range = times
    return left + width * (log2(max(0.01, time)) - range.lowerBound)
      / (range.upperBound - range.lowerBound)
  }

  private func y(_ share: Double) -> Double {
    let range = shares
    return top + height * (range.upperBound - share) / (range.upperBound - range.lowerBound)
  }

  var svg: String {
    var parts = [
      "<svg class=\"plot\" viewBox=\"0 0 890 362\" role=\"img\" aria-label=\"accuracy over time to the first token\">"
    ]
    parts += grid
    if let budget {
      parts.append(
        "<line x1=\"\(p(x(budget)))\" x2=\"\(p(x(budget)))\" y1=\"\(p(top))\" y2=\"\(p(top + height))\" "
          + "style=\"stroke:var(--good)\" stroke-dasharray=\"5 4\"><title>budget: \(Markup.number(budget)) ms</title></line>"
      )
    }
    let curve = points.filter(\.isPareto).sorted { $0.firstToken < $1.firstToken }
    let path = curve.enumerated().map { index, point in
      "\(index == 0 ? "M" : "L")\(p(x(point.firstToken))) \(p(y(point.accuracy)))"
    }.joined()
    parts.append(
      "<path d=\"\(path)\" fill=\"none\" style=\"stroke:var(--quiet)\" stroke-width=\"1.4\"/>")
    parts += points.map(mark)
    parts.append("</svg>")
    return parts.joined(separator: "\n")
  }

  private var grid: [String] {
    var parts: [String] = []
    let (low, high) = (
      Int((shares.lowerBound * 10).rounded()), Int((shares.upperBound * 10).rounded())
    )
    for tenth in low...high {
      let at = y(Double(tenth) / 10)
      parts.append(
        "<line class=\"grid\" x1=\"\(p(left))\" x2=\"\(p(left + width))\" y1=\"\(p(at))\" y2=\"\(p(at))\"/>"
          + "<text x=\"\(p(left - 6))\" y=\"\(p(at + 4))\" text-anchor=\"end\">\(tenth * 10) %</text>"
      )
    }
    let exponents =
      Int(
        times.lowerBound.rounded(.up))...max(
        Int(times.lowerBound.rounded(.up)), Int(times.upperBound.rounded(.down)))
    for exponent in exponents {
      let time = pow(2, Double(exponent))
      parts.append(
        "<line class=\"grid\" x1=\"\(p(x(time)))\" x2=\"\(p(x(time)))\" y1=\"\(p(top))\" y2=\"\(p(top + height + 5))\"/>"
          + "<text x=\"\(p(x(time)))\" y=\"\(p(top + height + 18))\" text-anchor=\"middle\">\(Markup.number(time))</text>"
      )
    }
    parts.append(
      "<text x=\"\(p(left + width / 2))\" y=\"\(p(top + height + 38))\" text-anchor=\"middle\">milliseconds to the first token</text>"
    )
    return parts
  }

  private func mark(_ point: Tuning.Measured) -> String {
    let (at, color) = (x(point.firstToken), color(point.point.scheme))
    let words =
      "\(point.point.resolution)² \(point.point.scheme): "
      + String(format: "%.1f %%", 100 * point.accuracy)
      + " after \(Markup.number(point.firstToken)) ms"
    return
      "<g style=\"stroke:\(color);fill:\(color)\"><title>\(Markup.escaped(words))</title>"
      + "<line x1=\"\(p(at))\" x2=\"\(p(at))\" y1=\"\(p(y(point.interval.low)))\" y2=\"\(p(y(point.interval.high)))\" "
      + "stroke-width=\"1.4\" stroke-opacity=\".5\"/>"
      + "<circle cx=\"\(p(at))\" cy=\"\(p(y(point.accuracy)))\" r=\"4.2\"/></g>"
      + "<text class=\"ink\" x=\"\(p(at + 7))\" y=\"\(p(y(point.accuracy) - 6))\">\(point.point.resolution)</text>"
  }

  private func p(_ value: Double) -> String { Markup.place(value) }
}
