import MartletModel
import MartletReference
import MartletRuntime

/// Where the error comes from: every layer once on what it really receives, once on the reference's own inputs.
///
/// Holds all values of one network for one picture: for the encoder at 1024² about 1.5 GB.
struct LayerComparison {
  private var reference: [String: [Float]] = [:]

  /// A tap that keeps every value of the reference.
  mutating func record(
    _ run: (ReferenceTap) throws(ReferenceError) -> Void
  ) throws(ReferenceError) {
    var values: [String: [Float]] = [:]
    let tap = ReferenceTap(
      wants: { _ in true }, receive: { name, tensor in values[name] = tensor.data })
    try run(tap)
    reference = values
  }

  /// The errors of every layer of a network that was run layer by layer.
  ///
  /// - Parameter run: runs the packed network with this tap and this injection.
  func errors(
    of network: Network,
    run: (_ tap: @escaping NetworkExecutor.Tap, _ inject: NetworkExecutor.Injection?)
      throws(RuntimeError) -> Void
  ) throws(RuntimeError) -> [Verification.LayerError] {
    var inherited: [String: Similarity] = [:]
    var introduced: [String: Similarity] = [:]
    let reference = reference
    func tap(_ store: @escaping (String, Similarity) -> Void) -> NetworkExecutor.Tap {
      { region, _, values in
        guard let name = region.layers.last, let expected = reference[name],
          expected.count == values.count
        else { return }
        let found = values.indices.map { values[$0] }
        store(name, Similarity(reference: expected, found: found))
      }
    }
    try run(tap { inherited[$0] = $1 }, nil)
    try run(tap { introduced[$0] = $1 }, { reference[$0] })
    return network.layers.compactMap { layer in
      guard let whole = inherited[layer.name], let own = introduced[layer.name] else { return nil }
      return Verification.LayerError(
        name: layer.name, signalToNoise: whole.signalToNoise, introduced: own.signalToNoise,
        cosine: whole.cosine)
    }
  }
}
