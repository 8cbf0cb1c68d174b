import CMartletKernels
import MartletBytes
import MartletModel

/// Attention in tiles of query rows: scores, softmax, weighted values; never the whole score matrix.
extension NetworkExecutor {
  func runAttention(
    _ region: AttentionRegion, keyBias: UnsafePointer<Float>?, _ output: ValueID, _ request: Request
  ) {
    guard let attention else { return }
    let count = rowCount(of: region.input, request)
    let layout = region.attention.layout
    let input = unsafe rows(of: region.input)
    let isCausal = region.attention.mask == .causal
    let past = isCausal ? request.past : 0
    let compact = unsafe isCausal ? CompactCache(attention.cache, region, keyBias) : nil
    if region.rotation != nil {
      if region.ordinal == 0 { attention.fillTables(past: request.past, rows: count) }
      let keyHeads = unsafe compact?.rotatesWhenRead == true ? 0 : layout.keyValueHeads
      unsafe rotate(input, count, layout.heads + keyHeads, layout.headSize, attention)
    }
    let keys: AttentionKeys
    if let compact = unsafe compact {
      unsafe append(input, count, compact, past)
      unsafe keys = .compact(compact)
    } else {
      let panels = unsafe attention.panels(of: region, rows: count)
      unsafe appendKeysAndValues(input, count, panels, past)
      unsafe keys = .panels(panels)
    }
    let run = unsafe AttentionRun(
      attention: region.attention, input: input, output: rows(of: output), count: count,
      past: past, keys: keys)
    if count == 1 {
      pool.parallelFor(layout.keyValueHeads) { head, worker in
        unsafe attendOneRow(run, head, attention.scratch(ofThread: worker))
      }
      return
    }
    let tiles = (count + AttentionMemory.queryTile - 1) / AttentionMemory.queryTile
    pool.parallelFor(tiles * layout.heads) { index, worker in
      // Tiles of one head follow each other, so that its keys stay in cache.
      unsafe attend(
        run, head: index / tiles, tile: index % tiles, attention.scratch(ofThread: worker))
    }
  }

  private func rotate(
    _ input: Rows, _ count: Int, _ heads: Int, _ headSize: Int, _ attention: AttentionMemory
  ) {
    inChunks(count) { range, _ in
      var params = unsafe martlet_rotate_params(
        m: range.count, heads: heads, head_size: headSize,
        values: input.from(range.lowerBound).base, stride: input.stride,
        cosines: attention.cosines + range.lowerBound * attention.tableStride,
        sines: attention.sines + range.lowerBound * attention.tableStride,
        table_stride: attention.tableStride)
      unsafe kernels.pointee.rotate(&params)
    }
  }

  private func appendKeysAndValues(
    _ input: Rows, _ count: Int, _ panels: KeyValuePanels, _ past: Int
  ) {
    let heads = unsafe panels.layout.keyValueHeads
    if count == 1 {
      for head in 0..<heads { unsafe append(head, input, count, panels, past) }
    } else {
      pool.parallelFor(heads) { head, _ in unsafe append(head, input, count, panels, past) }
    }
  }

  private func append(
    _ head: Int, _ input: Rows, _ count: Int, _ panels: KeyValuePanels, _ past: Int
  ) {
    let layout = unsafe panels.layout
    let key = unsafe input.base + (layout.heads + head) * layout.headSize
    var keys = unsafe martlet_pack_keys_params(
      m: count, d: layout.headSize, first: past, source: key, source_stride: input.stride,
      panels: panels.keys(head: head))
    unsafe kernels.pointee.pack_keys(&keys)
    var values = unsafe martlet_pack_values_params(
      m: count, d: layout.headSize, first: past,
      source: key + layout.keyValueHeads * layout.headSize, source_stride: input.stride,
      panels: panels.values(head: head), panel_stride: WeightEncoding.panel * panels.capacity)
    unsafe kernels.pointee.pack_values(&values)
  }

  /// One head, one tile of query rows.
  private func attend(
    _ run: AttentionRun, head: Int, tile: Int, _ scratch: AttentionScratch
  ) {
    let layout = unsafe run.attention.layout
    let first = tile * AttentionMemory.queryTile
    let count = unsafe min(AttentionMemory.queryTile, run.count - first)
    let isCausal = unsafe run.attention.mask == .causal
    let context = unsafe isCausal ? run.past + first + count : run.count
    let span = unsafe AttentionSpan(
      m: count, keyHead: head / (layout.heads / layout.keyValueHeads), context: context,
      firstLength: isCausal ? run.past + first + 1 : context, increment: isCausal ? 1 : 0,
      queries: Rows(
        base: run.input.from(first).base + head * layout.headSize, stride: run.input.stride),
      output: Rows(
        base: run.output.from(first).base + head * layout.headSize, stride: run.output.stride))
    unsafe attend(run, span, scratch)
  }

