import MartletBytes
import MartletCheckpoints
import MartletModel
import MartletText

/// The language model of a FastVLM as one GGUF file of architecture qwen2.
///
/// Names, pairs and the order of extents are those of llama.cpp's converter for Qwen2, which leaves the rows of queries
/// and keys as they are. Norms and biases are F32.
package struct GGUFExport {
  /// What was decided where the model left a choice.
  package struct Report: Equatable, Sendable {
    /// Tensors by stored type.
    package var types: [GGUFDeclaration.StoredType: Int] = [:]
    /// Matrices whose rows are no whole blocks: stored as F16 instead.
    package var widened: [String] = []
    /// Matrices whose blocks were copied from the pack bit for bit.
    package var copied = 0
    package var byteCount = 0
  }

  /// A tensor to write: rows of a parameter, or ones.
  private struct Part {
    var declaration: GGUFDeclaration
    var parameter: String?
    var firstRow: Int
  }

  private let description: ModelDescription
  private let network: Network
  let outline: DecoderOutline
  private let parameters: any ExportedParameters
  let tokenizer: TokenizerSpecification
  let template: PromptTemplate

  /// - Throws: `partMissing` without a language model, `form` where llama.cpp has no such network.
  package init(
    _ description: ModelDescription, parameters: any ExportedParameters
  ) throws(ExportError) {
    guard let network = description.network(.language), let tokenizer = description.tokenizer,
      let template = description.prompt
    else { throw .partMissing(part: "language model", format: "GGUF") }
    if tokenizer.splitter != .qwen2 {
      throw .form(
        layer: "tokenizer", expected: "byte-level merges after Qwen2", found: "Llama's tokenizer")
    }
    self.description = description
    self.network = network
    self.parameters = parameters
    self.tokenizer = tokenizer
    self.template = template
    outline = try DecoderOutline(network)
  }

  /// Writes the file.
  ///
  /// - Parameters:
  ///   - type: of the matrices; `nil` takes what fits the stored precision best, F16 for floats of a checkpoint.
  ///   - progress: bytes written and to be written.
  package func write(
    to path: String, type: GGUFDeclaration.StoredType?, name: String,
    progress: (Int, Int) -> Void = { _, _ in }
  ) throws(ExportError) -> Report {
    var report = Report()
    let parts = try parts(type, &report)
    let total = parts.reduce(0) { $0 + $1.declaration.byteCount }
    let pairs = pairs(name: name, report)
    let writer = try checkpoint { () throws(CheckpointError) in
      try GGUFWriter(replacing: path, pairs: pairs, tensors: parts.map(\.declaration))
    }
    for part in parts {
      try copy(part, to: writer, &report)
      progress(writer.byteCount, total)
    }
    try checkpoint { () throws(CheckpointError) in try writer.commit() }
    report.byteCount = total
    return report
  }

  private func checkpoint<R>(
    _ body: () throws(CheckpointError) -> R
  ) throws(ExportError) -> R {
    do throws(CheckpointError) { return try body() } catch { throw .checkpoint(error) }
  }

  private func model<R>(_ body: () throws(ModelError) -> R) throws(ExportError) -> R {
    do throws(ModelError) { return try body() } catch { throw .model(error) }
  }

  // MARK: Tensors

  private func parts(
    _ type: GGUFDeclaration.StoredType?, _ report: inout Report
  ) throws(ExportError) -> [Part] {
    var parts: [Part] = []
    func add(
      _ name: String, _ id: ParameterID?, rows: Range<Int>? = nil, isMatrix: Bool,
      _ report: inout Report
    ) throws(ExportError) {
      var shape = id.map { network[$0].shape } ?? [outline.embedding.channels]
      if let rows { shape[0] = rows.count }
      let stored =
        isMatrix ? matrixType(name, id.map { network[$0] }, asked: type, &report) : .float32
      let declaration = try checkpoint { () throws(CheckpointError) in
        try GGUFDeclaration(name, stored, shape)
      }
      report.types[stored, default: 0] += 1
      parts.append(
        Part(
          declaration: declaration, parameter: id.map { network[$0].name },
          firstRow: rows?.lowerBound ?? 0))
    }
    try add("token_embd.weight", outline.embedding.weight, isMatrix: true, &report)
    let layout = outline.layout
    let (queries, keys) = (layout.heads * layout.headSize, layout.keyValueHeads * layout.headSize)
    let heads = [
      ("attn_q", 0..<queries), ("attn_k", queries..<queries + keys),
      ("attn_v", queries + keys..<queries + 2 * keys),
    ]
    for (index, block) in outline.blocks.enumerated() {
      func name(_ part: String) -> String { "blk.\(index).\(part)" }
      try add(name("attn_norm.weight"), block.attentionNorm.weight, isMatrix: false, &report)
      for (part, rows) in heads {
        try add(name("\(part).weight"), block.qkv.weight, rows: rows, isMatrix: true, &report)
        // A decoder without biases has biases of zero in qwen2: a missing tensor would be refused.
        guard let bias = block.qkv.bias else {
          throw .form(
            layer: "language.layers.\(index).attention.qkv", expected: "biases", found: "none")
        }
        try add(name("\(part).bias"), bias, rows: rows, isMatrix: false, &report)
      }
      try add(name("attn_output.weight"), block.output.weight, isMatrix: true, &report)
      try add(name("ffn_norm.weight"), block.feedForwardNorm.weight, isMatrix: false, &report)
      let width = outline.innerSize
      for (part, rows) in [("ffn_gate", 0..<width), ("ffn_up", width..<2 * width)] {
        try add(name("\(part).weight"), block.gateUp.weight, rows: rows, isMatrix: true, &report)
      }
      try add(name("ffn_down.weight"), block.down.weight, isMatrix: true, &report)
    }
    try add("output_norm.weight", outline.norm.weight, isMatrix: false, &report)
    if outline.head.weight != outline.embedding.weight {
      try add("output.weight", outline.head.weight, isMatrix: true, &report)
    }
    return parts
  }

  /// The type of a matrix: what was asked for, or what fits how it was stored.
  ///
  /// Embedding and head stay at 8 bits where 4 are asked for, as in Martlet's own preset.
  private func matrixType(
    _ name: String, _ parameter: Parameter?, asked: GGUFDeclaration.StoredType?,
    _ report: inout Report
  ) -> GGUFDeclaration.StoredType {
    var type = asked
    if type == nil {
      switch parameter.flatMap({ parameters.storedEncoding($0.name) }) {
      case .none: type = .float16
      case .float32, .float32Taps, .float32Patches, .float32Panels: type = .float32
      case .int8Panels: type = .q8
      case .int4Panels: type = .q4
      }
    }
    if type == .q4, name == "token_embd.weight" || name == "output.weight" { type = .q8 }
    let chosen = type ?? .float16
    if let width = parameter?.shape.last, width % chosen.blockElements != 0 {
      report.widened.append(name)
      return .float16
    }
    return chosen
  }

  /// Numbers read at a time.
  private static let step = 1 << 22

  private func copy(
    _ part: Part, to writer: GGUFWriter, _ report: inout Report
  ) throws(ExportError) {
    let shape = part.declaration.shape
    let (rows, width) = (shape[0], shape.count > 1 ? shape[1] : 1)
    guard let parameter = part.parameter else {
      let ones = [Float](repeating: 1, count: rows)
      return try checkpoint { () throws(CheckpointError) in try writer.append(ones) }
    }
    var areBlocks = false
    // Vectors are read whole, matrices some rows at a time.
    let step = shape.count > 1 ? max(1, Self.step / width) : rows
    for start in stride(from: 0, to: rows, by: step) {
      let range = part.firstRow + start..<part.firstRow + min(rows, start + step)
      let elements = range.lowerBound * width..<range.upperBound * width
      let blocks = try model { () throws(ModelError) in
        try parameters.blocks(of: parameter, rows: range, as: part.declaration.type)
      }
      if let blocks {
        areBlocks = true
        try checkpoint { () throws(CheckpointError) in try writer.append(bytes: blocks) }
        continue
      }
      let values = try model { () throws(ModelError) in
        try parameters.values(of: parameter, elements: elements)
      }
      try checkpoint { () throws(CheckpointError) in try writer.append(values) }
    }
    if areBlocks { report.copied += 1 }
  }
}
