// MartletText: words in, token ids out, and back.
//
// In:  a `TokenizerSpecification` (from a pack, or built by `TokenizerFiles` from the files of a checkpoint),
//      text, a `PromptTemplate`.
// Out: token ids, prompts with image sentinels, decoded text, whole or as a stream.
// Refuses: specifications whose ids, merges or added tokens contradict each other, tokenizer files whose rules
//      differ from the ones written here, prompts whose image placeholders and images do not match.
//
// Source of the behavior: reference section 6, checked against the Hugging Face `tokenizers` library.

import MartletModel

/// Byte-level BPE with Qwen2's splitting rule.
///
/// A value of a few megabytes behind shared storage; copying it costs nothing, making it costs one pass over the
/// merges.
package struct Tokenizer: Sendable {
  /// Ids a specification may use at most; Qwen2 needs 151665.
  package static let largestSize = 1 << 22

  /// One past the largest id that so many tokens may use: each id takes memory, so not too many may stay unused.
  static func largestSize(tokens: Int) -> Int { min(largestSize, 2 * tokens + 1024) }

  let tokenBytes: TokenBytes
  let merges: MergeTable
  private let cutter: AddedTokenCutter
  /// For tokens that are spelled in characters, not bytes.
  private let pieces: PieceAlphabet?

  /// One past the largest id: logits from here on are padding and are masked.
  package var size: Int { tokenBytes.count }

  /// Checks and indexes a specification.
  ///
  /// - Throws: the first contradiction found: ids beyond the largest size, a byte without a token, merges that name
  ///   unknown ids, repeat a pair or do not join their parts, added tokens that are empty or share an id or content.
  package init(_ specification: TokenizerSpecification) throws(TextError) {
    try Self.checkIDs(specification)
    switch specification.splitter {
    case .qwen2: pieces = nil
    case .llama: pieces = try PieceAlphabet(specification.tokens)
    }
    tokenBytes = try TokenBytes(specification)
    merges = try MergeTable(specification.merges, tokens: specification.tokens)
    cutter = try AddedTokenCutter(specification.addedTokens)
  }

  /// The ids of a text; text that no added token matches is normalized (NFC), split and merged, or
  /// spelled in Llama's way and merged as a whole.
  ///
  /// Nothing is added in front or behind. Every text has an encoding, since every byte has a token.
  /// Cost: n log n in the bytes of the longest run that the splitter keeps together, linear in all else.
  package func encode(_ text: String) -> [Int] {
    encode(bytes: Array(text.utf8))
  }

  /// The id of the added token with exactly this content.
  package func id(ofAddedToken content: String) -> Int? {
    cutter.id(of: Array(content.utf8))
  }

  /// As `encode(_:)`, for UTF-8 known to be well-formed because it came out of a `String`.
  func encode(bytes: [UInt8]) -> [Int] {
    var ids: [Int] = []
    var merger = PairMerger(byteIDs: tokenBytes.byteIDs, merges: merges)
    var plainStart = 0
    while true {
      let match = cutter.firstMatch(in: bytes, from: plainStart)
      let plainEnd = match?.start ?? bytes.count
      if plainEnd > plainStart {
        if let pieces {
          merger.append(pieces.symbols(bytes[plainStart..<plainEnd]), to: &ids)
        } else {
          let piece = NormalForm.composed(bytes[plainStart..<plainEnd])
          var splitter = Qwen2Splitter(piece)
          while let word = splitter.next() { merger.append(piece, word, to: &ids) }
        }
      }
      guard let match else { return ids }
      ids.append(match.id)
      plainStart = match.end
    }
  }

  private static func checkIDs(_ specification: TokenizerSpecification) throws(TextError) {
    if specification.tokens.count > largestSize {
      throw .idOutOfRange(id: specification.tokens.count - 1, limit: largestSize)
    }
    for token in specification.addedTokens where token.id < 0 || token.id >= largestSize {
      throw .idOutOfRange(id: token.id, limit: largestSize)
    }
    let limit = largestSize(tokens: specification.tokens.count + specification.addedTokens.count)
    for token in specification.addedTokens where token.id >= limit {
      throw .idOutOfRange(id: token.id, limit: limit)
    }
  }
}
