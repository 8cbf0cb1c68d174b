import Foundation
import MartletBoardMessages
import MartletBytes
import MartletConversion
import MartletImages
import MartletModel
import MartletPack
import MartletQuantization
import MartletRuntime
import MartletText
import MartletVerification

/// A pack that lives as long as its process maps it, its name already removed.
struct TemporaryPack {
  let pack: Pack

  init(_ pack: Pack) { self.pack = pack }

  init(
    _ source: LoadedSource, scheme named: TuningScheme, calibration: CalibrationSource,
    threads: Int,
    pool: ThreadPool, _ notes: Notes
  ) throws {
    var scheme = try named.scheme(isCalibrated: calibration.calibration != nil)
    let table = try calibration.table(
      for: source, scheme: scheme,
      limits: CalibrationLimits(threads: threads, maximumMemory: nil, seed: 0), notes)
    if table == nil { scheme.correctsBias = false }
    let model = try Quantizer.quantized(
      source.folded, scheme: scheme, statistics: table, pool: pool)
    let directory = try SyntheticPack.temporaryDirectory()
    defer { try? FileManager.default.removeItem(atPath: directory) }
    let path = Directory.path(directory, "model.martlet")
    var provenance = Provenance()
    provenance.append(Provenance.Key.tool, .text(MartletVersion.text))
    try PackWriter().write(model, provenance: provenance, to: path, pool: pool)
    pack = try Pack(path: path)
  }
}

/// Answers the questions about one picture after another at one point.
final class TuningRunner {
  /// A prompt that the model has no room for.
  struct TooLong: Error {
    var tokens: Int
    var most: Int
  }

  private let model: LoadedModel
  private let packBytes: Int
  private let options: RunOptions
  private let pool: ThreadPool
  private let longestAnswer: Int
  private let vision: VisionSession
  private let tokenizer: Tokenizer
  private let template: PromptTemplate
  private var language: LanguageSession?

  init(
    _ temporary: TemporaryPack, options: RunOptions, longestAnswer: Int, pool: ThreadPool
  ) throws {
    model = try LoadedModel(temporary.pack, pool: pool)
    packBytes = temporary.pack.byteCount
    self.options = options
    self.pool = pool
    self.longestAnswer = longestAnswer
    vision = try VisionSession(model: model, options: options, pool: pool)
    guard let specification = model.description.tokenizer, let template = model.description.prompt
    else { throw CommandError(.badData, "the checkpoint cannot answer questions") }
    tokenizer = try Tokenizer(specification)
    self.template = template
    if vision.tokens >= template.maximumTokens {
      throw TooLong(tokens: vision.tokens, most: template.maximumTokens)
    }
  }

  func record(
    _ point: TuningPoint, of picture: VerificationCases.Picture, place: Int, pixels: Pixels
  ) throws -> TuningRecord {
    let start = MonotonicClock.nanoseconds
    let prepared = try pixels.prepared(for: model.description.image, name: picture.name)
    let encoding = try vision.encode(prepared)
    let before = MonotonicClock.milliseconds(since: start)
    var record = TuningRecord(
      point: point, packBytes: packBytes, picture: place, answers: [],
      encode: encoding.encodeMilliseconds + encoding.projectMilliseconds, firstTokens: [])
    for question in picture.questions {
      let prompt = try Prompt(
        question: question.text, imageCount: 1, template: template, tokenizer: tokenizer)
      let length = try prompt.splicedLength(
        tokensPerImage: vision.tokens, maximum: template.maximumTokens)
      let session = try session(capacity: length + longestAnswer)
      session.reset()
      let result = try session.generate(
        GenerationRequest(
          ids: prompt.ids, maximumTokens: longestAnswer, stopIDs: template.stopIDs,
          sampler: Sampler(temperature: 0, seed: 0)),
        imageRows: encoding.imageTokens, tokensPerImage: vision.tokens
      ) { _ in true }
      record.answers.append(tokenizer.decode(result.ids))
      record.firstTokens.append(before + result.firstTokenMilliseconds)
    }
    return record
  }

  private func session(capacity: Int) throws -> LanguageSession {
    if let language, language.capacity >= capacity { return language }
    let session = try LanguageSession(
      model: model, capacity: capacity + capacity / 4, options: options, pool: pool)
    language = session
    return session
  }
}
