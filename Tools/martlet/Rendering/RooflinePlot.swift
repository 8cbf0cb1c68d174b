import Foundation
import MartletRuntime

/// The regions of a network under the machine's roofs, as SVG.
///
/// Across: multiply-adds for each byte that has to move. Up: multiply-adds a second. A roof rises with the memory's
/// rate until it meets a peak of arithmetic. Each group of regions is a circle whose area is its share of the time.
struct RooflinePlot {
  private let report: LayerReport
  private let groups: [LayerReport.Group]
  private let across: Axis
  private let up: Axis

  private let left = 70.0
  private let top = 50.0
  private let width = 620.0
  private let height = 420.0

  /// A logarithmic axis over whole decades.
  struct Axis: Equatable {
    var low: Int
    var high: Int

    init(_ values: [Double]) {
      let exponents = values.filter { $0 > 0 && $0.isFinite }.map { log10($0) }
      low = Int((exponents.min() ?? 0).rounded(.down))
      high = max(low + 1, Int((exponents.max() ?? 1).rounded(.up)))
    }

    /// 0 at the low end, 1 at the high one; beyond them for values outside.
    func place(_ value: Double) -> Double {
      (log10(value) - Double(low)) / Double(high - low)
    }
  }

  init(_ report: LayerReport) {
    self.report = report
    groups = report.groups.filter { $0.work.multiplyAdds > 0 && $0.milliseconds > 0 }
      .sorted { $0.milliseconds > $1.milliseconds }
    let corners = [report.peaks.int8, report.peaks.float32].map { $0 / report.peaks.memory }
    across = Axis(groups.map(Self.intensity) + corners)
    up = Axis(groups.map(\.rate) + [report.peaks.int8, report.peaks.float32])
  }

  /// Multiply-adds a byte.
  private static func intensity(_ group: LayerReport.Group) -> Double {
    Double(group.work.multiplyAdds) / Double(max(1, group.work.bytes))
  }

  var svg: String {
    let rows = Double(groups.count)
    let full = max(top + height + 60, top + 16 * rows + 40)
    var parts = [
      "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 1240 \(Self.short(full))\" "
        + "font-family=\"sans-serif\" font-size=\"12\">",
      "<rect width=\"1240\" height=\"\(Self.short(full))\" fill=\"white\"/>",
      text(left, 24, report.headline, size: 15),
    ]
    parts += grid + roofs + circles + legend
    parts.append("</svg>")
    return parts.joined(separator: "\n") + "\n"
  }

  // MARK: Parts

  private var grid: [String] {
    var parts: [String] = []
    for exponent in across.low...across.high {
      let at = x(pow(10, Double(exponent)))
      parts.append(line((at, y(at: 0)), (at, y(at: 1)), "#ddd"))
      parts.append(text(at, top + height + 18, Self.power(exponent), anchor: "middle"))
    }
    for exponent in up.low...up.high {
      let at = y(pow(10, Double(exponent)))
      parts.append(line((left, at), (left + width, at), "#ddd"))
      parts.append(text(left - 8, at + 4, Self.power(exponent), anchor: "end"))
    }
    parts.append(
      text(left + width / 2, top + height + 40, "multiply-adds per byte moved", anchor: "middle"))
    parts.append(
      "<g transform=\"rotate(-90 18 \(Self.short(top + height / 2)))\">"
        + text(18, top + height / 2, "GMAC/s", anchor: "middle") + "</g>")
    return parts
  }

