/// Everything a byte-level BPE tokenizer is made of; what a pack stores.
package struct TokenizerSpecification: Equatable, Sendable {
  /// How text is cut before merging.
  package enum Splitter: UInt8, Equatable, Sendable {
    /// Qwen2's pattern (reference section 6): NFC first, digits one by one.
    case qwen2 = 0
    /// Llama's, after SentencePiece: every text gets a "▁" (U+2581) in front and one for each space, and merges as a
    /// whole. Tokens are the characters they are spelled with; `<0x00>` to `<0xFF>` stand for the bytes of characters
    /// that no token spells.
    case llama = 1
  }

  /// A token matched literally in the raw text, before anything else.
  package struct AddedToken: Equatable, Sendable {
    package var id: Int
    package var content: String
    /// Special tokens are left out of decoded text.
    package var isSpecial: Bool

    package init(id: Int, content: String, isSpecial: Bool) {
      self.id = id
      self.content = content
      self.isSpecial = isSpecial
    }
  }

  /// Two neighbors that may merge; the rank is the position in `merges`.
  package struct Merge: Equatable, Hashable, Sendable {
    package var left: Int32
    package var right: Int32
    package var result: Int32

    package init(left: Int32, right: Int32, result: Int32) {
      self.left = left
      self.right = right
      self.result = result
    }
  }

  package var splitter: Splitter
  /// The raw bytes of each vocabulary token, by id; empty where an id is unused.
  package var tokens: [[UInt8]]
  package var merges: [Merge]
  package var addedTokens: [AddedToken]
  /// One past the largest id of vocabulary and added tokens: logits from here on are padding and are masked.
  package var size: Int {
    var size = tokens.count
    for token in addedTokens { size = max(size, token.id + 1) }
    return size
  }

  package init(
    splitter: Splitter, tokens: [[UInt8]], merges: [Merge], addedTokens: [AddedToken]
  ) {
    self.splitter = splitter
    self.tokens = tokens
    self.merges = merges
    self.addedTokens = addedTokens
  }
}

/// The chat prompt around a question: text before the images, between images and question, after the question.
///
/// One image and one question give `opening + "<image>" + separator + question + closing`.
package struct PromptTemplate: Equatable, Sendable {
  package var opening: String
  /// Stands after each image.
  package var separator: String
  package var closing: String
  /// Generation ends at any of these ids.
  package var stopIDs: [Int]
  /// Spliced sequences longer than this are refused.
  package var maximumTokens: Int
  /// The id that stands for an image before splicing; never an index into the embedding.
  package static let imageSentinel = -200

  package init(
    opening: String, separator: String, closing: String, stopIDs: [Int], maximumTokens: Int
  ) {
    self.opening = opening
    self.separator = separator
    self.closing = closing
    self.stopIDs = stopIDs
    self.maximumTokens = maximumTokens
  }

  /// `qwen_2` of LLaVA's conversation templates (reference section 4.6).
  package static let qwen2 = PromptTemplate(
    opening:
      "<|im_start|>system\nYou are a helpful assistant.<|im_end|>\n<|im_start|>user\n",
    separator: "\n", closing: "<|im_end|>\n<|im_start|>assistant\n", stopIDs: [151645, 151643],
    maximumTokens: 8192)
}
