import ArgumentParser
import Foundation
import MartletBoardMessages
import MartletBytes
import MartletModel
import MartletReference
import MartletRuntime
import MartletText

struct Run: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Answer a question about pictures.",
    discussion: """
      On a pack the packed runtime answers; on a checkpoint the float reference does (slow, and the judge of all \
      else). The answer streams to standard output.
      """)

  @Argument(help: "A pack or a checkpoint.")
  var path: String

  @OptionGroup var parts: SourceParts

  @Option(help: "A picture (PNG, JPEG, WebP). May be repeated; order is kept.")
  var image: [String] = []

  @Option(help: "The question.")
  var prompt: String?

  @Flag(
    help:
      "Print each picture's embedding, of length 1, instead of an answer: for an image encoder alone."
  )
  var embedding = false

  @Option(help: "Most tokens to generate.")
  var maxTokens = 256

  @Option(help: "0 takes the likeliest token; above, tokens are drawn.")
  var temperature: Float = 0

  @Option(help: "Seed of drawing.")
  var seed: UInt64 = 0

  @Option(
    help: ArgumentHelp(
      "Milliseconds to the first token: takes the largest size of picture in the pack that stays below, found out by trying.",
      valueName: "x"))
  var deadlineMs: Double?

  @Option(help: "Instruction set instead of the best: an error where the machine lacks it.")
  var isa: String?

  @OptionGroup var cache: CacheOptions
  @OptionGroup var output: OutputOptions
  @OptionGroup var threads: ThreadOptions

  func validate() throws {
    if !(1...AnswerLimits.tokens).contains(maxTokens) {
      throw ValidationError("--max-tokens takes 1 to \(AnswerLimits.tokens), not '\(maxTokens)'")
    }
    if let deadlineMs, !(deadlineMs > 0) {
      throw ValidationError("--deadline-ms must be above 0")
    }
    if deadlineMs != nil, image.isEmpty {
      throw ValidationError(
        "--deadline-ms chooses the size of pictures: give one with --image FILE")
    }
    if !(0...AnswerLimits.temperature).contains(temperature) {
      throw ValidationError(
        "--temperature takes 0 to \(Int(AnswerLimits.temperature)), not '\(temperature)'")
    }
  }

  func run() throws {
    if embedding { return try embed() }
    let start = MonotonicClock.nanoseconds
    var answerer: any Answerer
    switch try ModelPath.open(path) {
    case .pack(let pack):
      try parts.refuse(forPack: path)
      answerer = try PackAnswerer(
        pack, isa: isa, threads: threads.count, cache: cache.precision)
    case .checkpoint(let checkpoint):
      try cache.refuse(forCheckpoint: path)
      if deadlineMs != nil {
        throw CommandError(
          .usage, "--deadline-ms chooses among the sizes that a pack was made for",
          ["'\(path)' is a checkpoint, which the float reference runs"])
      }
      if let isa {
        throw CommandError(
          .usage, "--isa \(isa) names kernels of the packed runtime",
          ["'\(path)' is a checkpoint, which the float reference runs"])
      }
      answerer = try ReferenceAnswerer(
        LoadedSource(
          parts.applied(to: checkpoint), language: try parts.language()), threads: threads.count)
    }
    let load = MonotonicClock.milliseconds(since: start)
    let description = answerer.description
    guard let specification = description.tokenizer, let template = description.prompt else {
      throw CommandError(
        .badData, "'\(path)' cannot answer questions", ["it holds an image encoder only"],
        hint: "ask for --embedding")
    }
    guard let prompt else {
      throw CommandError(.usage, "there is no question", ["expected: --prompt TEXT; found: none"])
    }
    let tokenizer = try Tokenizer(specification)
    let request = AnswerRequest(
      prompt: try Prompt(
        question: prompt, imageCount: image.count, template: template, tokenizer: tokenizer),
      pictures: image, maximumTokens: maxTokens, temperature: temperature, seed: seed)
    var chosen: RungChoice?
    if let deadlineMs, var pack = answerer as? PackAnswerer {
      let choice = try pack.choose(deadline: deadlineMs, for: request)
      Notes(isQuiet: false).say(choice.text)
      answerer = pack
      chosen = choice
    }
    var decoder = StreamingDecoder(tokenizer)
    let streams = !output.json
    var isFirst = true
    let answer = try answerer.answer(request) { id in
      if streams { Self.stream(decoder.append(id), &isFirst) }
    }
    if streams {
      Self.stream(decoder.finish(), &isFirst)
      printOrExit("\n")
      let rate = Progress.number(answer.decodeTokensPerSecond)
      Notes(isQuiet: false).say(
        "first token after \(Int(answer.timings.firstToken.rounded())) ms, then \(rate) tokens/s")
    } else {
      var json = answer.json(
        text: trimmed(tokenizer.decode(answer.ids)), load: load, threads: threads.count)
      if let chosen { json.set("resolution", chosen.side) }
      json.print()
    }
  }

  private func embed() throws {
    if prompt != nil {
      throw CommandError(.usage, "--embedding takes no --prompt", ["found: both"])
    }
    if let given = cache.kvCache {
      throw CommandError(
        .usage, "--embedding takes no --kv-cache", ["found: \(given.name)"])
    }
    if image.isEmpty {
      throw CommandError(.usage, "--embedding needs a picture", ["expected: --image FILE"])
    }
    let start = MonotonicClock.nanoseconds
    let embedder: any Embedder
    switch try ModelPath.open(path) {
    case .pack(let pack):
      try parts.refuse(forPack: path)
      embedder = try PackEmbedder(pack, isa: isa, threads: threads.count)
    case .checkpoint(let checkpoint):
      embedder = try ReferenceEmbedder(
        LoadedSource(parts.applied(to: checkpoint), language: try parts.language()),
        threads: threads.count)
    }
    if embedder.description.tokenizer != nil {
      throw CommandError(
        .usage, "--embedding is for an image encoder alone",
        ["'\(path)' holds a language model, which takes many rows of a picture"])
    }
    let load = MonotonicClock.milliseconds(since: start)
    let embeddings = try image.map { try embedder.embedding(of: $0) }
    if output.json {
      embeddingJSON(embeddings, load: load).print()
    } else {
      for embedding in embeddings {
        printOrExit(embedding.values.map { "\($0)" }.joined(separator: " ") + "\n")
      }
    }
  }

  private func embeddingJSON(_ embeddings: [PictureEmbedding], load: Double) -> JSONOutput {
    var json = JSONOutput()
    json.set(
      "embeddings",
      JSONValue.array(
        zip(image, embeddings).map { path, embedding in
          var item = JSONOutput()
          item.set("image", path)
          item.set(
            "embedding",
            JSONValue.array(embedding.values.map { JSONValue(Double($0)) }))
          item.set("preprocess_ms", embedding.preprocess)
          item.set("encode_ms", embedding.encode)
          return item.value
        }))
    json.set("width", embeddings.first?.values.count ?? 0)
    json.set("load_ms", load)
    json.set("peak_rss_bytes", Machine.peakResidentBytes)
    json.set("threads", threads.count)
    return json
  }

  /// Prints a piece; white space before the answer's first word is left out, as the reference strips it.
  private static func stream(_ piece: String, _ isFirst: inout Bool) {
    var piece = Substring(piece)
    if isFirst { piece = piece.drop { $0.isWhitespace } }
    if piece.isEmpty { return }
    isFirst = false
    printOrExit(String(piece))
  }

  private func trimmed(_ text: String) -> String {
    text.trimmingCharacters(in: .whitespacesAndNewlines)
  }
}
