import MartletBytes
import MartletCheckpoints
import MartletModel
import MartletText

extension Checkpoint {
  /// Larger files are no tokenizer; the largest released is 11 MB.
  private static let largestTokenizerFile = 256 << 20

  /// The tokenizer that lies beside the weights: `tokenizer.json`, or `vocab.json` and `merges.txt` with what goes with
  /// them.
  ///
  /// It is built once, so that a tokenizer that cannot work is found here and not on a board.
  /// - Throws: `tokenizerMissing` where neither source is complete.
  func tokenizer() throws(ConversionError) -> TokenizerSpecification {
    do throws(TextError) {
      if let specification = try tokenizerSpecification() {
        _ = try Tokenizer(specification)
        return specification
      }
    } catch { throw .tokenizer(error) }
    throw .tokenizerMissing(
      directory: directory, tried: ["tokenizer.json", "vocab.json and merges.txt"])
  }

  /// `nil` where neither source is complete.
  private func tokenizerSpecification() throws(TextError) -> TokenizerSpecification? {
    if let file = try text("tokenizer.json") {
      return try TokenizerFiles.specification(tokenizer: file)
    }
    guard let vocabulary = try text("vocab.json"), let merges = try text("merges.txt") else {
      return nil
    }
    return try TokenizerFiles.specification(
      .init(
        vocabulary: vocabulary, merges: merges, addedTokens: try text("added_tokens.json"),
        configuration: try text("tokenizer_config.json"),
        specialTokens: try text("special_tokens_map.json")))
  }

  private func text(_ name: String) throws(TextError) -> TextFile? {
    let path = Directory.path(directory, name)
    do throws(BytesError) {
      if try PathKind(of: path) == .missing { return nil }
      return TextFile(
        path: path, bytes: try SmallFile.bytes(of: path, limit: Self.largestTokenizerFile))
    } catch { throw .bytes(error) }
  }
}