  /// One position: the query heads that share a key head are the rows.
  private func attendOneRow(
    _ run: AttentionRun, _ keyHead: Int, _ scratch: AttentionScratch
  ) {
    let layout = unsafe run.attention.layout
    let group = layout.heads / layout.keyValueHeads
    var done = 0
    while done < group {
      let count = min(AttentionMemory.queryTile, group - done)
      let offset = (keyHead * group + done) * layout.headSize
      let span = unsafe AttentionSpan(
        m: count, keyHead: keyHead, context: run.past + 1, firstLength: run.past + 1,
        increment: 0, queries: Rows(base: run.input.base + offset, stride: layout.headSize),
        output: Rows(base: run.output.base + offset, stride: layout.headSize))
      unsafe attend(run, span, scratch)
      done += count
    }
  }

  private func attend(
    _ run: AttentionRun, _ span: AttentionSpan, _ scratch: AttentionScratch
  ) {
    let stride = unsafe WeightEncoding.wholePanels(span.context)
    unsafe scorePairs(run, span, scratch, stride)
    var softmax = unsafe martlet_softmax_rows_params(
      m: span.m, width: span.context, first_length: span.firstLength,
      length_increment: span.increment, scale: run.attention.scale, values: scratch.scores,
      stride: stride)
    unsafe kernels.pointee.softmax_rows(&softmax)
    unsafe weighValues(run, span, scratch, stride)
  }

  /// The products of all queries with all keys.
  private func scorePairs(
    _ run: AttentionRun, _ span: AttentionSpan, _ scratch: AttentionScratch, _ stride: Int
  ) {
    let headSize = unsafe run.attention.layout.headSize
    var product = unsafe martlet_gemm_f32_params(
      m: span.m, n: span.context, k: headSize, rows: span.queries.base,
      row_stride: span.queries.stride, panels: scratch.panels,
      panel_stride: WeightEncoding.panel * headSize, epilogue: .plain,
      destination: scratch.scores, destination_stride: stride)
    switch unsafe run.keys {
    case .panels(let panels):
      unsafe product.panels = unsafe UnsafePointer(panels.keys(head: span.keyHead))
      unsafe kernels.pointee.gemm_f32(&product)
    case .compact(let cache):
      for chunk in unsafe AttentionChunks(span.context) {
        unsafe widenKeys(cache, span.keyHead, chunk, scratch)
        unsafe product.n = chunk.count
        unsafe product.destination = unsafe scratch.scores + chunk.lowerBound
        unsafe kernels.pointee.gemm_f32(&product)
      }
    }
  }

  /// The sums of all values, weighted by what the scores became; of a compact cache chunk by chunk, always from 0 on, so that
  /// the order of the sum depends on positions alone.
  private func weighValues(
    _ run: AttentionRun, _ span: AttentionSpan, _ scratch: AttentionScratch, _ stride: Int
  ) {
    let panel = WeightEncoding.panel
    var product = unsafe martlet_gemm_f32_params(
      m: span.m, n: run.attention.layout.headSize, k: span.context, rows: scratch.scores,
      row_stride: stride, panels: scratch.panels,
      panel_stride: panel * AttentionMemory.chunk, epilogue: .plain,
      destination: span.output.base, destination_stride: span.output.stride)
    switch unsafe run.keys {
    case .panels(let panels):
      unsafe product.panels = unsafe UnsafePointer(panels.values(head: span.keyHead))
      unsafe product.panel_stride = unsafe panel * panels.capacity
      unsafe kernels.pointee.gemm_f32(&product)
    case .compact(let cache):
      for chunk in unsafe AttentionChunks(span.context) {
        unsafe widenValues(cache, span.keyHead, chunk, scratch)
        unsafe product.k = chunk.count
        unsafe product.rows = unsafe UnsafePointer(scratch.scores + chunk.lowerBound)
        if chunk.lowerBound > 0 {
          unsafe product.epilogue.residual = unsafe UnsafePointer(span.output.base)
          unsafe product.epilogue.residual_stride = unsafe span.output.stride
        }
        unsafe kernels.pointee.gemm_f32(&product)
      }
    }
  }
}

extension martlet_epilogue {
  static var plain: martlet_epilogue {
    unsafe martlet_epilogue(
      bias: nil, activation: MARTLET_ACTIVATION_NONE, residual: nil, residual_stride: 0)
  }
}

/// Where the keys and values of a run are.
@unsafe
private enum AttentionKeys {
  case panels(KeyValuePanels)
  case compact(CompactCache)
}

/// One attention layer in one run.
@unsafe
private struct AttentionRun {
  var attention: Attention
  var input: Rows
  var output: Rows
  var count: Int
  var past: Int
  var keys: AttentionKeys
}

/// Query rows of one key head that see the same keys, but for the causal step.
@unsafe
private struct AttentionSpan {
  var m: Int
  var keyHead: Int
  /// Keys that the last row sees.
  var context: Int
  var firstLength: Int
  var increment: Int
  var queries: Rows
  var output: Rows
}
