import ArgumentParser
import Foundation

/// An error as a person reads it: what failed, the evidence, what may help; and the exit code for scripts.
struct ErrorReport: Equatable {
  /// Exit codes of the contract.
  enum Code: Int32 {
    case missedLimit = 1
    case usage = 64
    case badData = 65
    case inputMissing = 66
    case bug = 70
    case inputOutput = 74
  }

  var code: Code
  /// One line, lower case, without a full stop.
  var headline: String
  /// Where, expected, found.
  var evidence: [String]
  var hint: String?

  init(_ code: Code, _ headline: String, _ evidence: [String] = [], hint: String? = nil) {
    self.code = code
    self.headline = headline
    self.evidence = evidence
    self.hint = hint
  }

  /// The text on standard error.
  var text: String {
    var lines = ["error: \(headline)"]
    lines += evidence.map { "  \($0)" }
    if let hint { lines.append("  hint: \(hint)") }
    return lines.joined(separator: "\n") + "\n"
  }

  func printAndExit() -> Never {
    FileHandle.standardError.write(Data(text.utf8))
    Foundation.exit(code.rawValue)
  }
}

/// An error a command itself found.
struct CommandError: Error {
  var report: ErrorReport

  init(_ code: ErrorReport.Code, _ headline: String, _ evidence: [String] = [], hint: String? = nil)
  {
    report = ErrorReport(code, headline, evidence, hint: hint)
  }
}
