import MartletBytes
import MartletServing

/// Turns what the engine tells into what goes over the wire: one JSON object, or server-sent events.
struct ResponseStream {
  enum Writing {
    case begin([(String, String)])
    case bytes([UInt8])
    case end
    case whole(HTTPAnswer)
    /// Ends a stream that went wrong: the connection closes with it.
    case breakOff
  }

  let answer: ChatAnswer
  let request: ChatRequest
  private var text = ""
  private var hasBegun = false

  init(answer: ChatAnswer, request: ChatRequest) {
    self.answer = answer
    self.request = request
  }

  mutating func take(_ event: AnswerJob.Event) -> [Writing] {
    switch event {
    case .text(let piece):
      if request.streams { return begun() + [Self.event(answer.piece(piece))] }
      text += piece
      return []
    case .ended(let ending):
      if !request.streams { return [.whole(.json(.ok, answer.whole(text: text, ending)))] }
      var writings = begun() + [Self.event(answer.closing(ending))]
      if request.includesUsage { writings.append(Self.event(answer.usage(ending))) }
      return writings + [.bytes(Array("data: [DONE]\n\n".utf8)), .end]
    case .failed(let error):
      let refusal = HTTPAnswer.refusal(error)
      if !hasBegun { return [.whole(refusal)] }
      return [.bytes(Array("data: ".utf8) + refusal.body + [UInt8(ascii: "\n")]), .breakOff]
    case .abandoned:
      // Only a server that stops abandons a client that is still there.
      if !hasBegun {
        return [.whole(.refusal(.serviceUnavailable, "the server stops", code: "stopping"))]
      }
      return [.breakOff]
    }
  }

  private mutating func begun() -> [Writing] {
    if hasBegun { return [] }
    hasBegun = true
    return [
      .begin([("Content-Type", "text/event-stream"), ("Cache-Control", "no-store")]),
      Self.event(answer.opening),
    ]
  }

  private static func event(_ value: JSONValue) -> Writing {
    .bytes(Array("data: ".utf8) + value.utf8() + Array("\n\n".utf8))
  }
}
