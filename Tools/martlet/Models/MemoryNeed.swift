import MartletModel
import MartletPack
import MartletRuntime

/// What a command needs at the least, so that a bound on memory is a promise: kept, or refused before the work.
enum MemoryNeed {
  /// Folding an encoder in f64, the tokenizer, a batch of frames and the program itself.
  static let fixed = 600 << 20
  /// Activations of an encoder at 1024² beside the weights of one layer.
  static let activations = 3 << 29

  /// Bytes that converting takes: the largest encoded parameter with its packed copy, and the rows read at a time.
  static func conversion(of model: QuantizedModel) -> Int {
    var largest = 0
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

  /// Bytes that calibrating takes: activations, and the float weights of the largest layer.
  static func calibration(of model: FoldedModel) -> Int {
    let parameters = model.description.networks.flatMap(\.parameters)
    return activations + (parameters.map(\.count).max() ?? 0) * 4
  }

  /// Bytes that proving takes besides the reference's weights that are kept: the weights of the pack, the values that are
  /// alive at once when layers run one by one, and the largest parameter as floats beside its bytes in the mapped checkpoint.
  ///
  /// Reference and pack run one after the other and keep no value longer than a layer needs it, so that the layout of the
  /// pack's values stands for both.
  static func proof(of model: QuantizedModel, threads: Int) throws(RuntimeError) -> Int {
    var encoded = 0
    var largest = 0
    for parameter in model.description.networks.flatMap(\.parameters) {
      largest = max(largest, parameter.count * 4)
      guard let encoding = model.plan.weights[parameter.name] else { continue }
      encoded += (encoding.components(shape: parameter.shape) ?? []).reduce(0) { $0 + $1.byteCount }
    }
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
    return fixed + encoded + 2 * largest + values
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
