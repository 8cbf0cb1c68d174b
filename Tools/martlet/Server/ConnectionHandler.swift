import MartletBoardMessages
import MartletBytes
import MartletServing
import NIOCore
import NIOHTTP1

/// One connection: takes a request at a time, holds it to the limits, writes its answer.
///
/// All of it runs on the connection's event loop; other threads come in by `NIOLoopBound`.
final class ConnectionHandler: ChannelInboundHandler {
  typealias InboundIn = HTTPServerRequestPart
  typealias OutboundOut = HTTPServerResponsePart

  private enum State {
    case waiting
    case receiving(HTTPRequestHead)
    /// The job is `nil` until the body is parsed.
    case answering(AnswerJob?)
    /// Refused before its end: the rest is read and dropped, as a client that still sends would not see the answer.
    case discarding
  }

  private let service: ChatService
  private let log: @Sendable (String) -> Void
  private var state = State.waiting
  private var body: [UInt8] = []
  private var held = 0
  private var keepsAlive = false
  private var isHead = false
  private var stream: ResponseStream?
  private var line = ""
  private var start: Int64 = 0
  private var deadline: Scheduled<Void>?
  private var written: EventLoopFuture<Void>?
  private var context: ChannelHandlerContext?

  init(_ service: ChatService, log: @escaping @Sendable (String) -> Void) {
    self.service = service
    self.log = log
  }

  func channelActive(context: ChannelHandlerContext) {
    self.context = context
    arm(service.options.patience)
    context.fireChannelActive()
  }

  func channelInactive(context: ChannelHandlerContext) {
    deadline?.cancel()
    release()
    if case .answering(let job) = state { job?.cancel() }
    state = .discarding
    self.context = nil
    context.fireChannelInactive()
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    context.close(promise: nil)
  }

  /// Closes the connection when nothing whole came for so long.
  private func arm(_ seconds: Int64) {
    deadline?.cancel()
    guard let context else { return }
    let channel = context.channel
    deadline = context.eventLoop.scheduleTask(in: .seconds(seconds)) {
      channel.close(promise: nil)
    }
  }

