import CMartletKernels

/// [m, n, k]: tiles of the encoder's stages, whole late stages, and single rows of the language model.
private let shapes: [(Int, Int, Int)] = [
  (48, 384, 96), (48, 96, 384), (48, 768, 192), (48, 192, 768), (48, 1536, 384), (48, 384, 1536),
  (48, 3072, 768), (48, 768, 3072), (96, 896, 896), (96, 9728, 896), (96, 896, 4864),
  (256, 96, 3072),
  (16, 384, 384), (4, 896, 896), (1, 896, 896), (1, 9728, 896), (1, 896, 4864),
]

let products: [Entry] = shapes.flatMap { (m: Int, n: Int, k: Int) -> [Entry] in
  let shape = "\(m) × \(n) × \(k)"
  let work = m * n * k
  return [
    Entry(name: "gemm_u8s8", shape: shape, work: work, bytes: n * k, limit: .int8) {
      product8(m, n, k, $0)
    },
    Entry(name: "gemm_u8s8, short sums", shape: shape, work: work, bytes: n * k, limit: .int8) {
      product8(m, n, k, largest: 15, $0)
    },
    Entry(name: "gemm_u8s4", shape: shape, work: work, bytes: n * k * 9 / 16, limit: .int8) {
      product4(m, n, k, $0)
    },
    Entry(name: "gemm_f32", shape: shape, work: work, bytes: n * k * 4, limit: .float32) {
      productFloat(m, n, k, $0)
    },
  ]
}

private func epilogue(_ n: Int) -> martlet_epilogue {
  martlet_epilogue(
    bias: UnsafePointer(floats(n)), activation: MARTLET_ACTIVATION_NONE, residual: nil,
    residual_stride: 0)
}

private func product8(
  _ m: Int, _ n: Int, _ k: Int, largest: Int = 127, _ table: martlet_kernels
) -> () -> Void {
  let depth = (k + 3) / 4 * 4
  let width = (n + 15) / 16 * 16
  var params = martlet_gemm_u8s8_params(
    m: m, n: n, k: k, rows: buffer(m * depth) { UInt8(noise($0) & 255) }, row_stride: depth,
    row_scales: floats(m), row_zeros: buffer(m) { _ in Int32(128) },
    codes: buffer(width * depth) { Int8(Int(noise($0) & 255) % (2 * largest + 1) - largest) },
    scales: floats(width),
    offsets: buffer(width) { Int32(noise($0) & 255) }, epilogue: epilogue(n),
    destination: floats(m * n), destination_stride: n)
  return { table.gemm_u8s8(&params) }
}

private func product4(_ m: Int, _ n: Int, _ k: Int, _ table: martlet_kernels) -> () -> Void {
  let depth = (k + 31) / 32 * 32
  let width = (n + 15) / 16 * 16
  var params = martlet_gemm_u8s4_params(
    m: m, n: n, k: k, rows: buffer(m * depth) { UInt8(noise($0) & 255) }, row_stride: depth,
    row_scales: floats(m), row_zeros: buffer(m) { _ in Int32(128) },
    codes: buffer(width * depth / 2) { UInt8(noise($0) & 255) },
    scales: buffer(width * depth / 32) { UInt16(0x2000 + noise($0) % 0x800) },
    offsets: floats(width), epilogue: epilogue(n), destination: floats(m * n),
    destination_stride: n)
  return { table.gemm_u8s4(&params) }
}

private func productFloat(_ m: Int, _ n: Int, _ k: Int, _ table: martlet_kernels) -> () -> Void {
  var params = martlet_gemm_f32_params(
    m: m, n: n, k: k, rows: floats(m * k), row_stride: k,
    panels: floats((n + 15) / 16 * 16 * k), panel_stride: 16 * k, epilogue: epilogue(n),
    destination: floats(m * n), destination_stride: n)
  return { table.gemm_f32(&params) }
}

/// [kernel, stride, multiplier, channels, width]: the encoder's depthwise layers, eight output rows a call.
private let neighborShapes: [(Int, Int, Int, Int, Int)] = [
  (3, 2, 1, 96, 512), (3, 1, 1, 96, 256), (7, 1, 1, 96, 256), (7, 2, 2, 96, 256),
  (3, 1, 1, 192, 128), (7, 1, 1, 192, 128), (7, 2, 2, 192, 128), (3, 1, 1, 384, 64),
  (7, 1, 1, 384, 64), (7, 1, 1, 768, 32), (7, 1, 1, 1536, 16), (3, 1, 2, 1536, 16),
]

