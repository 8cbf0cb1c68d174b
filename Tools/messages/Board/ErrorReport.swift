// The words of every error, for both command lines.
//
// In:      the error of a module, which carries evidence and no prose.
// Out:     four plain parts (what failed, where, what was expected and found, what may help) and an exit code.
// Refuses: nothing; text from files is cut and cleaned of control characters before it reaches a terminal.
//
// This folder words what can happen on a board; `Workstation` beside it words the rest.

import MartletBytes

/// An error as a person reads it: what failed, the evidence, what may help; and the exit code for scripts.
package struct ErrorReport: Error, Equatable, Sendable {
  /// Exit codes of the contract.
  package enum Code: Int32, Sendable {
    case missedLimit = 1
    case usage = 64
    case badData = 65
    case inputMissing = 66
    case bug = 70
    case inputOutput = 74
  }

  package var code: Code
  /// One line, lower case, without a full stop.
  package var headline: String
  /// Where, expected, found.
  package var evidence: [String]
  package var hint: String?

  package init(
    _ code: Code, _ headline: String, _ evidence: [String] = [], hint: String? = nil
  ) {
    self.code = code
    self.headline = headline
    self.evidence = evidence
    self.hint = hint
  }

  /// The text on standard error.
  package var text: String {
    var text = "error: " + Self.printable(headline) + "\n"
    for line in evidence { text += "  " + Self.printable(line) + "\n" }
    if let hint { text += "  hint: " + Self.printable(hint) + "\n" }
    return text
  }

  /// The same report under another headline, its own becoming the first evidence.
  package func inside(_ headline: String) -> ErrorReport {
    ErrorReport(code, headline, [self.headline] + evidence, hint: hint)
  }

  /// No line is longer: names in damaged files can have megabytes.
  private static let longestLine = 400

  /// One line that does to a terminal what it says: names come from files, which may hold anything.
  private static func printable(_ line: String) -> String {
    var result = ""
    var count = 0
    for character in line.unicodeScalars {
      if count == longestLine { return result + "…" }
      count += 1
      // C0, DEL and C1 controls, and what turns the direction of text.
      switch character.value {
      case 0..<0x20, 0x7F..<0xA0, 0x202A...0x202E, 0x2066...0x2069:
        result += "\\u{" + String(character.value, radix: 16) + "}"
      default: result.unicodeScalars.append(character)
      }
    }
    return result
  }
}

/// Bytes in hexadecimal, as they stand in a file.
package func hexadecimal(_ bytes: [UInt8]) -> String {
  var text = ""
  for byte in bytes {
    if !text.isEmpty { text += " " }
    text += (byte < 16 ? "0" : "") + String(byte, radix: 16)
  }
  return text
}

/// A shape in brackets.
package func shapeText(_ shape: [Int]) -> String {
  var text = ""
  for extent in shape { text += (text.isEmpty ? "" : ", ") + "\(extent)" }
  return "[" + text + "]"
}
