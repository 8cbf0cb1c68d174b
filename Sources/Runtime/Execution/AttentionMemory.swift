import CMartletPlatform
import MartletModel

/// What attention works on besides its rows: packed keys and values, scores, rotation tables.
@safe
final class AttentionMemory {
  /// Query rows of a tile: enough to reuse every key, few enough that the scores stay near the core.
  static let queryTile = 48

  /// Positions of a compact cache that are widened at a time: their keys stay near the core while the queries pass.
  static let chunk = 128

  let cache: KeyValueCache?
  /// Keys and values of the full-attention layer that is running.
  private let current: AlignedMemory
  private let scores: AlignedMemory
  private let scoreBytes: Int
  /// Per thread: a chunk of a compact cache as rows, then as panels.
  private let widened: AlignedMemory
  private let widenedFloats: Int
  private let rotation: Rotation?
  private let tables: AlignedMemory
  private let tableRows: Int
  private let frequencies: [Float]
  /// Whether the tables hold every position from 0 on, as keys that are rotated when they are read need.
  private let holdsAllPositions: Bool
  private var positionsFilled = 0
  private var firstRow = 0

  /// - Throws: `contextLength` if causal attention has no cache to write to, `outOfMemory`.
  init(
    network: Network, schedule: Schedule, threads: Int, cache: KeyValueCache?
  ) throws(RuntimeError) {
    var rotation: Rotation?
    var (context, rows, floats, widest) = (0, 0, 0, 0)
    for region in schedule.regions {
      guard case .attention(let attention) = region.kind else { continue }
      let count = schedule.extents.rows[attention.input.index]
      rows = max(rows, count)
      rotation = attention.rotation ?? rotation
      switch attention.attention.mask {
      case .causal:
        guard let cache else { throw .contextLength(limit: 0, needed: count) }
        context = max(context, cache.capacity)
        widest = max(widest, attention.attention.layout.paddedHeadSize)
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
    let isCompact = cache.map { $0.precision != .float32 } ?? false
    widenedFloats = isCompact ? Self.chunk * widest : 0
    widened = try AlignedMemory(byteCount: threads * 2 * 4 * widenedFloats)
    holdsAllPositions = cache?.precision == .int8
    tableRows = rotation == nil ? 0 : holdsAllPositions ? context : rows
    tables = try AlignedMemory(byteCount: 4 * tableRows * (rotation?.layout.headSize ?? 0))
    frequencies = rotation.map(Self.frequencies) ?? []
  }

  /// Without the cache, which belongs to the session.
  var byteCount: Int {
    current.byteCount + scores.byteCount + widened.byteCount + tables.byteCount
  }

  /// Where the keys and values of a region are.
  func panels(of region: AttentionRegion, rows: Int) -> KeyValuePanels {
    if region.attention.mask == .causal, let cache {
      return unsafe cache.panels(layer: region.ordinal)
    }
    return unsafe KeyValuePanels(
      base: current.floats(at: 0), layout: region.attention.layout,
      capacity: WeightEncoding.wholePanels(rows))
  }

  func scratch(ofThread thread: Int) -> AttentionScratch {
    let rows = unsafe widened.floats(at: thread * 2 * 4 * widenedFloats)
    return unsafe AttentionScratch(
      scores: scores.floats(at: thread * scoreBytes), rows: rows, panels: rows + widenedFloats)
  }

  // MARK: Rotation

  /// From the first row of the run on.
  var cosines: UnsafeMutablePointer<Float> { unsafe cosines(row: firstRow) }
  var sines: UnsafeMutablePointer<Float> { unsafe sines(row: firstRow) }

  /// Of a row of the tables, which is a position where they hold all.
  func cosines(row: Int) -> UnsafeMutablePointer<Float> {
    unsafe tables.floats(at: 0) + row * frequencies.count
  }
  func sines(row: Int) -> UnsafeMutablePointer<Float> {
    unsafe cosines(row: tableRows) + row * frequencies.count
  }
  var tableStride: Int { frequencies.count }

  /// Fills the tables for positions `past ..< past + rows`; all layers of a run share them.
  ///
  /// As transformers computes them: the frequency and its product with the position are rounded to f32, then
  /// cosine and sine are taken.
  func fillTables(past: Int, rows: Int) {
    guard rotation != nil else { return }
    if holdsAllPositions {
      // A position's row never changes, so those of turns before are there already.
      for position in min(positionsFilled, past + rows)..<(past + rows) {
        fill(row: position, position: position)
      }
      positionsFilled = max(positionsFilled, past + rows)
      firstRow = past
    } else {
      for row in 0..<rows { fill(row: row, position: past + row) }
    }
  }

  private func fill(row: Int, position: Int) {
    precondition(row < tableRows)
    for (index, frequency) in frequencies.enumerated() {
      let angle = Double(Float(position) * frequency)
      // SAFETY: the row is inside the tables by the check above.
      unsafe cosines(row: row)[index] = Float(martlet_cosine(angle))
      unsafe sines(row: row)[index] = Float(martlet_sine(angle))
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

/// What one thread works on besides the rows.
@unsafe
struct AttentionScratch {
  /// `[queryTile, context]`
  var scores: UnsafeMutablePointer<Float>
  /// A chunk of a compact cache: `[chunk, headSize]`, and as panels.
  var rows: UnsafeMutablePointer<Float>
  var panels: UnsafeMutablePointer<Float>
}