  // MARK: The request

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    switch unwrapInboundIn(data) {
    case .head(let head):
      // A second request before the first is answered: allowed by HTTP, used by nobody, and memory to hold.
      guard case .waiting = state else { return context.close(promise: nil) }
      begin(head)
    case .body(let buffer): receive(buffer)
    case .end:
      switch state {
      case .receiving(let head): answer(head)
      case .discarding: closeWhenWritten()
      case .waiting, .answering: break
      }
    }
  }

  private func begin(_ head: HTTPRequestHead) {
    keepsAlive = head.isKeepAlive
    isHead = head.method == .HEAD
    start = MonotonicClock.nanoseconds
    state = .receiving(head)
    let options = service.options
    line = head.method.rawValue + " " + (Self.isPlain(head.uri) ? head.uri : "(an odd address)")
    if !options.admits(host: head.headers.first(name: "host")) {
      return refuse(
        .refusal(.forbidden, "expected: a Host of this machine", code: "host_not_allowed"))
    }
    let path = head.uri.prefix { $0 != "?" }
    let isPublic = path == "/health" || ServerPage.assets[String(path)] != nil
    if !isPublic, !options.admits(head.headers.first(name: "authorization")) {
      return refuse(
        .refusal(
          .unauthorized, "expected: Authorization: Bearer KEY", code: "invalid_api_key",
          headers: [("WWW-Authenticate", "Bearer")]))
    }
    let length = head.headers.first(name: "content-length").flatMap { Int($0) } ?? 0
    if length > options.bodyLimit { return refuse(tooLarge) }
    if head.headers.first(name: "expect")?.lowercased() == "100-continue", length > 0 {
      write(.head(HTTPResponseHead(version: .http1_1, status: .continue)))
    }
  }

  private static func isPlain(_ address: String) -> Bool {
    address.utf8.count <= 100 && address.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F }
  }

  private var tooLarge: HTTPAnswer {
    .refusal(
      .payloadTooLarge, "expected: a body of at most \(service.options.bodyLimit) bytes",
      code: "body_too_large")
  }

  private func receive(_ buffer: ByteBuffer) {
    guard case .receiving = state else { return }
    let count = buffer.readableBytes
    if body.count + count > service.options.bodyLimit { return refuse(tooLarge) }
    if !service.metrics.hold(count, limit: service.options.bodiesLimit) { return refuse(overload) }
    held += count
    body.append(contentsOf: buffer.readableBytesView)
  }

  private func release() {
    service.metrics.release(held)
    held = 0
    body = []
  }

  private var overload: HTTPAnswer {
    .refusal(
      .serviceUnavailable, "too many requests wait already", code: "overloaded",
      headers: [("Retry-After", "2")])
  }

  /// Answers before the request has ended; the connection ends with it.
  private func refuse(_ answer: HTTPAnswer) {
    release()
    keepsAlive = false
    state = .discarding
    write(answer)
    arm(10)
  }

  private func answer(_ head: HTTPRequestHead) {
    deadline?.cancel()
    switch service.route(head) {
    case .answer(let answer):
      release()
      respond(answer)
    case .chat: chat()
    }
  }

  private func chat() {
    guard let context else { return }
    state = .answering(nil)
    // The parser holds the body from here on, one at a time.
    let request = body
    release()
    let loop = context.eventLoop
    let handler = NIOLoopBound(self, eventLoop: loop)
    service.prepare(request) { event in
      loop.execute { handler.value.take(event) }
    } then: { result in
      loop.execute { handler.value.queued(result) }
    }
  }

  private func queued(_ result: Result<ChatService.Prepared, any Error>) {
    switch result {
    case .success(let prepared):
      guard context != nil, case .answering = state else { return prepared.job.cancel() }
      state = .answering(prepared.job)
      stream = ResponseStream(answer: prepared.answer, request: prepared.request)
      for event in early { take(event) }
      early = []
    case .failure(is ChatService.Overload): respond(overload)
    case .failure(let error): respond(.refusal(error))
    }
  }

  /// Events that overtook the word that the job is queued.
  private var early: [AnswerJob.Event] = []

  private func take(_ event: AnswerJob.Event) {
    guard context != nil, case .answering(let job) = state else { return }
    if job == nil { return early.append(event) }
    guard var stream else { return }
    let writings = stream.take(event)
    self.stream = stream
    for writing in writings {
      switch writing {
      case .begin(let headers): writeHead(.ok, headers)
      case .bytes(let bytes): writeBody(bytes)
      case .end: finish(.ok)
      case .whole(let answer): respond(answer)
      case .breakOff:
        keepsAlive = false
        finish(.ok)
      }
    }
  }

  // MARK: The answer

  private func respond(_ answer: HTTPAnswer) {
    write(answer)
    settle()
  }

  private func write(_ answer: HTTPAnswer) {
    writeHead(
      answer.status,
      answer.headers + [
        ("Content-Type", answer.contentType), ("Content-Length", "\(answer.body.count)"),
      ])
    if !isHead { writeBody(answer.body) }
    end(answer.status)
  }

  private func writeHead(_ status: HTTPResponseStatus, _ headers: [(String, String)]) {
    var head = HTTPResponseHead(version: .http1_1, status: status)
    for (name, value) in headers + ServerPage.securityHeaders {
      head.headers.add(name: name, value: value)
    }
    if !keepsAlive { head.headers.add(name: "Connection", value: "close") }
    write(.head(head))
  }

  private func writeBody(_ bytes: [UInt8]) {
    guard let context else { return }
    var buffer = context.channel.allocator.buffer(capacity: bytes.count)
    buffer.writeBytes(bytes)
    write(.body(.byteBuffer(buffer)))
  }

  private func write(_ part: HTTPServerResponsePart) {
    context?.writeAndFlush(wrapOutboundOut(part), promise: nil)
  }

  private func end(_ status: HTTPResponseStatus) {
    service.metrics.response(Int(status.code))
    let milliseconds = Int(MonotonicClock.milliseconds(since: start).rounded())
    log("\(line) \(status.code) \(milliseconds) ms")
    guard let context else { return }
    let done = context.eventLoop.makePromise(of: Void.self)
    written = done.futureResult
    context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: done)
    // A refusal before the request's end closes when the rest has come, or by the deadline.
    if case .discarding = state { return }
    if !keepsAlive { closeWhenWritten() }
  }

  private func closeWhenWritten() {
    guard let context else { return }
    let channel = context.channel
    if let written {
      written.whenComplete { _ in channel.close(promise: nil) }
    } else {
      channel.close(promise: nil)
    }
  }

  private func finish(_ status: HTTPResponseStatus) {
    end(status)
    settle()
  }

  /// Ready for the next request.
  private func settle() {
    stream = nil
    state = keepsAlive ? .waiting : .discarding
    arm(service.options.patience)
  }
}
