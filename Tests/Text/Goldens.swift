// What `Tools/oracle/make_text_goldens.py` wrote with Hugging Face's `tokenizers`, and the tokenizers it used.

import MartletBytes
import MartletModel
import MartletText

/// Places of the fixtures.
enum Goldens {
  static let folder = Directory.path(
    Directory.parent(of: Directory.parent(of: "\(#filePath)")), "Fixtures")

  static func json(_ name: String) throws -> JSONValue {
    try JSONValue(contentsOf: Directory.path(folder, name))
  }

  static func text(_ name: String) throws -> TextFile {
    TextFile(path: name, bytes: try SmallFile.bytes(of: Directory.path(folder, name)))
  }

  /// Apple's layout: separate files, three added tokens.
  static let separate = Result {
    try TokenizerFiles.specification(separateFiles())
  }
  /// Transformers' layout: merges as pairs, and `<image>` as a token.
  static let native = Result {
    try TokenizerFiles.specification(tokenizer: text("tiny/native/tokenizer.json"))
  }
  /// Merges as joined strings, and tokens that are added but not special.
  static let tools = Result {
    try TokenizerFiles.specification(tokenizer: text("text/tools/tokenizer.json"))
  }

  static func separateFiles() throws -> TokenizerFiles.Separate {
    TokenizerFiles.Separate(
      vocabulary: try text("tiny/llava/vocab.json"), merges: try text("tiny/llava/merges.txt"),
      addedTokens: try text("tiny/llava/added_tokens.json"),
      configuration: try text("tiny/llava/tokenizer_config.json"),
      specialTokens: try text("tiny/llava/special_tokens_map.json"))
  }
}

/// A text, its ids, and what they decode to.
struct GoldenCase {
  let text: String?
  let ids: [Int]
  let decoded: String
  let verbatim: String

  static func all(_ name: String) throws -> [GoldenCase] {
    try (Goldens.json(name).array ?? []).map { entry in
      GoldenCase(
        text: entry["text"]?.string, ids: entry["ids"]?.array?.compactMap(\.int) ?? [],
        decoded: entry["decoded"]?.string ?? "",
        verbatim: entry["decoded_with_special"]?.string ?? "")
    }
  }
}

/// Strings are compared by their bytes: Swift equates different normalizations.
func bytes(_ text: String) -> [UInt8] { Array(text.utf8) }
