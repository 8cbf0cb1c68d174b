/// Shell patterns on layer names.
package struct LayerPattern: Sendable {
  private let pattern: [Unicode.Scalar]

  package init(_ pattern: String) { self.pattern = Array(pattern.unicodeScalars) }

  /// Whether the whole name matches; linear in name times stars.
  package func matches(_ name: String) -> Bool {
    let name = Array(name.unicodeScalars)
    var (i, j) = (0, 0)
    var star: (pattern: Int, name: Int)?
    while j < name.count {
      if i < pattern.count, pattern[i] == "*" {
        star = (i, j)
        i += 1
      } else if i < pattern.count, pattern[i] == "?" || pattern[i] == name[j] {
        i += 1
        j += 1
      } else if let mark = star {
        star = (mark.pattern, mark.name + 1)
        (i, j) = (mark.pattern + 1, mark.name + 1)
      } else {
        return false
      }
    }
    while i < pattern.count, pattern[i] == "*" { i += 1 }
    return i == pattern.count
  }
}
