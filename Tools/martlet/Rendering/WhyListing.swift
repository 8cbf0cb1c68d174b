import MartletBytes
import MartletModel

/// Why the layers of a pack have the precisions they have, for a person and for `--json`.
extension PrecisionChoice {
  /// The limits, and what came out.
  var summary: String {
    var parts: [String] = []
    if let found = measured.divergence {
      parts.append(
        "divergence \(Markup.number(found)) nats"
          + (limits.divergence.map { " of at most \(Markup.number($0))" } ?? ""))
    }
    if let found = measured.bytes {
      parts.append(
        "\(found) bytes" + (limits.bytes.map { " of at most \($0)" } ?? "") + " before the proof")
    }
    if let found = measured.milliseconds {
      parts.append(
        "first token after \(Markup.number(found)) ms"
          + (limits.milliseconds.map { " of at most \(Markup.number($0))" } ?? ""))
    }
    return parts.joined(separator: ", ")
  }

  /// How many layers became what.
  var counts: String {
    var counts: [(name: String, count: Int)] = []
    for unit in units {
      let name = unit.options[unit.chosen].encoding.precision
      if let place = counts.firstIndex(where: { $0.name == name }) {
        counts[place].count += 1
      } else {
        counts.append((name, 1))
      }
    }
    return counts.map { "\($0.count) at \($0.name)" }.joined(separator: ", ")
  }

  /// A line for each layer: what it got, and what each other precision would have changed.
  var items: [(text: String, json: JSONOutput)] {
    units.map { unit in
      let own = unit.options[unit.chosen]
      var json = JSONOutput()
      json.set("layer", unit.layer)
      json.set("chosen", own.encoding.precision)
      var others: [String] = []
      var options: [JSONOutput] = []
      for option in unit.options {
        var entry = JSONOutput()
        entry.set("precision", option.encoding.precision)
        entry.set("kl", JSONValue.rounded(option.divergence))
        entry.set("bytes", Int(clamping: option.bytes))
        entry.set("ms", JSONValue.rounded(option.milliseconds))
        options.append(entry)
        if option.encoding == own.encoding { continue }
        others.append(
          "\(option.encoding.precision): \(Self.signed(option.divergence - own.divergence)) nats, "
            + "\(Self.signed((Double(option.bytes) - Double(own.bytes)) / 1e3)) kB, "
            + "\(Self.signed(option.milliseconds - own.milliseconds)) ms")
      }
      json.set("options", JSONValue.array(options.map(\.value)))
      return ("\(unit.layer)  \(own.encoding.precision); " + others.joined(separator: "; "), json)
    }
  }

  private static func signed(_ value: Double) -> String {
    (value < 0 ? "−" : "+") + Markup.number(abs(value))
  }
}
