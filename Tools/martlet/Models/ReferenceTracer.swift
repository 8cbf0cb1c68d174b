import MartletModel
import MartletReference

/// Traces a checkpoint on the float reference.
struct ReferenceTracer: Tracer {
  private let model: ReferenceModel
  var description: ModelDescription { model.description }

  init(_ source: LoadedSource, form: Trace.Form, threads: Int) throws {
    let options = ReferenceOptions(threads: threads)
    switch form {
    case .source:
      model = try ReferenceModel(
        description: source.source.description, parameters: source.source.parameters,
        options: options)
    case .folded:
      model = try ReferenceModel(
        description: source.folded.description, parameters: source.folded.parameters,
        options: options)
    }
  }

  func encode(_ pixels: Pixels, record: inout TraceRecord, suffix: String) throws -> TracedImage {
    let taps = Taps(record)
    let encoded = try model.encoded(pixels, tap: taps.tap)
    let tokens =
      description.network(.projector) == nil ? encoded : try model.projected(encoded, tap: taps.tap)
    taps.deliver(to: &record, suffix: suffix)
    return TracedImage(
      encoderOutput: encoded.data, encoderShape: [encoded.rows, encoded.channels],
      imageTokens: tokens.data, tokenShape: [tokens.rows, tokens.channels])
  }

  func generate(
    _ ids: [Int], images: [TracedImage], count: Int, record: inout TraceRecord
  ) throws -> ([Float], [Int]) {
    let taps = Taps(record)
    let cache = KeyValueCache()
    let tensors = images.map {
      ReferenceTensor(rows: $0.tokenShape[0], channels: $0.tokenShape[1], data: $0.imageTokens)
    }
    let logits = try model.prefilled(ids: ids, images: tensors, cache: cache, tap: taps.tap)
    taps.deliver(to: &record, suffix: "")
    return (logits, try model.greedyContinuation(of: logits, count: count, cache: cache))
  }

  /// Collects tapped values while a network runs.
  private final class Taps {
    private let record: TraceRecord
    private var found: [(name: String, tensor: ReferenceTensor)] = []

    init(_ record: TraceRecord) { self.record = record }

    var tap: ReferenceTap? {
      if !record.tapsAnything { return nil }
      return ReferenceTap(
        wants: { self.record.wants($0) }, receive: { self.found.append(($0, $1)) })
    }

    func deliver(to record: inout TraceRecord, suffix: String) {
      for (name, tensor) in found {
        record.add(name + suffix, tensor.shape, tensor.data)
      }
    }
  }
}

extension ReferenceTensor {
  /// `[height, width, channels]` of a map, `[rows, channels]` of rows.
  fileprivate var shape: [Int] { width > 1 ? [height, width, channels] : [rows, channels] }
}
