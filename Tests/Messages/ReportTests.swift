import MartletBoardMessages
import MartletBytes
import MartletMessages
import Testing

@Suite struct ReportTests {
  @Test func partsStandInTheirOrder() {
    let report = ErrorReport(.badData, "it failed", ["here", "found: 3"], hint: "try that")
    #expect(report.text == "error: it failed\n  here\n  found: 3\n  hint: try that\n")
    #expect(ErrorReport(.bug, "it failed").text == "error: it failed\n")
  }

  @Test func aReportCanBePutInsideAnother() {
    let report = ErrorReport(.badData, "it failed", ["here"], hint: "try that").inside("no luck")
    #expect(report.text == "error: no luck\n  it failed\n  here\n  hint: try that\n")
    #expect(report.code == .badData)
  }

  @Test func namesFromFilesCannotDriveTheTerminal() {
    let report = ErrorReport(.badData, "tensor 'a\u{1B}[2Jb\nc\u{202E}d\u{9B}' é 图 🙂")
    #expect(
      report.text == "error: tensor 'a\\u{1b}[2Jb\\u{a}c\\u{202e}d\\u{9b}' é 图 🙂\n")
  }

  @Test func longNamesAreCut() {
    let report = ErrorReport(.badData, String(repeating: "x", count: 1_000_000))
    #expect(report.text == "error: " + String(repeating: "x", count: 400) + "…\n")
  }

  @Test func everyErrorOfAModuleHasAReportAndOthersHaveNone() {
    struct Foreign: Error {}
    #expect(ErrorReport(BytesError.notAFile(path: "x")) != nil)
    #expect(ErrorReport(Foreign()) == nil)
  }
}
