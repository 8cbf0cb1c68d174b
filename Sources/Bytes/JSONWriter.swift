extension JSONValue {
  /// How JSON text is laid out.
  package enum Layout: Sendable {
    /// Without any space.
    case compact
    /// One member or element a line, two spaces a level.
    case indented
  }

  /// The value as JSON text: members in their order, numbers as they were given, one way only.
  package func text(_ layout: Layout = .compact) -> String {
    String(decoding: utf8(layout), as: UTF8.self)
  }

  /// The bytes of `text`.
  package func utf8(_ layout: Layout = .compact) -> [UInt8] {
    var writer = JSONWriter(layout: layout)
    writer.write(self)
    return writer.bytes
  }
}

private struct JSONWriter {
  let layout: JSONValue.Layout
  var bytes: [UInt8] = []
  var level = 0

  init(layout: JSONValue.Layout) { self.layout = layout }

  mutating func write(_ value: JSONValue) {
    switch value {
    case .null: append("null")
    case .bool(let value): append(value ? "true" : "false")
    case .number(let number): append(number.text)
    case .string(let text): write(text)
    case .array(let elements):
      open("[")
      for (index, element) in elements.enumerated() {
        separate(isFirst: index == 0)
        write(element)
      }
      close("]", isEmpty: elements.isEmpty)
    case .object(let object):
      open("{")
      for (index, member) in object.members.enumerated() {
        separate(isFirst: index == 0)
        write(member.key)
        append(layout == .compact ? ":" : ": ")
        write(member.value)
      }
      close("}", isEmpty: object.isEmpty)
    }
  }

  private mutating func append(_ text: String) { bytes.append(contentsOf: text.utf8) }

  private mutating func open(_ bracket: String) {
    append(bracket)
    level += 1
  }

  private mutating func separate(isFirst: Bool) {
    if !isFirst { append(",") }
    newLine()
  }

  private mutating func close(_ bracket: String, isEmpty: Bool) {
    level -= 1
    if !isEmpty { newLine() }
    append(bracket)
  }

  private mutating func newLine() {
    if layout == .compact { return }
    append("\n")
    for _ in 0..<level { append("  ") }
  }

  private mutating func write(_ text: String) {
    append("\"")
    for byte in text.utf8 {
      switch byte {
      case 0x22: append("\\\"")
      case 0x5C: append("\\\\")
      case 0x0A: append("\\n")
      case 0x0D: append("\\r")
      case 0x09: append("\\t")
      case 0x08: append("\\b")
      case 0x0C: append("\\f")
      case 0..<0x20, 0x7F:
        let digits = Array("0123456789abcdef".utf8)
        append("\\u00")
        bytes.append(digits[Int(byte >> 4)])
        bytes.append(digits[Int(byte & 15)])
      default: bytes.append(byte)
      }
    }
    append("\"")
  }
}
