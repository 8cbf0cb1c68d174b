import MartletBytes
import MartletModel
import MartletPack
import MartletRuntime

/// Traces a pack on the packed runtime. Taps run it layer by layer, which changes no bit of the results.
struct PackTracer: Tracer {
  private let model: LoadedModel
  private let pool: ThreadPool
  private let isa: String?
  var description: ModelDescription { model.description }

  init(
    _ pack: Pack, isa: String?, resolution: Int?, fit: ImageSpecification.Fit?, threads: Int
  ) throws {
    pool = try ThreadPool(threads: threads)
    self.isa = isa
    let loaded = try naming(pack: pack.path) { [pool] in try LoadedModel(pack, pool: pool) }
    var description = loaded.description
    if let resolution { description.image.resolution = resolution }
    if let fit { description.image.fit = fit }
    model = LoadedModel(
      description: description, plan: loaded.plan, weights: loaded.weights,
      rungs: loaded.rungs)
  }

  private func options(_ record: TraceRecord) throws -> RunOptions {
    RunOptions(
      instructionSet: try isa.map { try InstructionSet(named: $0) } ?? .best,
      threads: pool.threads, fuse: !record.tapsAnything)
  }

  func encode(_ pixels: Pixels, record: inout TraceRecord, suffix: String) throws -> TracedImage {
    let session = try VisionSession(model: model, options: options(record), pool: pool)
    let taps = Taps(record)
    let encoding = try session.encode(pixels, keepingEncoderOutput: true, tap: taps.tap)
    taps.deliver(to: &record, suffix: suffix)
    return TracedImage(
      encoderOutput: encoding.encoderOutput,
      encoderShape: [session.tokens, session.encoderChannels],
      imageTokens: encoding.imageTokens, tokenShape: [session.tokens, session.channels])
  }

  func generate(
    _ ids: [Int], images: [TracedImage], count: Int, record: inout TraceRecord
  ) throws -> ([Float], [Int]) {
    let tokens = images.first?.tokenShape[0] ?? 0
    let request = GenerationRequest(
      ids: ids, maximumTokens: count, stopIDs: [], sampler: Sampler(temperature: 0, seed: 0))
    let spliced = request.spliced(tokensPerImage: tokens)
    let session = try LanguageSession(
      model: model, capacity: spliced.count + count, options: options(record), pool: pool)
    let taps = Taps(record)
    try session.append(spliced, imageRows: images.flatMap(\.imageTokens), tap: taps.tap)
    taps.deliver(to: &record, suffix: "")
    let logits =
      session.withLogits { logits in logits.indices.map { logits[$0] } } ?? []
    var sampler = request.sampler
    var generated: [Int] = []
    while generated.count < count {
      let id = session.next(&sampler)
      generated.append(id)
      if generated.count < count { try session.advance(id) }
    }
    return (logits, generated)
  }

  /// Collects tapped values while regions run.
  private final class Taps {
    private let record: TraceRecord
    private var found: [(name: String, shape: [Int], values: [Float])] = []

    init(_ record: TraceRecord) { self.record = record }

    var tap: NetworkExecutor.Tap? {
      if !record.tapsAnything { return nil }
      return { region, rows, values in
        guard let name = region.layers.last, self.record.wants(name) else { return }
        self.found.append(
          (name, [rows, values.count / max(1, rows)], values.indices.map { values[$0] }))
      }
    }

    func deliver(to record: inout TraceRecord, suffix: String) {
      for (name, shape, values) in found { record.add(name + suffix, shape, values) }
    }
  }
}
