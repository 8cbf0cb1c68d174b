import CMartletPlatform
import MartletModel

/// What attention works on besides its rows: packed keys and values, scores, rotation tables.
@safe
final class AttentionMemory {
  /// Query rows of a tile: enough to reuse every key, few enough that the scores stay near the core.
  static let queryTile = 48

  let cache: KeyValueCache?
  /// Keys and values of the full-attention layer that is running.
  private let current: AlignedMemory
  private let scores: AlignedMemory
  private let scoreBytes: Int
  private let rotation: Rotation?
  private let tables: AlignedMemory
  private let tableRows: Int
  private let frequencies: [Float]

  /// - Throws: `contextLength` if causal attention has no cache to write to, `outOfMemory`.
  init(
    network: Network, schedule: Schedule, threads: Int, cache: KeyValueCache?
  ) throws(RuntimeError) {
    var rotation: Rotation?
    var (context, rows, floats) = (0, 0, 0)
    for region in schedule.regions {
      guard case .attention(let attention) = region.kind else { continue }
      let count = schedule.extents.rows[attention.input.index]
      rows = max(rows, count)
      rotation = attention.rotation ?? rotation
      switch attention.attention.mask {
      case .causal:
        guard let cache else { throw .contextLength(limit: 0, needed: count) }
        context = max(context, cache.capacity)
      case .none:
        let capacity = WeightEncoding.wholePanels(count)
        context = max(context, capacity)
        guard let need = attention.attention.layout.keyValueFloats(capacity: capacity)
        else { throw .outOfMemory(bytes: .max) }
        floats = max(floats, need)
      }
    }
    self.cache = cache
    self.rotation = rotation
    current = try AlignedMemory(byteCount: 4 * floats)
    scoreBytes = ArenaLayout.aligned(4 * Self.queryTile * context)
    scores = try AlignedMemory(byteCount: threads * scoreBytes)
    tableRows = rotation == nil ? 0 : rows
    tables = try AlignedMemory(byteCount: 4 * tableRows * (rotation?.layout.headSize ?? 0))
    frequencies = rotation.map(Self.frequencies) ?? []
  }

  /// Without the cache, which belongs to the session.
  var byteCount: Int { current.byteCount + scores.byteCount + tables.byteCount }

  /// Where the keys and values of a region are.
  func panels(of region: AttentionRegion, rows: Int) -> KeyValuePanels {
    if region.attention.mask == .causal, let cache {
      return unsafe cache.panels(layer: region.ordinal)
    }
    return unsafe KeyValuePanels(
      base: current.floats(at: 0), layout: region.attention.layout,
      capacity: WeightEncoding.wholePanels(rows))
  }

  func scores(ofThread thread: Int) -> UnsafeMutablePointer<Float> {
    unsafe scores.floats(at: thread * scoreBytes)
  }

  // MARK: Rotation

  var cosines: UnsafeMutablePointer<Float> { unsafe tables.floats(at: 0) }
  var sines: UnsafeMutablePointer<Float> {
    unsafe tables.floats(at: 0) + tableRows * frequencies.count
  }
  var tableStride: Int { frequencies.count }

  /// Fills the tables for positions `past ..< past + rows`; all layers of a run share them.
  ///
  /// As transformers computes them: the frequency and its product with the position are rounded to f32, then
  /// cosine and sine are taken.
  func fillTables(past: Int, rows: Int) {
    guard rotation != nil else { return }
    for row in 0..<rows {
      for (index, frequency) in frequencies.enumerated() {
        let angle = Double(Float(past + row) * frequency)
        // SAFETY: the tables hold `tableRows` rows, at least `rows`.
        unsafe cosines[row * tableStride + index] = Float(martlet_cosine(angle))
        unsafe sines[row * tableStride + index] = Float(martlet_sine(angle))
      }
    }
  }

  /// `theta^(−2i / headSize)` for `i` in `0 ..< headSize / 2`.
  private static func frequencies(_ rotation: Rotation) -> [Float] {
    let half = rotation.layout.headSize / 2
    return (0..<half).map { index in
      let exponent = Double(2 * index) / Double(rotation.layout.headSize)
      return Float(1 / martlet_power(Double(rotation.theta), exponent))
    }
  }
}
