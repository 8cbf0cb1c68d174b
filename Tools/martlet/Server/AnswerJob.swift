import MartletServing
import MartletText
import Synchronization

/// One answer to be made: what to do, and whom to tell.
final class AnswerJob: Sendable {
  /// What becomes of it, in order: texts, then one of the others.
  enum Event: Sendable {
    case text(String)
    case ended(ChatAnswer.Ending)
    case failed(any Error)
    /// The client went away before the end.
    case abandoned
  }

  let prompt: Prompt
  /// Encoded, with names for errors.
  let pictures: [(name: String, bytes: [UInt8])]
  let maximumTokens: Int
  let temperature: Float
  let seed: UInt64
  /// Called on the engine's thread.
  let tell: @Sendable (Event) -> Void
  private let cancellation = Atomic<Bool>(false)

  init(
    prompt: Prompt, pictures: [(name: String, bytes: [UInt8])], maximumTokens: Int,
    temperature: Float, seed: UInt64, tell: @escaping @Sendable (Event) -> Void
  ) {
    self.prompt = prompt
    self.pictures = pictures
    self.maximumTokens = maximumTokens
    self.temperature = temperature
    self.seed = seed
    self.tell = tell
  }

  var isCancelled: Bool { cancellation.load(ordering: .relaxed) }
  func cancel() { cancellation.store(true, ordering: .relaxed) }
}
