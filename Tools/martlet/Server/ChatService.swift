import Foundation
import MartletBytes
import MartletImages
import MartletServing
import MartletText
import NIOHTTP1

/// What the addresses of the server mean; knows requests and answers, no sockets.
final class ChatService: Sendable {
  let options: ServerOptions
  let metrics: ServerMetrics
  let engine: AnswerEngine
  /// Requests are parsed here: megabytes of base64 must not hold up other connections.
  private let parsing = DispatchQueue(label: "martlet-requests")
  private let started = Int(Date().timeIntervalSince1970)

  init(options: ServerOptions, metrics: ServerMetrics, engine: AnswerEngine) {
    self.options = options
    self.metrics = metrics
    self.engine = engine
  }

  enum Route {
    case answer(HTTPAnswer)
    /// A chat completion, whose body is to be given to `prepare`.
    case chat
  }

  func route(_ head: HTTPRequestHead) -> Route {
    let path = head.uri.prefix { $0 != "?" }
    if let asset = ServerPage.assets[String(path)] { return only(.GET, head, asset) }
    switch path {
    case "/health": return only(.GET, head, .json(.ok, Self.object([("status", .string("ok"))])))
    case "/metrics":
      return only(.GET, head, .text(metrics.text(), type: "text/plain; version=0.0.4"))
    case "/v1/models":
      let list = Self.object([("object", .string("list")), ("data", .array([model]))])
      return only(.GET, head, .json(.ok, list))
    case "/v1/models/" + options.modelName: return only(.GET, head, .json(.ok, model))
    case "/v1/chat/completions":
      if head.method != .POST { return only(.POST, head, nil) }
      // Pages of other sites can send other types without asking first.
      let type = head.headers.first(name: "content-type")?.lowercased() ?? ""
      if type.prefix(while: { $0 != ";" && $0 != " " }) != "application/json" {
        return .answer(.refusal(.unsupportedMediaType, "expected: content-type application/json"))
      }
      return .chat
    default: return .answer(.refusal(.notFound, "nothing is served at this address"))
    }
  }

  private func only(_ method: HTTPMethod, _ head: HTTPRequestHead, _ answer: HTTPAnswer?) -> Route {
    if let answer, head.method == method || (method == .GET && head.method == .HEAD) {
      return .answer(answer)
    }
    return .answer(
      .refusal(
        .methodNotAllowed, "expected: \(method.rawValue)", headers: [("Allow", method.rawValue)]))
  }

  private var model: JSONValue {
    Self.object([
      ("id", .string(options.modelName)), ("object", .string("model")),
      ("created", .number(JSONNumber(started))), ("owned_by", .string("martlet")),
    ])
  }

  /// A request that stands in the queue.
  struct Prepared: Sendable {
    var request: ChatRequest
    var answer: ChatAnswer
    var job: AnswerJob
  }

  /// Parses a body, puts the job into the queue and tells how that went, all on another thread.
  func prepare(
    _ body: [UInt8], tell: @escaping @Sendable (AnswerJob.Event) -> Void,
    then: @escaping @Sendable (Result<Prepared, any Error>) -> Void
  ) {
    parsing.async { [self] in
      then(
        Result {
          let prepared = try prepared(body, tell: tell)
          if !engine.add(prepared.job) { throw Overload() }
          return prepared
        })
    }
  }

  /// The queue is full.
  struct Overload: Error {}

  private func prepared(
    _ body: [UInt8], tell: @escaping @Sendable (AnswerJob.Event) -> Void
  ) throws -> Prepared {
    let request = try ChatRequest(parsing: body)
    if let asked = request.model, asked != options.modelName {
      throw ServingError.model(asked: String(asked.prefix(100)), served: options.modelName)
    }
    let conversation = try Conversation(request.messages, template: engine.template)
    let limit = options.pictures.countLimit
    if conversation.pictures.count > limit {
      throw ServingError.tooManyPictures(found: conversation.pictures.count, limit: limit)
    }
    var pictures: [(name: String, bytes: [UInt8])] = []
    for picture in conversation.pictures {
      let bytes = try options.pictures.bytes(of: picture.address, field: picture.field)
      pictures.append((picture.field, bytes))
    }
    let job = AnswerJob(
      prompt: Prompt(pieces: conversation.pieces, tokenizer: engine.tokenizer), pictures: pictures,
      maximumTokens: min(request.maximumTokens ?? options.maximumTokens, options.maximumTokens),
      temperature: Float(request.temperature), seed: request.seed, tell: tell)
    let answer = ChatAnswer(
      id: "chatcmpl-" + UUID().uuidString.lowercased(), model: options.modelName,
      created: Int(Date().timeIntervalSince1970))
    return Prepared(request: request, answer: answer, job: job)
  }

  private static func object(_ members: [(String, JSONValue)]) -> JSONValue {
    var output = JSONOutput()
    for (key, value) in members { output.set(key, value) }
    return output.value
  }
}
