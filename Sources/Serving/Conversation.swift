import MartletModel
import MartletText

/// The messages of a request in the form the language model was trained on.
package struct Conversation: Equatable, Sendable {
  package let pieces: [PromptPiece]
  /// Addresses of the pictures, in the order of the prompt, with the field each stands in.
  package let pictures: [Picture]

  package struct Picture: Equatable, Sendable {
    package var address: String
    package var field: String
  }

  /// In each message of the user the pictures come first, each followed by the template's separator, whatever their
  /// place among the texts: that is the only order the models were trained on (reference section 4.6).
  ///
  /// - Throws: `conversation` where the order of roles is not system?, user, (assistant, user)…, where the template
  ///   has only one turn and no system message of another wording, or where a text holds one of its markers.
  package init(_ messages: [ChatMessage], template: PromptTemplate) throws(ServingError) {
    var turns = messages[...]
    var opening = template.opening
    let chat = ChatMarkup(template)
    if let system = turns.first, system.role == .system {
      turns.removeFirst()
      guard let chat else {
        throw .conversation(
          field: system.field,
          expected: "no system message, as the model's template has a fixed one",
          found: "one")
      }
      opening = chat.opening(system: try Self.checked(system))
    }
    var pieces: [PromptPiece] = [.text(opening)]
    var pictures: [Picture] = []
    var expected = ChatMessage.Role.user
    for message in turns {
      guard message.role == expected else {
        throw .conversation(
          field: "\(message.field).role", expected: expected.rawValue,
          found: message.role.rawValue)
      }
      let text = try Self.checked(message)
      switch message.role {
      case .user:
        for address in message.pictures {
          pictures.append(Picture(address: address, field: "\(message.field).content"))
          pieces += [.image, .text(template.separator)]
        }
        pieces.append(.text(text + template.closing))
        expected = .assistant
      case .assistant:
        guard let chat else {
          throw .conversation(
            field: message.field,
            expected: "a single question, as the model's template has one turn",
            found: "an earlier answer")
        }
        pieces.append(.text(text + chat.nextUser))
        expected = .user
      case .system: break
      }
    }
    if expected == .user {
      throw .conversation(
        field: "messages", expected: "a question of the user at the end",
        found: turns.isEmpty ? "none" : "an answer")
    }
    self.pieces = pieces
    self.pictures = pictures
  }

  /// Text that would be taken for the template's own is refused: a user's words must not speak for another role.
  private static func checked(_ message: ChatMessage) throws(ServingError) -> String {
    let text = message.text
    for marker in ["<|im_start|>", "<|im_end|>", "<|endoftext|>", Prompt.imagePlaceholder]
    where text.contains(marker) {
      throw .conversation(
        field: "\(message.field).content",
        expected: "text without '\(marker)', which has a meaning of its own",
        found: "it")
    }
    return text
  }
}

/// What ChatML templates have and the pack's three strings imply: turns that follow each other.
private struct ChatMarkup {
  private static let user = "<|im_start|>user\n"
  let nextUser = "<|im_end|>\n" + Self.user

  init?(_ template: PromptTemplate) {
    guard template.opening.hasSuffix(Self.user),
      template.closing == "<|im_end|>\n<|im_start|>assistant\n"
    else { return nil }
  }

  func opening(system: String) -> String {
    "<|im_start|>system\n\(system)<|im_end|>\n" + Self.user
  }
}
