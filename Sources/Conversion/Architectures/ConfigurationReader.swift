import MartletBytes

/// Reads typed settings out of one JSON object; `null` counts as absent, as in transformers.
struct ConfigurationReader {
  let file: String
  /// Keys in front of those asked for, e.g. `text_config.`.
  let prefix: String
  private let value: JSONValue
  /// Extents beyond this are a lie or a mistake.
  static let largestInteger = 1 << 24

  init(file: String, _ value: JSONValue, prefix: String = "") {
    self.file = file
    self.value = value
    self.prefix = prefix
  }

  private func member(_ key: String) -> JSONValue? {
    guard let member = value[key], !member.isNull else { return nil }
    return member
  }

  /// A nested object; `nil` where there is none.
  func object(_ key: String) throws(ConversionError) -> ConfigurationReader? {
    guard let member = member(key) else { return nil }
    if member.object == nil { throw wrong(key, "an object", member) }
    return ConfigurationReader(file: file, member, prefix: "\(prefix)\(key).")
  }

  func string(_ key: String) throws(ConversionError) -> String? {
    guard let member = member(key) else { return nil }
    guard let string = member.string else { throw wrong(key, "a string", member) }
    return string
  }

  func bool(_ key: String) throws(ConversionError) -> Bool? {
    guard let member = member(key) else { return nil }
    guard let bool = member.bool else { throw wrong(key, "true or false", member) }
    return bool
  }

  /// A size: an integer from 1 to `largestInteger`.
  func size(_ key: String) throws(ConversionError) -> Int? {
    guard let member = member(key) else { return nil }
    guard let int = member.int, int > 0, int <= Self.largestInteger else {
      throw wrong(key, "an integer from 1 to \(Self.largestInteger)", member)
    }
    return int
  }

  /// The side of a square picture: a number, `{"shortest_edge"}` or `{"height", "width"}`.
  func side(_ key: String) throws(ConversionError) -> Int? {
    guard let member = member(key) else { return nil }
    guard member.object != nil, let object = try object(key) else { return try size(key) }
    if let edge = try object.size("shortest_edge") { return edge }
    guard let height = try object.size("height") else { throw object.missing("height") }
    guard let width = try object.size("width") else { throw object.missing("width") }
    if height != width { throw object.wrong("width", "the height, \(height)", found: "\(width)") }
    return height
  }

  /// A positive number that f32 holds.
  func positive(_ key: String) throws(ConversionError) -> Float? {
    guard let member = member(key) else { return nil }
    guard let double = member.double, Float(double) > 0, Float(double).isFinite else {
      throw wrong(key, "a positive number", member)
    }
    return Float(double)
  }

  /// Three finite numbers, one for each of red, green and blue.
  func perChannel(_ key: String) throws(ConversionError) -> [Float]? {
    guard let member = member(key) else { return nil }
    let numbers = (member.array ?? []).compactMap { $0.double.map { Float($0) } }
    if numbers.count != 3 || member.array?.count != 3 || !numbers.allSatisfy(\.isFinite) {
      throw wrong(key, "three numbers", member)
    }
    return numbers
  }

  /// One token id or a list of them.
  func ids(_ key: String) throws(ConversionError) -> [Int] {
    guard let member = member(key) else { return [] }
    let values = member.array ?? [member]
    let ids = values.compactMap(\.int)
    if ids.count != values.count || ids.contains(where: { $0 < 0 || $0 > Self.largestInteger }) {
      throw wrong(key, "token ids", member)
    }
    return ids
  }

  func strings(_ key: String) -> [String] { (member(key)?.array ?? []).compactMap(\.string) }

  /// Every key of the object.
  var keys: [String] { value.object?.members.map(\.key) ?? [] }

  func has(_ key: String) -> Bool { member(key) != nil }

  /// What a required setting throws where it is absent.
  func missing(_ key: String) -> ConversionError {
    .configurationMissing(file: file, key: "\(prefix)\(key)")
  }

  /// What a setting throws whose value cannot be used.
  func wrong(_ key: String, _ expected: String, found: String) -> ConversionError {
    .configurationValue(file: file, key: "\(prefix)\(key)", expected: expected, found: found)
  }

  private func wrong(_ key: String, _ expected: String, _ found: JSONValue) -> ConversionError {
    let text: String
    switch found {
    case .number(let number): text = number.text
    case .string(let string): text = "\"\(string)\""
    case .bool(let bool): text = "\(bool)"
    case .null, .array, .object: text = found.kind
    }
    return wrong(key, expected, found: text)
  }
}
