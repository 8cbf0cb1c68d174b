import MartletBytes
import MartletModel

/// How a pack's networks differ from those of its checkpoint, for a person and for `--json`.
extension ModelPreparation {
  /// One line.
  var summary: String {
    if isEmpty { return "none" }
    var parts: [String] = []
    if !split.isEmpty { parts.append("\(split.count) diagonals taken out") }
    if !scaled.isEmpty { parts.append("\(scaled.count) values balanced") }
    return parts.joined(separator: ", ")
  }

  /// A line for each layer and value.
  var items: [(text: String, json: JSONOutput)] {
    split.map { name in
      var json = JSONOutput()
      json.set("name", name)
      json.set("kind", "diagonal")
      return ("\(name)  diagonal taken out", json)
    }
      + scaled.map { scaled in
        let least = JSONValue.rounded(Double(scaled.factors.min() ?? 1))
        let largest = JSONValue.rounded(Double(scaled.factors.max() ?? 1))
        var json = JSONOutput()
        json.set("name", scaled.value)
        json.set("kind", "balanced")
        json.set("least_factor", least)
        json.set("largest_factor", largest)
        return (
          "\(scaled.value)  channels divided by \(least.text()) to \(largest.text())", json
        )
      }
  }
}
