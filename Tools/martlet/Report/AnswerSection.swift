import MartletVerification

/// Answers that differ, side by side.
struct AnswerSection {
  let numbers: ReportNumbers
  let outcome: VerificationOutcome

  /// More make a page nobody reads; all of them are in `--answers`.
  static let most = 60

  private struct Row {
    var picture: String
    var question: QuestionRecord
    /// Lost before won before merely different.
    var rank: Int
  }

  var html: String {
    let rows = outcome.verification.answers.compactMap { picture, question -> Row? in
      guard question.reference != question.packed || !question.isExact else { return nil }
      return Row(picture: picture, question: question, rank: Self.rank(question))
    }
    let sorted = rows.enumerated()
      .sorted {
        $0.element.rank == $1.element.rank
          ? $0.offset < $1.offset : $0.element.rank < $1.element.rank
      }
      .map(\.element)
    if outcome.verification.questions == 0 { return "" }
    var html = "<section><h2>Answers that differ</h2>\n"
    if rows.isEmpty { return html + "<p>None: every answer is the same.</p></section>\n" }
    html += "<p class=\"quiet\">\(numbers.text("text.diverged", .count)) of "
    html += "\(numbers.text("questions", .count)); lost ones first, then won ones. "
    html += "Marked: what only one of both says.</p>\n"
    html += "<div class=\"scroll\"><table class=\"answers\"><thead><tr><th></th><th>question</th>"
    html += "<th>right answer</th><th>reference</th><th>pack</th></tr></thead><tbody>\n"
    for row in sorted.prefix(Self.most) { html += Self.html(row) }
    html += "</tbody></table></div>\n"
    if rows.count > Self.most {
      html += "<p class=\"quiet\">and \(rows.count - Self.most) more: "
      html += "<code>--answers FILE</code> writes them all</p>\n"
    }
    return html + "</section>\n"
  }

  private static func rank(_ question: QuestionRecord) -> Int {
    guard let verdict = question.verdict else { return 2 }
    if verdict.reference, !verdict.packed { return 0 }
    return !verdict.reference && verdict.packed ? 1 : 2
  }

  private static func html(_ row: Row) -> String {
    let tags = [
      "<span class=\"tag lost\">lost</span>", "<span class=\"tag won\">won</span>",
      "<span class=\"tag quiet\">differs</span>",
    ]
    let question = row.question
    let difference = AnswerDifference(reference: question.reference, packed: question.packed)
    let asked = Markup.escaped(Markup.cut(question.text, to: 300))
    let picture = Markup.escaped(Markup.cut(row.picture, to: 120))
    let known = question.answer.map {
      "<bdi class=\"answer\">\(Markup.escaped(Markup.cut($0, to: AnswerDifference.longest)))</bdi>"
    }
    return "<tr><td>\(tags[row.rank])</td>"
      + "<td data-label=\"question\"><bdi>\(asked)</bdi><br /><span class=\"quiet small\"><bdi>\(picture)</bdi></span></td>"
      + "<td data-label=\"right answer\">\(known ?? "")</td>"
      + "<td data-label=\"reference\"><bdi class=\"answer\">\(difference.reference)</bdi></td>"
      + "<td data-label=\"pack\"><bdi class=\"answer\">\(difference.packed)</bdi></td></tr>\n"
  }
}
