import MartletModel

/// A part of a prompt.
package enum PromptPiece: Equatable, Sendable {
  case text(String)
  case image
}

/// A question and its images in the form the language model was trained on, as text and as ids.
package struct Prompt: Equatable, Sendable {
  /// Stands in prompt text where an image goes.
  package static let imagePlaceholder = "<image>"

  /// The whole prompt, with an `imagePlaceholder` for each image.
  package let text: String
  /// Token ids, with `PromptTemplate.imageSentinel` for each image.
  package let ids: [Int]
  package let imageCount: Int

  /// Puts a question into a template and encodes it.
  ///
  /// The images come before the question, each followed by the separator; a question that has placeholders of its
  /// own, as many as there are images, decides their places itself. The text is split at every placeholder
  /// and each piece encoded on its own, as LLaVA does (reference section 4.5).
  ///
  /// - Throws: `imagePlaceholders` where the question has placeholders, but not one for each image.
  package init(
    question: String, imageCount: Int, template: PromptTemplate, tokenizer: Tokenizer
  ) throws(TextError) {
    precondition(imageCount >= 0)
    let placeholder = Array(Self.imagePlaceholder.utf8)
    var text = template.opening
    if Self.pieces(Array(question.utf8), splitAt: placeholder).count == 1 {
      for _ in 0..<imageCount { text += Self.imagePlaceholder + template.separator }
    }
    text += question + template.closing
    let bytes = Array(text.utf8)
    let pieces = Self.pieces(bytes, splitAt: placeholder)
    if pieces.count != imageCount + 1 {
      throw .imagePlaceholders(images: imageCount, placeholders: pieces.count - 1)
    }
    var ids: [Int] = []
    for (index, piece) in pieces.enumerated() {
      if index > 0 { ids.append(PromptTemplate.imageSentinel) }
      ids.append(contentsOf: tokenizer.encode(bytes: Array(bytes[piece])))
    }
    self.text = text
    self.ids = ids
    self.imageCount = imageCount
  }

  /// Text and images in the order given, without a template.
  ///
  /// As above each text between two images is encoded on its own; a placeholder in a text is text.
  package init(pieces: [PromptPiece], tokenizer: Tokenizer) {
    var whole = ""
    var run = ""
    var ids: [Int] = []
    var imageCount = 0
    for piece in pieces {
      switch piece {
      case .text(let text): run += text
      case .image:
        ids.append(contentsOf: tokenizer.encode(run))
        ids.append(PromptTemplate.imageSentinel)
        whole += run + Self.imagePlaceholder
        run = ""
        imageCount += 1
      }
    }
    ids.append(contentsOf: tokenizer.encode(run))
    text = whole + run
    self.ids = ids
    self.imageCount = imageCount
  }

  /// Positions the prompt takes once every sentinel is replaced by an image's tokens.
  ///
  /// - Throws: `promptTooLong` where that is more than `maximum`.
  package func splicedLength(
    tokensPerImage: Int, maximum: Int
  ) throws(TextError) -> Int {
    precondition(tokensPerImage >= 0)
    let images = imageCount.multipliedReportingOverflow(by: tokensPerImage)
    let total = images.partialValue.addingReportingOverflow(ids.count - imageCount)
    if images.overflow || total.overflow || total.partialValue > maximum {
      let overflow = images.overflow || total.overflow
      throw .promptTooLong(tokens: overflow ? Int.max : total.partialValue, maximum: maximum)
    }
    return total.partialValue
  }

  private static func pieces(
    _ text: [UInt8], splitAt separator: [UInt8]
  ) -> [Range<Int>] {
    var pieces: [Range<Int>] = []
    var start = 0
    var position = 0
    while position + separator.count <= text.count {
      if text[position..<(position + separator.count)].elementsEqual(separator) {
        pieces.append(start..<position)
        position += separator.count
        start = position
      } else {
        position += 1
      }
    }
    pieces.append(start..<text.count)
    return pieces
  }
}
