/// Unicode normalization form C.
///
/// The standard library composes strings for its own comparisons and offers the result under an underscored name
/// only: `String._nfcCodeUnits`, in the library's stable interface and in Embedded Swift (seen in 6.3). This file is
/// the one place that uses it; Foundation's spelling is not available on the board.
///
/// Combining marks are put in order here first, for two reasons seen in 6.3: the library sorts marks by insertion,
/// which is quadratic in a run of them, and it takes three Tibetan vowel signs for the start of a character, although
/// they decompose into marks.
///
/// `tokenizers` 0.23 composes by older tables: 98 marks that came after Unicode 9 stay where they stand there.
package enum NormalForm {
  /// The UTF-8 of `text`, itself well-formed UTF-8, in normalization form C.
  package static func composed(_ text: ArraySlice<UInt8>) -> [UInt8] {
    // ASCII is already composed, and is most of what prompts hold.
    if text.allSatisfy({ $0 < 0x80 }) { return Array(text) }
    return ordered(String(decoding: text, as: UTF8.self))._nfcCodeUnits
  }

  private struct Mark {
    var scalar: Unicode.Scalar
    var combiningClass: UInt8
    var position: Int
  }

  /// The text with every run of combining marks in canonical order (Unicode section 3.11, D109).
  private static func ordered(_ text: String) -> String {
    var result = String.UnicodeScalarView()
    var run: [Mark] = []
    for scalar in text.unicodeScalars {
      // U+0300 is the first combining mark.
      if scalar.value < 0x300 {
        flush(&run, to: &result)
        result.append(scalar)
      } else if let vowelSigns = tibetanVowelSigns(scalar) {
        append(vowelSigns.0, to: &run)
        append(vowelSigns.1, to: &run)
      } else if scalar.properties.canonicalCombiningClass == .notReordered {
        flush(&run, to: &result)
        result.append(scalar)
      } else {
        append(scalar, to: &run)
      }
    }
    flush(&run, to: &result)
    return String(result)
  }

  private static func append(_ scalar: Unicode.Scalar, to run: inout [Mark]) {
    let combiningClass = scalar.properties.canonicalCombiningClass.rawValue
    run.append(Mark(scalar: scalar, combiningClass: combiningClass, position: run.count))
  }

  private static func flush(_ run: inout [Mark], to result: inout String.UnicodeScalarView) {
    if run.count > 1 {
      run.sort { first, second in
        first.combiningClass < second.combiningClass
          || (first.combiningClass == second.combiningClass && first.position < second.position)
      }
    }
    for mark in run { result.append(mark.scalar) }
    run.removeAll(keepingCapacity: true)
  }

  /// The decompositions of the only characters that are no marks by class and decompose into marks. They are
  /// excluded from composition, so form C never holds them.
  private static func tibetanVowelSigns(
    _ scalar: Unicode.Scalar
  ) -> (Unicode.Scalar, Unicode.Scalar)? {
    switch scalar.value {
    case 0x0F73: ("\u{0F71}", "\u{0F72}")
    case 0x0F75: ("\u{0F71}", "\u{0F74}")
    case 0x0F81: ("\u{0F71}", "\u{0F80}")
    default: nil
    }
  }
}
