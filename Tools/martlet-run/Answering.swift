import MartletBoardMessages
import MartletBytes
import MartletImages
import MartletModel
import MartletPack
import MartletRuntime
import MartletText

/// One question, from the opened pack to the last token.
///
/// A board has little memory: the weights of the encoder are let go before those of the language model are unpacked. It has
/// slow memory cards, too: these are read while the encoder computes.
struct Answering {
  private let arguments: Arguments
  private let pack: Pack
  /// The size of pictures that a deadline chose; the pack's own where there is none.
  private var side: Int?
  private let pool: ThreadPool
  private let options: RunOptions
  private let tokenizer: Tokenizer
  private let template: PromptTemplate
  private var timings = AnswerTimings()

  /// Opens the pack; its weights are checked and unpacked when their turn comes.
  init(_ arguments: Arguments) throws(ErrorReport) {
    let start = MonotonicClock.nanoseconds
    let path = arguments.pack
    self.arguments = arguments
    let share = try MachineShare(arguments)
    options = share.options
    pool = share.pool
    do throws(PackError) { pack = try Pack(path: path) } catch { throw .of(error, in: path) }
    guard let specification = pack.description.tokenizer, let template = pack.description.prompt
    else {
      throw ErrorReport(
        .badData, "'\(path)' cannot answer questions", ["it holds an image encoder only"])
    }
    do throws(TextError) {
      tokenizer = try Tokenizer(specification)
    } catch { throw .of(error) }
    self.template = template
    timings.load = MonotonicClock.milliseconds(since: start)
  }

  /// Streams the answer, or prints it as JSON when it is whole.
  mutating func run() throws(ErrorReport) {
    var chosen: Int?
    if let deadline = arguments.deadline { chosen = try choose(deadline) }
    let start = MonotonicClock.nanoseconds
    let prompt: Prompt
    do throws(TextError) {
      prompt = try Prompt(
        question: arguments.prompt, imageCount: arguments.pictures.count, template: template,
        tokenizer: tokenizer)
    } catch { throw .of(error) }
    let before = MonotonicClock.milliseconds(since: start)
    let (rows, tokensPerImage) = try encodedPictures()
    let length: Int
    do throws(TextError) {
      length = try prompt.splicedLength(
        tokensPerImage: tokensPerImage, maximum: template.maximumTokens)
    } catch { throw .of(error) }
    let roles: [NetworkRole] = [.language]
    let model = try loaded(roles)
    let stream = AnswerStream(tokenizer, isSilent: arguments.isJSON)
    let result: GenerationResult
    do throws(RuntimeError) {
      let capacity = length + arguments.maximumTokens
      let pool = pool
      let session = try made(roles) { options throws(RuntimeError) in
        let session = try LanguageSession(
          model: model, capacity: capacity, options: options, pool: pool)
        return (session, session.workingBytes)
      }
      result = try session.generate(
        GenerationRequest(
          ids: prompt.ids, maximumTokens: arguments.maximumTokens, stopIDs: template.stopIDs,
          sampler: Sampler(temperature: arguments.temperature, seed: arguments.seed)),
        imageRows: rows, tokensPerImage: tokensPerImage, onToken: stream.append)
    } catch { throw .of(error) }
    timings.prefill = result.prefillMilliseconds
    // As if everything had been loaded before.
    timings.firstToken =
      before + timings.preprocess + timings.encode + timings.project
      + result.firstTokenMilliseconds
    timings.total = timings.firstToken - result.firstTokenMilliseconds + result.totalMilliseconds
    if arguments.isJSON {
      let answer = Answer(
        text: trimmed(tokenizer.decode(result.ids)), result: result,
        imageTokens: tokensPerImage * arguments.pictures.count, timings: timings,
        instructionSet: options.instructionSet.name, threads: options.threads, resolution: chosen)
      try output(answer.json.text(.indented) + "\n")
    } else {
      try stream.finish(timings, result)
    }
  }

  /// Takes the size of picture that gives the first token in time, found out with the question itself.
  private mutating func choose(_ deadline: Double) throws(ErrorReport) -> Int {
    let sides = pack.rungs.map { $0.side } + [pack.description.image.resolution]
    let choice = try RungChoice(sides: sides, deadline: deadline) {
      side throws(ErrorReport) in
      var other = self
      other.side = side
      return try other.firstToken()
    }
    side = choice.side
    do throws(BytesError) {
      try StandardStream.error.write(choice.text + "\n")
    } catch { throw .of(error) }
    return choice.side
  }

  /// Milliseconds to the first token, as if everything had been loaded before.
  private mutating func firstToken() throws(ErrorReport) -> Double {
    let start = MonotonicClock.nanoseconds
    let loadedBefore = timings.load
    let (rows, tokens) = try encodedPictures()
    let prompt: Prompt
    do throws(TextError) {
      prompt = try Prompt(
        question: arguments.prompt, imageCount: arguments.pictures.count, template: template,
        tokenizer: tokenizer)
      _ = try prompt.splicedLength(tokensPerImage: tokens, maximum: template.maximumTokens)
    } catch { throw .of(error) }
    let roles: [NetworkRole] = [.language]
    let model = try loaded(roles)
    do throws(RuntimeError) {
      let request = GenerationRequest(
        ids: prompt.ids, maximumTokens: 1, stopIDs: template.stopIDs,
        sampler: Sampler(temperature: 0, seed: 0))
      let spliced = request.spliced(tokensPerImage: tokens)
      let pool = pool
      let session = try made(roles) { options throws(RuntimeError) in
        let session = try LanguageSession(
          model: model, capacity: spliced.count + 1, options: options, pool: pool)
        return (session, session.workingBytes)
      }
      try session.append(spliced, imageRows: rows)
      var sampler = request.sampler
      _ = session.next(&sampler)
    } catch { throw .of(error) }
    return MonotonicClock.milliseconds(since: start) - (timings.load - loadedBefore)
  }

