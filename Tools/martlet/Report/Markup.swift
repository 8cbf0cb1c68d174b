import Foundation
import MartletBytes

/// Text and numbers as they may stand in a page. Everything that comes from files goes through here.
enum Markup {
  /// Text inside elements and quoted attributes.
  ///
  /// Characters that a page cannot hold or that turn the direction of what follows are shown as �.
  static func escaped(_ text: String) -> String {
    var result = ""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "&": result += "&amp;"
      case "<": result += "&lt;"
      case ">": result += "&gt;"
      case "\"": result += "&quot;"
      case "'": result += "&#39;"
      case "\n", "\t": result.unicodeScalars.append(scalar)
      default:
        result.unicodeScalars.append(isHarmful(scalar) ? "\u{FFFD}" : scalar)
      }
    }
    return result
  }

  private static func isHarmful(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar.value {
    case 0..<0x20, 0x7F..<0xA0, 0x200E, 0x200F, 0x202A...0x202E, 0x2066...0x2069, 0xFFFE, 0xFFFF:
      true
    default: false
    }
  }

  /// Text of any length as at most so many characters.
  static func cut(_ text: String, to count: Int) -> String {
    let start = text.prefix(count + 1)
    return start.count > count ? start.prefix(count) + "…" : String(start)
  }

  /// Coordinates of plots: a tenth of a unit is finer than any screen.
  static func place(_ value: Double) -> String {
    let rounded = (value * 10).rounded() / 10
    return rounded == rounded.rounded() ? "\(Int(rounded))" : "\(rounded)"
  }

  /// Three digits that count, two of small numbers.
  static func number(_ value: Double) -> String {
    if value == 0 { return "0" }
    let size = abs(value)
    if size >= 100 { return String(format: "%.0f", value) }
    if size >= 10 { return String(format: "%.1f", value) }
    if size >= 1 { return String(format: "%.2f", value) }
    if size >= 1e-5 {
      // Two digits where there are many zeros already.
      let digits = (size >= 0.001 ? 2 : 1) - Int(log10(size).rounded(.down))
      return String(format: "%.\(digits)f", value)
    }
    return String(format: "%.1e", value)
  }

  static func bytes(_ count: Double) -> String {
    let size = abs(count)
    if size >= 1e9 { return number(count / 1e9) + " GB" }
    if size >= 1e6 { return number(count / 1e6) + " MB" }
    if size >= 1e3 { return number(count / 1e3) + " kB" }
    return "\(Int(count)) bytes"
  }
}

/// The JSON object of one pack, whose numbers the page shows: each with its key, so that both can be compared.
struct ReportNumbers {
  let json: JSONValue
  /// What stands before keys where there are several packs, e.g. `packs.1.`.
  let prefix: String

  enum Style {
    case plain
    /// As it was given.
    case given
    case percent
    case points
    case decibels
    case milliseconds
    case bytes
    case count
    case similarity
  }

  func value(_ key: String) -> JSONValue? {
    key.split(separator: ".").reduce(json) { (value: JSONValue?, part) -> JSONValue? in
      if let index = Int(part), let array = value?.array {
        return array.indices.contains(index) ? array[index] : nil
      }
      return value?[String(part)]
    }
  }

  func double(_ key: String) -> Double? { value(key)?.double }

  /// The number of a key in words of its style, carrying key and full value.
  func text(_ key: String, _ style: Style) -> String {
    text(of: value(key) ?? .null, key: key, style)
  }

  /// For keys that hold names of files or groups, which may hold points.
  func text(of value: JSONValue, key: String, _ style: Style) -> String {
    guard let number = value.double else {
      return style == .decibels ? "<span class=\"quiet\">exact</span>" : "–"
    }
    let name = Markup.escaped(prefix + key)
    return
      "<data value=\"\(value.text())\" data-key=\"\(name)\">\(Self.words(number, style))</data>"
  }

  static func words(_ number: Double, _ style: Style) -> String {
    switch style {
    case .plain: Markup.number(number)
    case .given: JSONValue.rounded(number).text()
    case .percent: String(format: "%.2f", 100 * number) + "\u{202F}%"
    case .points: String(format: "%+.2f", 100 * number)
    case .decibels: String(format: "%.1f", number) + "\u{202F}dB"
    case .milliseconds: Markup.number(number) + "\u{202F}ms"
    case .bytes: Markup.bytes(number)
    case .count: "\(Int(exactly: number) ?? 0)"
    case .similarity: String(format: "%.5f", number)
    }
  }
}
