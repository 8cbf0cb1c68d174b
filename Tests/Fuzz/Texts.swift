import CFuzzGuard
import MartletBytes

/// JSON as such.
enum Texts {
  static func read(json input: [UInt8]) {
    guard let value = try? JSONValue(parsing: input, source: "") else { return }
    use(value)
    for layout in [JSONValue.Layout.compact, .indented] {
      guard let again = try? JSONValue(parsing: value.text(layout), source: ""), again == value
      else {
        martlet_fuzz_fail("a value that is not read as it was written")
      }
    }
  }

  private static func use(_ value: JSONValue) {
    switch value {
    case .null, .bool, .string: break
    case .number(let number):
      keep(number.int)
      keep(number.double)
    case .array(let elements): for element in elements { use(element) }
    case .object(let object):
      for (key, member) in object.members {
        if object[key] != member { martlet_fuzz_fail("a member that is not found by its key") }
        use(member)
      }
    }
  }
}
