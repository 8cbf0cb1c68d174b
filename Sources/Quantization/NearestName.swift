/// The closest of some names, for "did you mean".
package enum NearestName {
  /// The name with the smallest edit distance, if that is at most a third of its length.
  package static func nearest(to word: String, among names: [String]) -> String? {
    let word = Array(word.utf8)
    var best: (name: String, distance: Int)?
    for name in names {
      let distance = editDistance(word, Array(name.utf8))
      if distance <= max(2, name.utf8.count / 3), distance < best?.distance ?? .max {
        best = (name, distance)
      }
    }
    return best?.name
  }

  /// Levenshtein's distance, one row at a time.
  private static func editDistance(_ a: [UInt8], _ b: [UInt8]) -> Int {
    var row = Array(0...b.count)
    for i in 0..<a.count {
      var diagonal = row[0]
      row[0] = i + 1
      for j in 0..<b.count {
        let substituted = diagonal + (a[i] == b[j] ? 0 : 1)
        diagonal = row[j + 1]
        row[j + 1] = min(substituted, min(row[j], row[j + 1]) + 1)
      }
    }
    return row[b.count]
  }
}
