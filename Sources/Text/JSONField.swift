import MartletBytes

/// A value of a JSON file that knows where it stands, so that every complaint can say so.
struct JSONField {
  private enum Step {
    case root
    case key(String)
    case index(Int)
  }

  /// The file.
  let source: String
  private let parent: String
  private let step: Step
  private let value: JSONValue

  /// From the root, e.g. `model.merges[7]`; empty at the root. Made when asked for, since few fields are ever named.
  var path: String {
    switch step {
    case .root: ""
    case .key(let key): parent.isEmpty ? key : "\(parent).\(key)"
    case .index(let index): "\(parent)[\(index)]"
    }
  }

  init(_ file: TextFile) throws(TextError) {
    do throws(BytesError) {
      value = try JSONValue(parsing: file.bytes, source: file.path)
    } catch {
      throw .bytes(error)
    }
    source = file.path
    parent = ""
    step = .root
  }

  private init(_ step: Step, in parent: String, source: String, value: JSONValue) {
    self.source = source
    self.parent = parent
    self.step = step
    self.value = value
  }

  var isObject: Bool { value.object != nil }
  var isArray: Bool { value.array != nil }

  /// The member of a key, where it is there and not null.
  subscript(key: String) -> JSONField? {
    guard let member = value[key], !member.isNull else { return nil }
    return JSONField(.key(key), in: path, source: source, value: member)
  }

  /// The member of a key, which must be there.
  func field(_ key: String) throws(TextError) -> JSONField {
    if !isObject { throw kind("object") }
    guard let member = self[key] else { throw .missing(source: source, field: joined(key)) }
    return member
  }

  func members() throws(TextError) -> [(key: String, value: JSONField)] {
    guard let object = value.object else { throw kind("object") }
    let path = path
    return object.members.map {
      ($0.key, JSONField(.key($0.key), in: path, source: source, value: $0.value))
    }
  }

  func elements() throws(TextError) -> [JSONField] {
    guard let array = value.array else { throw kind("array") }
    let path = path
    return array.enumerated().map {
      JSONField(.index($0.offset), in: path, source: source, value: $0.element)
    }
  }

  func integer() throws(TextError) -> Int {
    guard let integer = value.int else { throw kind("integer") }
    return integer
  }

  func text() throws(TextError) -> String {
    guard let text = value.string else { throw kind("string") }
    return text
  }

  func boolean() throws(TextError) -> Bool {
    guard let boolean = value.bool else { throw kind("boolean") }
    return boolean
  }

  /// - Throws: `unsupported` for a member of any other key: an unknown rule may change every id.
  func allow(_ keys: [String]) throws(TextError) {
    guard let object = value.object else { throw kind("object") }
    for member in object.members where !keys.contains(member.key) {
      throw .unsupported(
        source: source, field: joined(member.key), expected: "no such field",
        found: member.value.kind)
    }
  }

  func require(_ expected: String) throws(TextError) {
    let found = try text()
    if !found.utf8.elementsEqual(expected.utf8) {
      throw .unsupported(source: source, field: path, expected: expected, found: found)
    }
  }

  func require(_ expected: Bool) throws(TextError) {
    let found = try boolean()
    if found != expected {
      throw .unsupported(
        source: source, field: path, expected: expected ? "true" : "false",
        found: found ? "true" : "false")
    }
  }

  /// Refuses any value; a field that is null is not a field, see `subscript`.
  func requireNull() throws(TextError) {
    throw .unsupported(source: source, field: path, expected: "null", found: value.kind)
  }

  private func kind(_ expected: String) -> TextError {
    .kind(source: source, field: path, expected: expected, found: value.kind)
  }

  private func joined(_ key: String) -> String {
    let path = path
    return path.isEmpty ? key : "\(path).\(key)"
  }
}
