import Foundation
import MartletBytes

/// How many positions have which divergence: a histogram over powers of ten.
struct DivergencePlot {
  let numbers: ReportNumbers

  var svg: String {
    let bins = (numbers.value("logits.kl_bins")?.array ?? []).compactMap { bin -> (Int, Int)? in
      guard let pair = bin.array, pair.count == 2, let from = pair[0].double,
        let count = pair[1].int
      else { return nil }
      // Thirds of decades from 1e-9 on; what is smaller stands one before.
      return (from > 0 ? Int((3 * log10(from)).rounded()) : -28, count)
    }
    guard let first = bins.map(\.0).min(), let last = bins.map(\.0).max() else { return "" }
    let (left, top, height) = (46.0, 12.0, 150.0)
    let low = min(first, -18)
    let high = max(last, 2)
    let step = 830 / Double(high - low + 1)
    let most = Double(bins.map(\.1).max() ?? 1)
    var parts = [
      "<svg class=\"plot\" viewBox=\"0 0 890 206\" role=\"img\" aria-label=\"distribution of divergence\">"
    ]
    for (place, count) in bins {
      let size = max(1.5, height * Double(count) / most)
      let from = place == -28 ? "below 1e-9" : "from " + Markup.number(pow(10, Double(place) / 3))
      // From a tenth of a nat on a likely token changes places.
      parts.append(
        "<rect class=\"\(place >= -3 ? "tail" : "bar")\" x=\"\(p(left + step * Double(place - low) + 1))\" "
          + "y=\"\(p(top + height - size))\" width=\"\(p(step - 2))\" height=\"\(p(size))\" rx=\"1.5\">"
          + "<title>\(from): \(count) positions</title></rect>")
    }
    for place in low...high where place % 3 == 0 {
      let at = left + step * Double(place - low)
      let exponent = place / 3
      let label = ["0.01", "0.1", "1", "10"][safe: exponent + 2] ?? "1e\(exponent)"
      parts.append(
        "<text x=\"\(p(at))\" y=\"\(p(top + height + 17))\" text-anchor=\"middle\">\(label)</text>")
      parts.append(
        "<line class=\"grid\" x1=\"\(p(at))\" x2=\"\(p(at))\" y1=\"\(p(top + height))\" y2=\"\(p(top + height + 5))\"/>"
      )
    }
    parts.append(
      "<line class=\"axis\" x1=\"\(p(left))\" x2=\"\(p(left + 830))\" y1=\"\(p(top + height))\" y2=\"\(p(top + height))\"/>"
    )
    parts.append(
      "<text x=\"\(p(left + 415))\" y=\"\(p(top + height + 36))\" text-anchor=\"middle\">divergence in nats, logarithmic</text>"
    )
    parts.append(
      "<text x=\"\(p(left - 6))\" y=\"\(p(top + 8))\" text-anchor=\"end\">\(Int(most))</text>")
    parts.append("</svg>")
    return parts.joined(separator: "\n")
  }

  private func p(_ value: Double) -> String { Markup.place(value) }
}

/// The drop of a score with its interval, beside the line of no change.
struct IntervalPlot {
  /// Largest drop or gain that is drawn, the same for all rows of a table.
  let reach: Double

  func svg(drop: Double, low: Double, high: Double) -> String {
    let (width, middle) = (180.0, 9.0)
    func x(_ value: Double) -> Double {
      width / 2 * (1 + max(-1, min(1, value / max(reach, 1e-9)))) * 0.94 + width * 0.03
    }
    return
      "<svg class=\"interval\" viewBox=\"0 0 180 18\" width=\"180\" height=\"18\" aria-hidden=\"true\">"
      + "<line class=\"grid\" x1=\"\(Markup.place(x(0)))\" x2=\"\(Markup.place(x(0)))\" y1=\"0\" y2=\"18\" stroke-width=\"1.5\"/>"
      + "<line class=\"span\" x1=\"\(Markup.place(x(low)))\" x2=\"\(Markup.place(x(high)))\" y1=\"\(Markup.place(middle))\" "
      + "y2=\"\(Markup.place(middle))\" stroke-width=\"1.6\"/>"
      + "<circle class=\"dot\" cx=\"\(Markup.place(x(drop)))\" cy=\"\(Markup.place(middle))\" r=\"3.6\"/></svg>"
  }
}

/// Where the time to the first token goes, reference above pack.
struct LatencyPlot {
  let numbers: ReportNumbers

  static let parts = [
    ("encode", "encoder", 1), ("project", "projector", 2), ("prefill", "prompt", 3),
  ]

  var svg: String {
    let rows = [("reference_ms", "float reference"), ("packed_ms", "pack")]
    let totals = rows.map { row in
      Self.parts.reduce(0) { $0 + (numbers.double("\(row.0).\($1.0)") ?? 0) }
    }
    guard let most = totals.max(), most > 0 else { return "" }
    let (left, width) = (104.0, 690.0)
    var svg = [
      "<svg class=\"plot\" viewBox=\"0 0 890 84\" role=\"img\" aria-label=\"time to the first token\">"
    ]
    for (place, row) in rows.enumerated() {
      let top = 8 + 38 * Double(place)
      svg.append(
        "<text class=\"ink\" x=\"\(Markup.place(left - 10))\" y=\"\(Markup.place(top + 18))\" text-anchor=\"end\">\(row.1)</text>"
      )
      var x = left
      for part in Self.parts {
        let value = numbers.double("\(row.0).\(part.0)") ?? 0
        let size = width * value / most
        svg.append(
          "<rect class=\"p\(part.2)\" x=\"\(Markup.place(x))\" y=\"\(Markup.place(top))\" width=\"\(Markup.place(size))\" "
            + "height=\"26\" rx=\"2\"><title>\(part.1): \(Markup.number(value)) ms</title></rect>")
        x += size
      }
      svg.append(
        "<text x=\"\(Markup.place(x + 8))\" y=\"\(Markup.place(top + 18))\">\(Markup.number(totals[place])) ms</text>"
      )
    }
    svg.append("</svg>")
    return svg.joined(separator: "\n")
  }
}

extension Array {
  fileprivate subscript(safe index: Int) -> Element? {
    indices.contains(index) ? self[index] : nil
  }
}
