import CFuzzGuard
import MartletModel
import MartletServing

/// Bodies of requests to the server, up to the bytes of their pictures.
enum Requests {
  /// No folder: what addresses of files mean is tested, and must not depend on the machine that fuzzes.
  private static let source = try? PictureSource(folder: nil, byteLimit: 1 << 20, countLimit: 4)

  static func read(chat input: [UInt8]) {
    guard let request = try? ChatRequest(parsing: input),
      let conversation = try? Conversation(request.messages, template: .qwen2)
    else { return }
    for piece in conversation.pieces {
      if case .text(let text) = piece { martlet_fuzz_keep(text.utf8.first ?? 0) }
    }
    for picture in conversation.pictures {
      martlet_fuzz_keep((try? source?.bytes(of: picture.address, field: picture.field))?.first ?? 0)
    }
  }
}