  private var roofs: [String] {
    let peaks = [("int8", report.peaks.int8, "#c33"), ("float32", report.peaks.float32, "#36c")]
    var parts: [String] = []
    for (name, peak, color) in peaks {
      let corner = peak / report.peaks.memory
      // The slope starts where it enters the plot, at the left or at the bottom.
      let start = max(
        pow(10, Double(across.low)), pow(10, Double(up.low)) / report.peaks.memory)
      if start < corner {
        parts.append(
          line(
            (x(start), y(start * report.peaks.memory)), (x(corner), y(peak)), color, width: 1.5))
      }
      parts.append(line((x(corner), y(peak)), (left + width, y(peak)), color, width: 1.5))
      parts.append(
        text(
          left + width - 4, y(peak) - 5, "\(name) \(LayerReport.tenths(peak)) GMAC/s",
          anchor: "end", color: color))
    }
    parts.append(
      text(left + 6, top + 14, "memory \(LayerReport.tenths(report.peaks.memory)) GB/s"))
    return parts
  }

  private var circles: [String] {
    let all = report.total.milliseconds
    var parts: [String] = []
    for (index, group) in groups.enumerated() {
      let (cx, cy) = (x(Self.intensity(group)), y(group.rate))
      let radius = max(3, 45 * (group.milliseconds / all).squareRoot())
      parts.append(
        "<circle cx=\"\(Self.short(cx))\" cy=\"\(Self.short(cy))\" r=\"\(Self.short(radius))\" "
          + "fill=\"\(color(group))\" fill-opacity=\"0.35\" stroke=\"\(color(group))\">"
          + "<title>\(Self.escaped(group.title))</title></circle>")
      parts.append(text(cx, cy + 4, "\(index + 1)", anchor: "middle"))
    }
    return parts
  }

  private var legend: [String] {
    let all = report.total.milliseconds
    return groups.enumerated().map { index, group in
      let count = group.count == 1 ? "" : "\(group.count) × "
      return text(
        left + width + 24, top + 16 * Double(index) + 12,
        "\(index + 1)  \(count)\(group.title): \(LayerReport.tenths(group.milliseconds)) ms, "
          + "\(LayerReport.percent(group.milliseconds / all)) of time, "
          + "\(LayerReport.percent(report.share(group.work, group.milliseconds))) of peak",
        size: 11, color: color(group))
    }
  }

  /// Blue where most of the arithmetic is in float, red where it is in 8 bits.
  private func color(_ group: LayerReport.Group) -> String {
    2 * group.work.float32 > group.work.multiplyAdds ? "#36c" : "#c33"
  }

  // MARK: Drawing

  private func x(_ value: Double) -> Double { left + width * across.place(value) }
  private func y(_ value: Double) -> Double { y(at: up.place(value)) }
  private func y(at place: Double) -> Double { top + height * (1 - place) }

  private func line(
    _ from: (Double, Double), _ to: (Double, Double), _ color: String, width: Double = 1
  ) -> String {
    "<line x1=\"\(Self.short(from.0))\" y1=\"\(Self.short(from.1))\" x2=\"\(Self.short(to.0))\" "
      + "y2=\"\(Self.short(to.1))\" stroke=\"\(color)\" stroke-width=\"\(Self.short(width))\"/>"
  }

  private func text(
    _ x: Double, _ y: Double, _ words: String, anchor: String = "start", size: Int = 12,
    color: String = "#222"
  ) -> String {
    "<text x=\"\(Self.short(x))\" y=\"\(Self.short(y))\" text-anchor=\"\(anchor)\" "
      + "font-size=\"\(size)\" fill=\"\(color)\">\(Self.escaped(words))</text>"
  }

  private static func short(_ value: Double) -> String { String(format: "%.1f", value) }

  private static func power(_ exponent: Int) -> String {
    exponent >= 0 && exponent <= 4
      ? String(Int(pow(10, Double(exponent)))) : String(format: "%g", pow(10, Double(exponent)))
  }

  /// Names of layers come from files.
  static func escaped(_ text: String) -> String {
    var result = ""
    for character in text.unicodeScalars {
      switch character {
      case "&": result += "&amp;"
      case "<": result += "&lt;"
      case ">": result += "&gt;"
      case "\"": result += "&quot;"
      // XML allows no other control characters, not even escaped.
      case _ where character.value < 32: result += "?"
      default: result.unicodeScalars.append(character)
      }
    }
    return result
  }
}