let depthwise: [Entry] = neighborShapes.map {
  (kernel: Int, stride: Int, multiplier: Int, channels: Int, width: Int) -> Entry in
  let outputs = channels * multiplier
  let sweep = 8
  return Entry(
    name: "depthwise_f32",
    shape: "\(kernel)×\(kernel) s\(stride) \(channels)→\(outputs) w\(width)",
    work: sweep * width / stride * outputs * kernel * kernel, limit: .float32
  ) { table in
    let count = width / stride
    let inputs = (sweep - 1) * stride + kernel
    let map = floats(inputs * width * channels)
    let rows: UnsafeMutablePointer<UnsafePointer<Float>?> = buffer(inputs) {
      UnsafePointer(map + $0 * width * channels)
    }
    let result = floats(sweep * count * outputs)
    var params = martlet_depthwise_f32_params(
      kernel: kernel, stride: stride, channels: channels, multiplier: multiplier,
      rows: UnsafePointer(rows), width: width, pixel_stride: channels,
      weights: floats(kernel * kernel * outputs), bias: floats(outputs),
      activation: MARTLET_ACTIVATION_NONE, first: 0, count: count, destination: result,
      destination_stride: outputs)
    return {
      for row in 0..<sweep {
        params.rows = UnsafePointer(rows + row * stride)
        params.destination = result + row * count * outputs
        table.depthwise_f32(&params)
      }
    }
  }
}

/// Everything that works row by row, in elements.
let rows: [Entry] = [
  map("gelu") { table, params in table.gelu(params) },
  map("sigmoid") { table, params in table.sigmoid(params) },
  map("silu_gate") { table, params in table.silu_gate(params) },
  Entry(name: "quantize_rows_dynamic", shape: "64 × 384", work: 64 * 384, limit: .none) { table in
    var params = martlet_quantize_rows_params(
      m: 64, k: 384, source: floats(64 * 384), source_stride: 384,
      destination: buffer(64 * 384) { _ in UInt8(0) }, destination_stride: 384, padded_k: 384,
      row_scales: floats(64), row_zeros: buffer(64) { _ in Int32(0) }, fixed_scale: 1,
      fixed_zero: 0)
    return { table.quantize_rows_dynamic(&params) }
  },
  norm("layer_norm_rows") { table, params in table.layer_norm_rows(params) },
  norm("rms_norm_rows") { table, params in table.rms_norm_rows(params) },
  Entry(name: "softmax_rows", shape: "64 × 256", work: 64 * 256, limit: .none) { table in
    var params = martlet_softmax_rows_params(
      m: 64, width: 256, first_length: 256, length_increment: 0, scale: 1,
      values: floats(64 * 256), stride: 256)
    return { table.softmax_rows(&params) }
  },
  Entry(name: "pack_keys", shape: "256 × 64", work: 256 * 64, limit: .none) { table in
    var params = martlet_pack_keys_params(
      m: 256, d: 64, first: 0, source: floats(256 * 64), source_stride: 64,
      panels: floats(256 * 64))
    return { table.pack_keys(&params) }
  },
]

private func map(
  _ name: String,
  _ kernel: @escaping @Sendable (martlet_kernels, UnsafePointer<martlet_map_rows_params>) -> Void
) -> Entry {
  Entry(name: name, shape: "64 × 384", work: 64 * 384, limit: .none) { table in
    var params = martlet_map_rows_params(
      m: 64, width: 384, source: floats(64 * 768), source_stride: 768,
      destination: floats(64 * 384), destination_stride: 384)
    return { kernel(table, &params) }
  }
}

private func norm(
  _ name: String,
  _ kernel: @escaping @Sendable (martlet_kernels, UnsafePointer<martlet_norm_rows_params>) -> Void
) -> Entry {
  Entry(name: name, shape: "64 × 768", work: 64 * 768, limit: .none) { table in
    var params = martlet_norm_rows_params(
      m: 64, k: 768, eps: 1e-5, source: floats(64 * 768), source_stride: 768,
      weight: floats(768), bias: floats(768), destination: floats(64 * 768),
      destination_stride: 768)
    return { kernel(table, &params) }
  }
}
