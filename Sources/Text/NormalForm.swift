/// Unicode normalization form C.
///
/// The standard library composes strings for its own comparisons and offers the result under an underscored name
/// only (`String._nfcCodeUnits`, in the library's stable interface and in Embedded Swift, Swift 5.9 to 6.3). This
/// file is the one place that uses it. Foundation's spelling is not available on the board.
enum NormalForm {
  /// The UTF-8 of `text` in normalization form C.
  static func composed(_ text: ArraySlice<UInt8>) -> [UInt8] {
    // ASCII is already composed, and is most of what prompts hold.
    if text.allSatisfy({ $0 < 0x80 }) { return Array(text) }
    return String(decoding: text, as: UTF8.self)._nfcCodeUnits
  }
}
