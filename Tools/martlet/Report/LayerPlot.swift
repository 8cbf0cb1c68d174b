import Foundation
import MartletBytes

/// Error of every layer as a share of its signal: what the layer adds by itself, and what it inherits.
struct LayerPlot {
  private struct Entry {
    var name: String
    var own: Double?
    var past: Double?
    var whole: Double?
  }

  private let entries: [Entry]
  private let left = 46.0
  private let top = 12.0
  private let width = 830.0
  private let height = 250.0
  /// Shares of the signal at the bottom and at the top: 0.01 % and 100 %, in powers of ten.
  private let low = -4.0
  private let high = 0.0

  init(_ numbers: ReportNumbers) {
    entries = (numbers.value("layers")?.array ?? []).map { layer in
      func share(_ key: String) -> Double? {
        layer[key]?.double.map { pow(10, -$0 / 20) }
      }
      return Entry(
        name: layer["name"]?.string ?? "", own: share("introduced_db"),
        past: share("inherited_db"), whole: share("sqnr_db"))
    }
  }

  var svg: String {
    if entries.isEmpty { return "" }
    var parts = [
      "<svg class=\"plot\" viewBox=\"0 0 890 318\" role=\"img\" aria-label=\"error of every layer\">"
    ]
    for exponent in Int(low)...Int(high) {
      let at = y(pow(10, Double(exponent)))
      parts.append(
        "<line class=\"grid\" x1=\"\(p(left))\" x2=\"\(p(left + width))\" y1=\"\(p(at))\" y2=\"\(p(at))\"/>"
      )
      let label = ["0.01 %", "0.1 %", "1 %", "10 %", "100 %"][exponent + 4]
      parts.append(
        "<text x=\"\(p(left - 6))\" y=\"\(p(at + 4))\" text-anchor=\"end\">\(label)</text>")
    }
    parts += sections
    parts += stems
    parts += line
    parts.append("</svg>")
    return parts.joined(separator: "\n")
  }

  /// Where the parts of the model begin, with their names.
  private var sections: [String] {
    var parts: [String] = []
    var before = ""
    var lastLabel = -Double.infinity
    var row = 0
    for (index, entry) in entries.enumerated() {
      let name = Self.section(entry.name)
      if name == before { continue }
      before = name
      let at = left + step * Double(index)
      parts.append(
        "<line class=\"grid\" x1=\"\(p(at))\" x2=\"\(p(at))\" y1=\"\(p(top))\" y2=\"\(p(top + height + 6))\"/>"
      )
      row = at - lastLabel < 7 * Double(name.count) ? 1 - row : 0
      lastLabel = at
      parts.append(
        "<text x=\"\(p(at + 2))\" y=\"\(p(top + height + 18 + 14 * Double(row)))\">"
          + "\(Markup.escaped(name))</text>")
    }
    return parts
  }

  /// `stage 2` of `vision.stages.2.blocks.0.ffn.fc1`, `layer 3` of the language model's; few, to have room.
  private static func section(_ name: String) -> String {
    let parts = name.split(separator: ".")
    switch parts.first {
    case "vision":
      if parts.count > 2, parts[1] == "stages" { return "stage \(parts[2])" }
      return parts.count > 1 && parts[1] == "stem" ? "stem" : "head"
    case "projector": return "projector"
    default:
      if parts.count > 2, parts[1] == "layers" { return "layer \(parts[2])" }
      return parts.count > 1 && parts[1] == "embed" ? "embed" : "head"
    }
  }

  private var stems: [String] {
    entries.enumerated().compactMap { index, entry in
      guard let own = entry.own, own > pow(10, low) else { return nil }
      let at = x(index)
      return "<g class=\"own\"><title>\(title(entry))</title>"
        + "<line x1=\"\(p(at))\" x2=\"\(p(at))\" y1=\"\(p(y(own)))\" y2=\"\(p(top + height))\" "
        + "stroke-width=\"\(p(max(1, min(3, 0.5 * step))))\" stroke-opacity=\".45\"/>"
        + "<circle cx=\"\(p(at))\" cy=\"\(p(y(own)))\" r=\"2.6\"/></g>"
    }
  }

  private var line: [String] {
    var path = ""
    for (index, entry) in entries.enumerated() {
      guard let past = entry.past else { continue }
      path += (path.isEmpty ? "M" : "L") + "\(p(x(index))) \(p(y(past)))"
    }
    if path.isEmpty { return [] }
    return ["<path class=\"past\" d=\"\(path)\" stroke-width=\"1.8\" stroke-linejoin=\"round\"/>"]
  }

  private func title(_ entry: Entry) -> String {
    func words(_ share: Double?) -> String {
      share.map { Markup.number(100 * $0) + " %" } ?? "none"
    }
    return Markup.escaped(
      "\(entry.name): adds \(words(entry.own)), inherits \(words(entry.past)), in all \(words(entry.whole))"
    )
  }

  private var step: Double { width / Double(max(1, entries.count)) }
  private func x(_ index: Int) -> Double { left + step * (Double(index) + 0.5) }
  private func y(_ share: Double) -> Double {
    let place = share > 0 ? (log10(share) - low) / (high - low) : 0
    return top + height * (1 - min(1, max(0, place)))
  }
  private func p(_ value: Double) -> String { Markup.place(value) }
}
