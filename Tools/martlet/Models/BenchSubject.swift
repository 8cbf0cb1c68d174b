import MartletBytes
import MartletModel
import MartletPack
import MartletRuntime

/// A pack being timed.
final class BenchSubject {
  private let pack: Pack
  private let options: RunOptions
  private let vision: VisionSession
  private let language: LanguageSession?
  private let pixels: Pixels
  private let promptTokens: Int
  private let maximumTokens: Int
  private var times = BenchTimes()
  private let start: Int64
  /// Milliseconds to the first token of the last run, and the tokens a second after it.
  private(set) var last: (firstToken: Double, decode: Double?) = (0, nil)

  /// Loads the pack: its bytes are checked and unpacked, sessions planned.
  init(
    _ pack: Pack, isa: String?, threads: Int, resolution: Int?, promptTokens: Int,
    maximumTokens: Int, cache: CachePrecision
  ) throws {
    start = MonotonicClock.nanoseconds
    let pool = try ThreadPool(threads: threads)
    self.pack = pack
    let model = try LoadedModel(pack, pool: pool)
    options = RunOptions(
      instructionSet: try isa.map { try InstructionSet(named: $0) } ?? .best, threads: threads,
      cache: cache)
    vision = try VisionSession(
      model: model, resolution: resolution, options: options, pool: pool)
    let capacity = vision.tokens + promptTokens + maximumTokens
    language =
      pack.description.network(.language) == nil
      ? nil
      : try LanguageSession(model: model, capacity: capacity, options: options, pool: pool)
    times.load.add(MonotonicClock.milliseconds(since: start))
    self.promptTokens = promptTokens
    self.maximumTokens = maximumTokens
    pixels = .noise(side: vision.resolution)
  }

  /// One picture, one prompt, one answer that no token ends.
  func run(isCounted: Bool) throws {
    let before = MonotonicClock.milliseconds(since: start)
    let encoding = try vision.encode(pixels)
    if isCounted {
      times.encode.add(encoding.encodeMilliseconds)
      times.project.add(encoding.projectMilliseconds)
    }
    let encoded = encoding.encodeMilliseconds + encoding.projectMilliseconds
    last = (encoded, nil)
    guard let language else { return }
    language.reset()
    let known = language.tokenCount
    let ids = [PromptTemplate.imageSentinel] + (0..<promptTokens).map { ($0 * 37 + 11) % known }
    let request = GenerationRequest(
      ids: ids, maximumTokens: maximumTokens, stopIDs: [],
      sampler: Sampler(temperature: 0, seed: 0))
    let result = try language.generate(
      request, imageRows: encoding.imageTokens, tokensPerImage: vision.tokens
    ) { _ in true }
    times.prefillTokens = result.promptTokens
    if times.coldStart.isEmpty {
      // Nothing was touched before: fresh memory, cold caches, and the loading.
      times.coldStart.add(before + encoded + result.firstTokenMilliseconds)
    }
    times.cacheBytes = language.cacheBytes
    last = (
      encoded + result.firstTokenMilliseconds,
      result.decodeTokensPerSecond > 0 ? result.decodeTokensPerSecond : nil
    )
    guard isCounted else { return }
    times.prefill.add(result.prefillMilliseconds)
    times.firstToken.add(encoded + result.firstTokenMilliseconds)
    if result.decodeTokensPerSecond > 0 { times.decode.add(result.decodeTokensPerSecond) }
  }

  /// The runs so far.
  var report: BenchReport {
    BenchReport(pack: pack, options: options, resolution: vision.resolution, times: times)
  }
}

/// Measurements of every stage.
struct BenchTimes {
  var load = Samples()
  var encode = Samples()
  var project = Samples()
  var prefill = Samples()
  var prefillTokens = 0
  /// From the opened pack to the first token of the first run, loading and all.
  var coldStart = Samples()
  /// Keys and values at the end of an answer.
  var cacheBytes = 0
  var firstToken = Samples()
  /// Tokens a second.
  var decode = Samples()
}

/// Measurements of one stage.
struct Samples {
  private var values: [Double] = []

  mutating func add(_ value: Double) { values.append(value) }

  var isEmpty: Bool { values.isEmpty }
  var count: Int { values.count }

  /// The value below which a share of the others lies: the smallest of which at least `share` are not greater.
  func quantile(_ share: Double) -> Double {
    let sorted = values.sorted()
    if sorted.isEmpty { return 0 }
    let rank = Int((share * Double(sorted.count)).rounded(.up))
    return sorted[min(sorted.count - 1, max(0, rank - 1))]
  }

  var smallest: Double { values.min() ?? 0 }
  var largest: Double { values.max() ?? 0 }

  /// The middle value, or the mean of the two in the middle.
  var median: Double {
    let sorted = values.sorted()
    if sorted.isEmpty { return 0 }
    return (sorted[(sorted.count - 1) / 2] + sorted[sorted.count / 2]) / 2
  }
}

extension Pixels {
  /// A square picture that compresses nothing and is the same everywhere.
  static func noise(side: Int) -> Pixels {
    var noise = NoiseBytes(seed: 1)
    return Pixels(
      height: side, width: side, bytes: (0..<(side * side * 3)).map { _ in noise.next() })
  }
}

/// Bytes of noise that are the same everywhere (a linear congruential generator with Knuth's MMIX constants).
private struct NoiseBytes {
  private var state: UInt64

  init(seed: UInt64) { state = seed }

  mutating func next() -> UInt8 {
    state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
    return UInt8(truncatingIfNeeded: state >> 56)
  }
}
