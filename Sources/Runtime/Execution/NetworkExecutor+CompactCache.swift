import CMartletKernels
import MartletBytes
import MartletModel

/// The compact cache as one attention layer sees it.
@unsafe
struct CompactCache {
  let cache: KeyValueCache
  let layer: Int
  let layout: HeadLayout
  /// What was added to the keys of all heads, `[keyValueHeads · headSize]`; left out of what 8 bits hold.
  let keyBias: UnsafePointer<Float>?
  let isRotated: Bool

  /// `nil` for a cache that is read as it lies.
  init?(_ cache: KeyValueCache?, _ region: AttentionRegion, _ keyBias: UnsafePointer<Float>?) {
    guard let cache, cache.precision != .float32 else { return nil }
    unsafe self.cache = cache
    unsafe layer = region.ordinal
    unsafe layout = region.attention.layout
    unsafe self.keyBias = keyBias
    unsafe isRotated = region.rotation != nil
  }

  /// Keys in 8 bits wait unrotated: the rotation would mix the bias, or what is left without it, over positions.
  var rotatesWhenRead: Bool { unsafe isRotated && cache.precision == .int8 }

  func bias(head: Int) -> UnsafePointer<Float>? {
    unsafe keyBias.map { unsafe $0 + head * layout.headSize }
  }
}

/// The chunks of positions 0 ..< count.
struct AttentionChunks: Sequence, IteratorProtocol {
  private let count: Int
  private var start = 0

  init(_ count: Int) { self.count = count }

  mutating func next() -> Range<Int>? {
    if start >= count { return nil }
    defer { start += AttentionMemory.chunk }
    return start..<Swift.min(count, start + AttentionMemory.chunk)
  }
}

/// Writing to a compact cache, and making floats of it again.
extension NetworkExecutor {
  /// Stores keys and values of `count` rows behind `past` positions.
  func append(_ input: Rows, _ count: Int, _ cache: CompactCache, _ past: Int) {
    let heads = unsafe cache.layout.keyValueHeads
    if count == 1 {
      for head in 0..<heads { unsafe append(head, input, count, cache, past) }
    } else {
      pool.parallelFor(heads) { head, _ in unsafe append(head, input, count, cache, past) }
    }
  }

  private func append(
    _ head: Int, _ input: Rows, _ count: Int, _ cache: CompactCache, _ past: Int
  ) {
    let layout = unsafe cache.layout
    let first = unsafe input.base + layout.heads * layout.headSize
    for part in 0..<2 {
      let column = (part * layout.keyValueHeads + head) * layout.headSize
      unsafe store(
        Rows(base: first + column, stride: input.stride), count, layout.headSize,
        bias: part == 0 ? cache.bias(head: head) : nil, cache.cache.precision,
        to: cache.cache.rows(layer: cache.layer, part: part, head: head), at: past)
    }
  }

  private func store(
    _ rows: Rows, _ count: Int, _ width: Int, bias: UnsafePointer<Float>?,
    _ precision: CachePrecision, to target: CompactRows, at position: Int
  ) {
    switch precision {
    case .float32: preconditionFailure("a cache in float32 is written by `pack_keys`")
    case .float16:
      var params = unsafe martlet_f32_to_f16_params(
        m: count, width: width, source: rows.base, source_stride: rows.stride,
        destination: target.codes.assumingMemoryBound(to: UInt16.self) + position * width,
        destination_stride: width)
      unsafe kernels.pointee.f32_to_f16(&params)
    case .int8:
      var params = unsafe martlet_quantize_rows_s8_params(
        m: count, k: width, source: rows.base, source_stride: rows.stride, subtrahend: bias,
        destination: target.codes.assumingMemoryBound(to: Int8.self) + position * width,
        destination_stride: width, row_scales: target.scales + position)
      unsafe kernels.pointee.quantize_rows_s8(&params)
    }
  }

  /// The keys of some positions as panels in `scratch`, biased and rotated.
  func widenKeys(
    _ cache: CompactCache, _ head: Int, _ chunk: Range<Int>, _ scratch: AttentionScratch
  ) {
    let width = unsafe cache.layout.headSize
    unsafe widen(
      cache.cache.rows(layer: cache.layer, part: 0, head: head), chunk, width,
      bias: cache.bias(head: head), cache.cache.precision, to: scratch.rows)
    if unsafe cache.rotatesWhenRead, let attention {
      var rotation = unsafe martlet_rotate_params(
        m: chunk.count, heads: 1, head_size: width, values: scratch.rows, stride: width,
        cosines: attention.cosines(row: chunk.lowerBound),
        sines: attention.sines(row: chunk.lowerBound), table_stride: attention.tableStride)
      unsafe kernels.pointee.rotate(&rotation)
    }
    var params = unsafe martlet_pack_keys_params(
      m: chunk.count, d: width, first: 0, source: scratch.rows, source_stride: width,
      panels: scratch.panels)
    unsafe kernels.pointee.pack_keys(&params)
  }

  /// The values of some positions as panels in `scratch`.
  func widenValues(
    _ cache: CompactCache, _ head: Int, _ chunk: Range<Int>, _ scratch: AttentionScratch
  ) {
    let width = unsafe cache.layout.headSize
    unsafe widen(
      cache.cache.rows(layer: cache.layer, part: 1, head: head), chunk, width, bias: nil,
      cache.cache.precision, to: scratch.rows)
    var params = unsafe martlet_pack_values_params(
      m: chunk.count, d: width, first: 0, source: scratch.rows, source_stride: width,
      panels: scratch.panels, panel_stride: WeightEncoding.panel * AttentionMemory.chunk)
    unsafe kernels.pointee.pack_values(&params)
  }

  private func widen(
    _ rows: CompactRows, _ chunk: Range<Int>, _ width: Int, bias: UnsafePointer<Float>?,
    _ precision: CachePrecision, to target: UnsafeMutablePointer<Float>
  ) {
    let first = chunk.lowerBound
    switch precision {
    case .float32: preconditionFailure("a cache in float32 is read as it lies")
    case .float16:
      var params = unsafe martlet_f16_to_f32_params(
        m: chunk.count, width: width,
        source: rows.codes.assumingMemoryBound(to: UInt16.self) + first * width,
        source_stride: width, destination: target, destination_stride: width)
      unsafe kernels.pointee.f16_to_f32(&params)
    case .int8:
      var params = unsafe martlet_dequantize_rows_s8_params(
        m: chunk.count, k: width,
        source: rows.codes.assumingMemoryBound(to: Int8.self) + first * width,
        source_stride: width, row_scales: rows.scales + first, addend: bias,
        destination: target, destination_stride: width)
      unsafe kernels.pointee.dequantize_rows_s8(&params)
    }
  }
}
