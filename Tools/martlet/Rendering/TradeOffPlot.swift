import Foundation
import MartletModel
import MartletQuantization

/// Size against divergence: the best choices of precisions, the uniform ones, and the pack that was made.
struct TradeOffPlot {
  let curve: [PrecisionSolver.Choice]
  /// Name and predicted costs.
  let uniform: [(name: String, costs: PrecisionSolver.Costs)]
  let made: PrecisionChoice

  private let left = 80.0
  private let top = 50.0
  private let width = 620.0
  private let height = 400.0

  /// What a logarithmic axis shows where there is no divergence at all.
  private static let least = 1e-7

  private var all: [PrecisionSolver.Costs] {
    curve.map(\.costs) + uniform.map(\.costs) + [
      PrecisionSolver.Costs(
        made.measured.divergence ?? 0, Double(made.measured.bytes ?? 0), 0)
    ]
  }

  var svg: String {
    let sizes = all.map(\.y)
    let (smallest, largest) = (sizes.min() ?? 0, max(sizes.max() ?? 1, (sizes.min() ?? 0) + 1))
    let exponents = all.map { log10(max(Self.least, $0.x)) }
    let low = (exponents.min() ?? -7).rounded(.down)
    let high = max(low + 1, (exponents.max() ?? 0).rounded(.up))
    func x(_ bytes: Double) -> Double {
      left + width * (bytes - smallest) / (largest - smallest)
    }
    func y(_ divergence: Double) -> Double {
      top + height * (high - log10(max(Self.least, divergence))) / (high - low)
    }
    var parts = [
      "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 760 530\" font-family=\"sans-serif\" font-size=\"12\">",
      "<rect width=\"760\" height=\"530\" fill=\"white\"/>",
      text(left, 26, "Divergence of the next token against the size of the pack", size: 15),
    ]
    for exponent in Int(low)...Int(high) {
      let at = y(pow(10, Double(exponent)))
      parts.append(line(left, at, left + width, at, "#ddd"))
      parts.append(text(left - 8, at + 4, "1e\(exponent)", anchor: "end"))
    }
    for tick in 0...4 {
      let bytes = smallest + (largest - smallest) * Double(tick) / 4
      parts.append(line(x(bytes), top, x(bytes), top + height, "#eee"))
      parts.append(
        text(x(bytes), top + height + 18, Markup.number(bytes / 1e6), anchor: "middle"))
    }
    parts.append(text(left + width / 2, top + height + 40, "MB", anchor: "middle"))
    parts.append(
      text(left, top - 8, "nats; up to 1e\(Int(log10(Self.least))) where nothing is lost"))
    if let limit = made.limits.divergence {
      parts.append(line(left, y(limit), left + width, y(limit), "#c33", dashed: true))
    }
    if let limit = made.limits.bytes, Double(limit) <= largest, Double(limit) >= smallest {
      parts.append(
        line(x(Double(limit)), top, x(Double(limit)), top + height, "#c33", dashed: true))
    }
    let points = curve.map { "\(Markup.place(x($0.costs.y))),\(Markup.place(y($0.costs.x)))" }
    parts.append(
      "<polyline points=\"\(points.joined(separator: " "))\" fill=\"none\" stroke=\"#36c\" stroke-width=\"1.5\"/>"
    )
    for point in curve { parts.append(circle(x(point.costs.y), y(point.costs.x), 2, "#36c")) }
    for entry in uniform {
      parts.append(circle(x(entry.costs.y), y(entry.costs.x), 5, "#888"))
      let isRight = x(entry.costs.y) > left + width / 2
      parts.append(
        text(
          x(entry.costs.y) + (isRight ? -8 : 8), y(entry.costs.x) - 6, "all \(entry.name)",
          anchor: isRight ? "end" : "start"))
    }
    if let divergence = made.measured.divergence, let bytes = made.measured.bytes {
      let (cx, cy) = (x(Double(bytes)), y(divergence))
      parts.append(circle(cx, cy, 6, "#c33"))
      parts.append(
        text(cx + 10, cy + 16, "this pack, measured: \(Markup.number(divergence)) nats"))
    }
    parts.append(
      text(left, 520, "line: best choices as sums of what single layers do predict them"))
    parts.append("</svg>")
    return parts.joined(separator: "\n") + "\n"
  }

  private func text(
    _ x: Double, _ y: Double, _ text: String, size: Int = 12, anchor: String = "start"
  ) -> String {
    "<text x=\"\(Markup.place(x))\" y=\"\(Markup.place(y))\" font-size=\"\(size)\" text-anchor=\"\(anchor)\">"
      + "\(Markup.escaped(text))</text>"
  }

  private func line(
    _ x: Double, _ y: Double, _ toX: Double, _ toY: Double, _ color: String, dashed: Bool = false
  ) -> String {
    "<line x1=\"\(Markup.place(x))\" y1=\"\(Markup.place(y))\" x2=\"\(Markup.place(toX))\" "
      + "y2=\"\(Markup.place(toY))\" stroke=\"\(color)\"\(dashed ? " stroke-dasharray=\"5 4\"" : "")/>"
  }

  private func circle(_ x: Double, _ y: Double, _ radius: Double, _ color: String) -> String {
    "<circle cx=\"\(Markup.place(x))\" cy=\"\(Markup.place(y))\" r=\"\(Markup.place(radius))\" fill=\"\(color)\"/>"
  }
}
