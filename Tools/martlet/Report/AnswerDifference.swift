/// Two answers side by side, what differs marked in both.
struct AnswerDifference {
  /// Markup of the reference's and of the pack's answer.
  let reference: String
  let packed: String

  /// Longer answers are cut: the difference of two texts takes time of the product of their lengths.
  static let longest = 1200

  init(reference: String, packed: String) {
    let (a, b) = (Markup.cut(reference, to: Self.longest), Markup.cut(packed, to: Self.longest))
    let isShort = a.count + b.count <= 160
    let (left, right) = (Self.pieces(a, isShort), Self.pieces(b, isShort))
    let difference = right.difference(from: left)
    var removed: Set<Int> = []
    var inserted: Set<Int> = []
    for change in difference {
      switch change {
      case .remove(let offset, _, _): removed.insert(offset)
      case .insert(let offset, _, _): inserted.insert(offset)
      }
    }
    self.reference = Self.marked(left, removed, "lost")
    self.packed = Self.marked(right, inserted, "new")
  }

  /// Characters of short answers; words and what stands between them of longer ones.
  private static func pieces(_ text: String, _ isShort: Bool) -> [String] {
    if isShort { return text.map { String($0) } }
    var pieces: [String] = []
    var isWord = false
    for character in text {
      let continues = character.isLetter || character.isNumber
      if continues, isWord {
        pieces[pieces.count - 1].append(character)
      } else {
        pieces.append(String(character))
      }
      isWord = continues
    }
    return pieces
  }

  private static func marked(_ pieces: [String], _ places: Set<Int>, _ kind: String) -> String {
    var markup = ""
    var isMarked = false
    for (place, piece) in pieces.enumerated() {
      if places.contains(place) != isMarked {
        markup += isMarked ? "</mark>" : "<mark class=\"\(kind)\">"
        isMarked.toggle()
      }
      markup += Markup.escaped(piece)
    }
    if isMarked { markup += "</mark>" }
    return markup.isEmpty ? "<span class=\"quiet\">(nothing)</span>" : markup
  }
}
