import MartletBytes
import MartletModel
import MartletPack
import MartletReference
import MartletRuntime

/// A picture as one vector of length 1.
struct PictureEmbedding {
  var values: [Float]
  /// Milliseconds.
  var preprocess = 0.0
  var encode = 0.0

  /// The mean of rows `[rows, channels]`, brought to length 1; a mean of zeros stays so.
  init(meanOf rows: [Float], channels: Int) {
    var sums = [Double](repeating: 0, count: channels)
    for (index, value) in rows.enumerated() { sums[index % channels] += Double(value) }
    let length = sums.reduce(0) { $0 + $1 * $1 }.squareRoot()
    values = sums.map { Float(length > 0 ? $0 / length : 0) }
  }
}

/// Whatever turns pictures into embeddings: the packed runtime or the float reference.
protocol Embedder {
  var description: ModelDescription { get }
  func embedding(of path: String) throws -> PictureEmbedding
}

struct ReferenceEmbedder: Embedder {
  let model: ReferenceModel
  var description: ModelDescription { model.description }

  init(_ source: LoadedSource, threads: Int) throws {
    model = try ReferenceModel(
      description: source.folded.description, parameters: source.folded.parameters,
      options: ReferenceOptions(threads: threads))
  }

  func embedding(of path: String) throws -> PictureEmbedding {
    let start = MonotonicClock.nanoseconds
    let pixels = try preparedPicture(path, for: description.image)
    let prepared = MonotonicClock.nanoseconds
    var rows = try model.encoded(pixels)
    if description.network(.projector) != nil { rows = try model.projected(rows) }
    var embedding = PictureEmbedding(meanOf: rows.data, channels: rows.channels)
    embedding.preprocess = Double(prepared - start) / 1e6
    embedding.encode = MonotonicClock.milliseconds(since: prepared)
    return embedding
  }
}

struct PackEmbedder: Embedder {
  let description: ModelDescription
  private let session: VisionSession

  init(_ pack: Pack, isa: String?, threads: Int) throws {
    let pool = try ThreadPool(threads: threads)
    let model = try naming(pack: pack.path) { try LoadedModel(pack, pool: pool) }
    description = model.description
    session = try VisionSession(
      model: model,
      options: RunOptions(
        instructionSet: try isa.map { try InstructionSet(named: $0) } ?? .best, threads: threads),
      pool: pool)
  }

  func embedding(of path: String) throws -> PictureEmbedding {
    let start = MonotonicClock.nanoseconds
    let pixels = try preparedPicture(path, for: description.image)
    let preprocess = MonotonicClock.milliseconds(since: start)
    let encoding = try session.encode(pixels)
    var embedding = PictureEmbedding(meanOf: encoding.imageTokens, channels: session.channels)
    embedding.preprocess = preprocess
    embedding.encode = encoding.encodeMilliseconds + encoding.projectMilliseconds
    return embedding
  }
}
