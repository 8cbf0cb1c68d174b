import MartletBoardMessages
import Testing

/// A case of an error and the words a person reads.
struct Wording: CustomTestStringConvertible, Sendable {
  let report: ErrorReport
  let code: ErrorReport.Code
  let text: String

  init(_ report: ErrorReport, _ code: ErrorReport.Code, _ text: String) {
    self.report = report
    self.code = code
    self.text = text
  }

  var testDescription: String { report.headline }

  func check() {
    #expect(report.text == text + "\n")
    #expect(report.code == code)
    // The house's form: lower case, no full stop.
    #expect(report.headline.first?.isUppercase == false)
    for line in [report.headline] + report.evidence { #expect(!line.hasSuffix(".")) }
  }
}
