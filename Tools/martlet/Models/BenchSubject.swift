import MartletBytes
import MartletModel
import MartletPack
import MartletRuntime

/// A pack being timed.
final class BenchSubject {
  private let pack: Pack
  private let model: LoadedModel
  private let options: RunOptions
  private let vision: VisionSession
  private let language: LanguageSession?
  private let pixels: Pixels
  private let promptTokens: Int
  private let maximumTokens: Int
  private let loadMilliseconds: Double
  private var encode = Samples()
  private var project = Samples()
  private var prefill = Samples()
  private var firstToken = Samples()
  private var decode = Samples()
  private var prefillTokens = 0

  init(
    _ pack: Pack, isa: String?, threads: Int, resolution: Int?, promptTokens: Int,
    maximumTokens: Int
  ) throws {
    let start = MonotonicClock.nanoseconds
    let pool = try ThreadPool(threads: threads)
    self.pack = pack
    model = try LoadedModel(pack, pool: pool)
    options = RunOptions(
      instructionSet: try isa.map { try InstructionSet(named: $0) } ?? .best, threads: threads)
    vision = try VisionSession(
      model: model, resolution: resolution, options: options, pool: pool)
    let capacity = vision.tokens + promptTokens + maximumTokens
    language =
      pack.description.network(.language) == nil
      ? nil
      : try LanguageSession(model: model, capacity: capacity, options: options, pool: pool)
    loadMilliseconds = MonotonicClock.milliseconds(since: start)
    self.promptTokens = promptTokens
    self.maximumTokens = maximumTokens
    var generator = NoiseGenerator(seed: 1)
    let side = vision.resolution
    pixels = Pixels(
      height: side, width: side, bytes: (0..<(side * side * 3)).map { _ in generator.byte() })
  }

  /// One picture, one prompt, one answer.
  func run(counted: Bool) throws {
    let encoding = try vision.encode(pixels)
    if counted {
      encode.add(encoding.encodeMilliseconds)
      project.add(encoding.projectMilliseconds)
    }
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
    prefillTokens = result.promptTokens
    guard counted else { return }
    prefill.add(result.prefillMilliseconds)
    firstToken.add(
      encoding.encodeMilliseconds + encoding.projectMilliseconds + result.firstTokenMilliseconds)
    if result.decodeTokensPerSecond > 0 { decode.add(result.decodeTokensPerSecond) }
  }

  var report: BenchReport {
    let machine = Machine.current()
    var json = JSONOutput()
    let scheme = pack.provenance[Provenance.Key.scheme]?.text ?? "unknown"
    json.set("scheme", scheme)
    json.set("resolution", vision.resolution)
    json.set("threads", options.threads)
    json.set("isa", options.instructionSet.name)
    var host = JSONOutput()
    host.set("model", machine.model)
    host.set("cores", machine.physicalCores)
    host.set("l2_bytes", machine.l2Bytes)
    json.set("machine", host)
    json.set("load_ms", Samples([loadMilliseconds]).json)
    json.set("encode_ms", encode.json)
    json.set("project_ms", project.json)
    json.set("prefill_ms", prefill.json)
    json.set("prefill_tokens", prefillTokens)
    json.set("first_token_ms", firstToken.json)
    json.set("decode_tokens_per_second", decode.json)
    json.set("peak_rss_bytes", Machine.peakResidentBytes)
    json.set("pack_bytes", pack.byteCount)
    let rows = [
      ("load", Samples([loadMilliseconds]), "ms"), ("encode", encode, "ms"),
      ("project", project, "ms"), ("prefill (\(prefillTokens) tokens)", prefill, "ms"),
      ("first token", firstToken, "ms"), ("decode", decode, "tokens/s"),
    ]
    var lines = [
      "\(scheme)",
      "\(vision.resolution)² · \(options.threads) threads · \(options.instructionSet.name) · \(machine.model)",
      "pack \(Progress.number(Double(pack.byteCount) / 1e6)) MB · "
        + "peak memory \(Progress.number(Double(Machine.peakResidentBytes) / 1e6)) MB",
    ]
    for (label, samples, unit) in rows where !samples.isEmpty {
      let name = label + String(repeating: " ", count: max(1, 24 - label.count))
      lines.append("\(name)\(samples.text) \(unit)")
    }
    return BenchReport(text: lines.joined(separator: "\n"), json: json)
  }
}

struct BenchReport {
  var text: String
  var json: JSONOutput
}

/// Measurements of one stage.
struct Samples {
  private var values: [Double] = []

  init(_ values: [Double] = []) { self.values = values }

  mutating func add(_ value: Double) { values.append(value) }
  var isEmpty: Bool { values.isEmpty }

  /// The middle value, or the mean of the two in the middle.
  var median: Double {
    let sorted = values.sorted()
    if sorted.isEmpty { return 0 }
    return (sorted[(sorted.count - 1) / 2] + sorted[sorted.count / 2]) / 2
  }

  var json: JSONOutput {
    var json = JSONOutput()
    json.set("min", values.min() ?? 0)
    json.set("median", median)
    json.set("max", values.max() ?? 0)
    return json
  }

  var text: String {
    "\(Progress.number(median))  (\(Progress.number(values.min() ?? 0)) to \(Progress.number(values.max() ?? 0)))"
  }
}

/// Bytes of noise that are the same everywhere.
struct NoiseGenerator {
  private var state: UInt64

  init(seed: UInt64) { state = seed }

  mutating func byte() -> UInt8 {
    state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
    return UInt8(truncatingIfNeeded: state >> 56)
  }
}
