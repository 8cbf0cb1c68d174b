/// The closest of some names, for "did you mean".
package enum NearestName {
  /// The candidate that differs least from a name; `nil` where none is close.
  ///
  /// Close means at most two edits, and at most one in four characters. Time: the product of the lengths for
  /// each candidate of similar length.
  package static func nearest(to name: String, among candidates: [String]) -> String? {
    let wanted = Array(name.utf8)
    if wanted.count > 512 { return nil }
    var limit = min(2, wanted.count / 4)
    var best: String?
    for candidate in candidates where candidate != name {
      let bytes = Array(candidate.utf8)
      if abs(bytes.count - wanted.count) > limit { continue }
      let distance = editDistance(wanted, bytes)
      if distance < limit || (distance == limit && best == nil) {
        (limit, best) = (distance, candidate)
      }
    }
    return best
  }

  /// Insertions, removals and replacements that turn one into the other.
  private static func editDistance(_ a: [UInt8], _ b: [UInt8]) -> Int {
    var previous = Array(0...b.count)
    for (row, byte) in a.enumerated() {
      var current = [row + 1]
      for (column, other) in b.enumerated() {
        let replaced = previous[column] + (byte == other ? 0 : 1)
        current.append(min(replaced, previous[column + 1] + 1, current[column] + 1))
      }
      previous = current
    }
    return previous[b.count]
  }
}
