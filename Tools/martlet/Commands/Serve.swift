import ArgumentParser
import Foundation
import MartletBoardMessages
import MartletBytes
import MartletImages
import MartletServing
import MartletText

struct Serve: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Answer questions about pictures over HTTP.",
    discussion: """
      Speaks the chat completions of OpenAI's interface: POST /v1/chat/completions with pictures as data URLs in \
      base64, whole or streamed as server-sent events; GET /v1/models, /health, /metrics (Prometheus); a page to try it \
      at /. Requests are answered one after another, as each uses all cores; those that would wait too long are turned \
      away with status 503. Fields that would change the answer and are not supported are refused, never ignored.

      Listens on this machine only, unless told otherwise, and then wants a key. SIGINT or SIGTERM finish the answer \
      that is being made and end it.
      """)

  @Argument(help: "A pack.")
  var path: String

  @Option(help: "Port to listen on; 0 takes a free one.")
  var port = 8080

  @Option(help: "Address to listen on: others than this machine's own need a key.")
  var host = "127.0.0.1"

  @Option(
    help: ArgumentHelp(
      "A file whose first line is the key that clients must send (Authorization: Bearer KEY).",
      valueName: "file"))
  var keyFile: String?

  @Flag(help: "Let everybody in who can connect, from other machines too.")
  var noKey = false

  @Option(
    help: ArgumentHelp(
      "A folder whose pictures requests may name as file:// addresses; none by default.",
      valueName: "folder"))
  var allowFiles: String?

  @Option(help: "Name of the model in answers; the pack's file name by default.")
  var modelName: String?

  @Option(help: "Most tokens of an answer, and the number where a request names none.")
  var maxTokens = 512

  @Option(help: "Most pictures of a request.")
  var maxPictures = 8

  @Option(help: "Most pixels of a picture, e.g. 16M.")
  var maxPixels = ByteSize(bytes: 32 << 20)

  @Option(help: "Most bytes of a request; four times as much for all that are being received.")
  var maxBody = ByteSize(bytes: 32 << 20)

  @Option(help: "Most requests that wait for their turn.")
  var maxQueue = 16

  @Option(help: "Most connections at a time.")
  var maxConnections = 64

  @Option(help: "Seconds in which a whole request must have come.")
  var patience = 60

  @Option(help: "Instruction set instead of the best: an error where the machine lacks it.")
  var isa: String?

  @OptionGroup var threads: ThreadOptions
  @OptionGroup var quiet: QuietOption

  func validate() throws {
    try check("--port", port, 0...65535)
    try check("--max-tokens", maxTokens, 1...AnswerLimits.tokens)
    try check("--max-pictures", maxPictures, 0...1000)
    try check("--max-body", maxBody.bytes, 1024...(1 << 31))
    try check("--max-pixels", maxPixels.bytes, 1...(1 << 30))
    try check("--max-queue", maxQueue, 1...100_000)
    try check("--max-connections", maxConnections, 1...100_000)
    try check("--patience", patience, 1...86_400)
    if noKey, keyFile != nil { throw ValidationError("--no-key and --key-file exclude each other") }
  }

  private func check(_ option: String, _ value: Int, _ range: ClosedRange<Int>) throws {
    if !range.contains(value) {
      throw ValidationError(
        "\(option) takes \(range.lowerBound) to \(range.upperBound), not '\(value)'")
    }
  }

  func run() throws {
    let options = try serverOptions()
    guard case .pack(let pack) = try ModelPath.open(path) else {
      throw CommandError(
        .usage, "only packs are served", ["'\(path)' is a checkpoint"],
        hint: "martlet convert makes a pack of it")
    }
    let start = MonotonicClock.nanoseconds
    let answerer = try PackAnswerer(pack, isa: isa, threads: threads.count)
    guard let specification = answerer.description.tokenizer,
      let template = answerer.description.prompt
    else {
      throw CommandError(
        .badData, "'\(path)' cannot answer questions", ["it holds an image encoder only"])
    }
    let metrics = ServerMetrics()
    let engine = try AnswerEngine(
      answerer, tokenizer: Tokenizer(specification), template: template, options: options,
      metrics: metrics)
    let notes = Notes(isQuiet: quiet.quiet)
    let load = Int(MonotonicClock.milliseconds(since: start).rounded())
    let server = Server(
      service: ChatService(options: options, metrics: metrics, engine: engine)
    ) { line in notes.say(line) }
    try server.run { port in
      // Said even with --quiet: with --port 0 nobody else knows it.
      let host = options.host.contains(":") ? "[\(options.host)]" : options.host
      Notes(isQuiet: false).say(
        "serving \(options.modelName) on http://\(host):\(port)/ · loaded in \(load) ms · "
          + "\(answerer.options.instructionSet.name), \(threads.count) threads · "
          + (options.key == nil ? "no key" : "with a key"))
    }
    notes.say("stopped")
  }

  private func serverOptions() throws -> ServerOptions {
    var key: [UInt8]?
    if let keyFile {
      let line = try SmallFile.bytes(of: keyFile, limit: 1 << 16).prefix { $0 != 10 && $0 != 13 }
      if line.isEmpty || !line.allSatisfy({ $0 > 0x20 && $0 < 0x7F }) {
        throw CommandError(
          .badData, "'\(keyFile)' holds no key",
          ["expected: a first line of visible ASCII characters"])
      }
      key = Array(line)
    }
    let name = modelName ?? Self.name(ofPack: path)
    let options = ServerOptions(
      host: host, port: port, modelName: name, key: key,
      pictures: try PictureSource(
        folder: allowFiles, byteLimit: maxBody.bytes, countLimit: maxPictures),
      pictureLimits: ImageLimits(side: 32768, pixels: maxPixels.bytes), maximumTokens: maxTokens,
      bodyLimit: maxBody.bytes, queueLimit: maxQueue, connectionLimit: maxConnections,
      patience: Int64(patience))
    if !options.isLocal, key == nil, !noKey {
      throw CommandError(
        .usage, "other machines could use the server without a key",
        ["--host \(host) is not this machine's own address"],
        hint: "give --key-file FILE, or --no-key if that is meant")
    }
    return options
  }

  private static func name(ofPack path: String) -> String {
    let name = Directory.name(of: path)
    return name.hasSuffix(".martlet") ? String(name.dropLast(8)) : name
  }
}