  /// Rows for the language model, `[pictures × tokens, channels]`.
  private mutating func encodedPictures() throws(ErrorReport) -> (rows: [Float], tokens: Int) {
    let roles = pack.description.networks.map { $0.role }.filter { $0 != .language }
    if arguments.pictures.isEmpty {
      // No answer comes from a pack that is damaged anywhere.
      do throws(PackError) {
        try LoadedWeights.check(roles, of: pack, pool: pool)
      } catch { throw .of(error, in: arguments.pack) }
      return ([], 0)
    }
    let model = try loaded(roles)
    let reading = LoadedWeights.readAhead([.language], of: pack)
    defer { withExtendedLifetime(reading) {} }
    let session: VisionSession
    do throws(RuntimeError) {
      let pool = pool
      session = try made(roles) { options throws(RuntimeError) in
        let session = try VisionSession(model: model, options: options, pool: pool)
        return (session, session.workingBytes)
      }
    } catch { throw .of(error) }
    var rows: [Float] = []
    for path in arguments.pictures {
      let before = MonotonicClock.nanoseconds
      let pixels = try preparedPicture(path, for: model.description.image)
      timings.preprocess += MonotonicClock.milliseconds(since: before)
      do throws(RuntimeError) {
        let encoding = try session.encode(pixels)
        timings.encode += encoding.encodeMilliseconds
        timings.project += encoding.projectMilliseconds
        rows.append(contentsOf: encoding.imageTokens)
      } catch { throw .of(error) }
    }
    // Mapped or not, the encoder's weights are not needed any more.
    model.dropPages()
    return (rows, session.tokens)
  }

  /// The weights of some networks; the time is counted as loading.
  private mutating func loaded(_ roles: [NetworkRole]) throws(ErrorReport) -> LoadedModel {
    let start = MonotonicClock.nanoseconds
    do throws(RuntimeError) {
      var model = try LoadedModel(pack, roles: roles, memory: options.memory, pool: pool)
      if let side { model = try model.at(side) }
      timings.load += MonotonicClock.milliseconds(since: start)
      return model
    } catch { throw .of(error, in: arguments.pack) }
  }

  /// What `make` makes, with tiles small enough for the memory there may be.
  private func made<T>(
    _ roles: [NetworkRole], _ make: (RunOptions) throws(RuntimeError) -> (T, bytes: Int)
  ) throws(RuntimeError) -> T {
    guard let memory = options.memory else { return try make(options).0 }
    let need = LoadedWeights.need(of: roles, in: pack)
    return try memory.fitting(options, largestMapped: need.largestMappedBytes, make)
  }

  private func preparedPicture(
    _ path: String, for specification: ImageSpecification
  ) throws(ErrorReport) -> Pixels {
    let file: MappedFile
    do throws(BytesError) { file = try MappedFile(path: path) } catch { throw .of(error) }
    do throws(ImageError) {
      let pixels = try file.withBytes { bytes throws(ImageError) in
        try ImageDecoder.pixels(of: bytes, name: path)
      }
      return try pixels.prepared(for: specification, name: path)
    } catch { throw .of(error) }
  }
}

/// Prints pieces of text as they come.
final class AnswerStream {
  private var decoder: StreamingDecoder
  private let isSilent: Bool
  private var isFirst = true
  /// The write that failed, after which nothing more is generated.
  private var failure: ErrorReport?

  init(_ tokenizer: Tokenizer, isSilent: Bool) {
    decoder = StreamingDecoder(tokenizer)
    self.isSilent = isSilent
  }

  /// - Returns: whether to go on.
  func append(_ id: Int) -> Bool {
    if !isSilent { show(decoder.append(id)) }
    return failure == nil
  }

  /// Ends the line, and tells the rates on standard error.
  func finish(_ timings: AnswerTimings, _ result: GenerationResult) throws(ErrorReport) {
    show(decoder.finish())
    show("\n", isText: false)
    if let failure { throw failure }
    let rate = Answer.rounded(result.decodeTokensPerSecond, digits: 1)
    let note = "first token after \(Int(timings.firstToken)) ms, then \(rate) tokens/s\n"
    do throws(BytesError) { try StandardStream.error.write(note) } catch { throw .of(error) }
  }

  /// White space before the first word is left out, as the reference strips it.
  private func show(_ piece: String, isText: Bool = true) {
    if failure != nil { return }
    var piece = Substring(piece)
    if isFirst, isText { piece = piece.drop { $0.isWhitespace } }
    if piece.isEmpty { return }
    isFirst = false
    do throws(ErrorReport) { try output(String(piece)) } catch { failure = error }
  }
}

/// Without white space at both ends.
private func trimmed(_ text: String) -> String {
  var rest = text.drop { $0.isWhitespace }
  while let last = rest.last, last.isWhitespace { rest.removeLast() }
  return String(rest)
}
