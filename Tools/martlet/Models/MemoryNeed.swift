import MartletModel
import MartletPack
import MartletQuantization
import MartletReference
import MartletRuntime

/// What a command needs at the least, so that a bound on memory is a promise: kept, or refused before the work.
enum MemoryNeed {
  /// Folding an encoder in f64, the tokenizer, a batch of frames and the program itself.
  static let fixed = 600 << 20
  /// Bytes that converting takes besides calibration's samples: the largest encoded parameter with its packed copy and the rows
  /// read at a time, or what a rule of rounding needs for a matrix.
  static func conversion(of model: QuantizedModel, rounding: RoundingRule) -> Int {
    var largest = Quantizer.roundingBytes(of: model, rule: rounding)
    for parameter in model.description.networks.flatMap(\.parameters) {
      guard let encoding = model.plan.weights[parameter.name] else { continue }
      let components = encoding.components(shape: parameter.shape) ?? []
      let encoded = components.reduce(0) { $0 + $1.byteCount }
      // Floats are encoded whole, from a whole copy; codes some rows at a time.
      let read =
        switch encoding {
        case .int8Panels, .int4Panels: min(parameter.count, 1 << 25) * 8
        case .float32, .float32Taps, .float32Patches, .float32Panels: parameter.count * 8
        }
      largest = max(largest, 2 * encoded + read)
    }
    return fixed + largest
  }

  /// The program, its tokenizer, a decoded picture and what statistics but samples of rows take.
  private static let program = 256 << 20
  /// Samples of fewer bytes would hold too few rows to round by.
  static let fewestRowBytes = 64 << 20

  /// Bytes that calibrating takes besides weights that are kept and samples of rows: the values that are alive at once, and
  /// the largest parameter that is read whole while it is folded in double precision.
  static func calibration(of model: FoldedModel) throws -> Int {
    var scheme = Scheme.preset(.float32)
    scheme.splitsDiagonals = false
    let plain = try Quantizer.quantized(model, scheme: scheme, statistics: nil)
    let parameters = model.description.networks.flatMap(\.parameters)
    let largest = parameters.map { min($0.count, WeightCache.standardPartElements) }.max() ?? 0
    return try program + 24 * largest + values(of: plain, threads: 1)
  }

  /// Bytes that proving takes besides the reference's weights that are kept: the weights of the pack, the values that are
  /// alive at once when layers run one by one, and the largest part of a parameter as floats beside its bytes in the mapped
  /// checkpoint.
  ///
  /// Reference and pack run one after the other and keep no value longer than a layer needs it, so that the layout of the
  /// pack's values stands for both.
  static func proof(of model: QuantizedModel, threads: Int) throws(RuntimeError) -> Int {
    var encoded = 0
    var largest = 0
    for parameter in model.description.networks.flatMap(\.parameters) {
      largest = max(largest, min(parameter.count, WeightCache.standardPartElements) * 4)
      guard let encoding = model.plan.weights[parameter.name] else { continue }
      encoded += (encoding.components(shape: parameter.shape) ?? []).reduce(0) { $0 + $1.byteCount }
    }
    return try fixed + encoded + 2 * largest + values(of: model, threads: threads)
  }

  /// Bytes of the values that are alive at once when layers run one by one.
  private static func values(
    of model: QuantizedModel, threads: Int
  ) throws(RuntimeError) -> Int {
    var values = 0
    for network in model.description.networks {
      let extent: Extent =
        switch network.role {
        case .vision: .picture(side: model.description.image.resolution)
        case .projector, .language: .rows(Proof.Golden.mostPositions)
        }
      let schedule = try Schedule(
        network: network, plan: model.plan, extent: extent,
        machine: RunOptions(threads: threads).machine, fuse: false)
      values = max(values, schedule.arena.byteCount)
    }
    return values
  }

  /// - Throws: where the bound is lower than what is needed.
  static func check(_ maximum: ByteSize?, _ need: Int, for work: String) throws {
    guard let maximum, maximum.bytes < need else { return }
    throw CommandError(
      .usage, "--max-memory is too little for \(work) this model",
      [
        "expected: at least \((need + (1 << 20) - 1) >> 20)M",
        "found: \(maximum.bytes >> 20)M",
      ])
  }
}
