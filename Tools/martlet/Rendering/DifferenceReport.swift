import MartletBytes

/// What `diff` says, as text and as JSON.
struct DifferenceReport {
  private let a: ModelSide
  private let b: ModelSide
  private let difference: ModelDifference
  private let most: Int

  /// - Parameter most: entries of a list that the text shows; JSON holds all.
  init(_ a: ModelSide, _ b: ModelSide, _ difference: ModelDifference, most: Int) {
    self.a = a
    self.b = b
    self.difference = difference
    self.most = most
  }

  // MARK: Text

  var text: String {
    var lines = [Self.heading("A", a), Self.heading("B", b), ""]
    if difference.isEmpty {
      lines.append(
        "the same in meaning: scheme, preprocessing, template, tokenizer, layers and "
          + "\(difference.tensorsCompared) tensors")
      return lines.joined(separator: "\n")
    }
    for change in difference.changes {
      lines.append("\(change.what): \(Self.quoted(change.a)) → \(Self.quoted(change.b))")
    }
    lines += list("layers only in A", difference.layersRemoved)
    lines += list("layers only in B", difference.layersAdded)
    lines += list(
      "layers that differ", difference.layersChanged.map { "\($0.what): \($0.a) → \($0.b)" })
    lines += list("tensors only in A", difference.tensorsRemoved)
    lines += list("tensors only in B", difference.tensorsAdded)
    lines += list(
      "tensors that differ, of \(difference.tensorsCompared), the furthest apart first",
      difference.tensorsChanged.map(Self.line))
    return lines.joined(separator: "\n")
  }

  private static func heading(_ letter: String, _ side: ModelSide) -> String {
    "\(letter): '\(side.path)', \(side.form), \(ModelTree.size(side.bytes))"
  }

  private static func quoted(_ text: String) -> String {
    let isPlain = text.unicodeScalars.allSatisfy { $0.value >= 0x20 && $0.value != 0x7F }
    return isPlain ? (text.isEmpty ? "nothing" : text) : JSONValue(text).text()
  }

  private static func line(_ change: ModelDifference.TensorChange) -> String {
    var line = change.name
    if change.a.precision != change.b.precision {
      line += ", \(change.a.precision) → \(change.b.precision)"
    }
    if change.a.shape != change.b.shape { line += ", \(change.a.shape) → \(change.b.shape)" }
    if let decibels = change.decibels {
      line +=
        decibels.isFinite
        ? ", \(JSONValue.rounded((decibels * 10).rounded() / 10).text()) dB" : ", nothing but error"
    }
    if let largest = change.largestDifference {
      line += ", at most \(JSONValue.rounded(largest).text()) apart"
    }
    if change.a.bytes != change.b.bytes {
      line += ", \(ModelTree.size(change.a.bytes)) → \(ModelTree.size(change.b.bytes))"
    }
    return line
  }

  private func list(_ title: String, _ entries: [String]) -> [String] {
    if entries.isEmpty { return [] }
    let count = entries.count
    var lines = ["\(title) (\(count)):"] + entries.prefix(most).map { "  \($0)" }
    if count > most { lines.append("  and \(count - most) more (--most N shows more)") }
    return lines
  }

  // MARK: JSON

  var json: JSONOutput {
    var json = JSONOutput()
    json.set("same", difference.isEmpty)
    json.set("a", Self.json(a))
    json.set("b", Self.json(b))
    json.set("changes", JSONValue.array(difference.changes.map(Self.json)))
    var layers = JSONOutput()
    layers.set("only_a", Self.names(difference.layersRemoved))
    layers.set("only_b", Self.names(difference.layersAdded))
    layers.set("different", JSONValue.array(difference.layersChanged.map(Self.json)))
    json.set("layers", layers)
    var tensors = JSONOutput()
    tensors.set("compared", difference.tensorsCompared)
    tensors.set("only_a", Self.names(difference.tensorsRemoved))
    tensors.set("only_b", Self.names(difference.tensorsAdded))
    tensors.set("different", JSONValue.array(difference.tensorsChanged.map(Self.json)))
    json.set("tensors", tensors)
    return json
  }

  private static func json(_ side: ModelSide) -> JSONOutput {
    var json = JSONOutput()
    json.set("path", side.path)
    json.set("kind", side.kind)
    json.set("form", side.form)
    json.set("scheme", side.scheme)
    json.set("bytes", side.bytes)
    return json
  }

  private static func names(_ names: [String]) -> JSONValue {
    .array(names.map { .string($0) })
  }

  private static func json(_ change: ModelDifference.Change) -> JSONValue {
    var json = JSONOutput()
    json.set("what", change.what)
    json.set("a", change.a)
    json.set("b", change.b)
    return json.value
  }

  private static func json(_ change: ModelDifference.TensorChange) -> JSONValue {
    var json = JSONOutput()
    json.set("name", change.name)
    json.set("sqnr_db", change.decibels.map { .rounded($0) } ?? .null)
    json.set("max_difference", change.largestDifference.map { .rounded($0) } ?? .null)
    for (suffix, tensor) in [("a", change.a), ("b", change.b)] {
      json.set("precision_\(suffix)", tensor.precision)
      json.set(
        "shape_\(suffix)", JSONValue.array(tensor.shape.map { .number(JSONNumber($0)) }))
      json.set("bytes_\(suffix)", tensor.bytes)
    }
    return json.value
  }
}
