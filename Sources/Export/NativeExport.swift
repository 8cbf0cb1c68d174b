import Foundation
import MartletBytes
import MartletCheckpoints
import MartletModel

/// A reparameterized FastVLM as a directory that transformers' `FastVlmForConditionalGeneration` loads.
///
/// Every float is F32; tokenizer, configuration and processors lie beside the weights.
package struct NativeExport {
  private let description: ModelDescription
  private let parameters: any FloatParameters
  private let tensors: NativeTensors
  private let texts: NativeTexts

  /// - Parameter description: branches fused, batch norms and layer scales still apart, as the layout has them.
  /// - Throws: `partMissing`, `form`.
  package init(
    _ description: ModelDescription, parameters: any FloatParameters
  ) throws(ExportError) {
    guard let language = description.network(.language), let tokenizer = description.tokenizer,
      let template = description.prompt
    else { throw .partMissing(part: "FastVLM", format: "transformers' layout") }
    let outline = try DecoderOutline(language)
    // `<image>` is a token of the native layout; its row is never read, but must be there.
    let image =
      tokenizer.addedTokens.first { $0.content == "<image>" }?.id ?? tokenizer.size
    let rows =
      image < outline.embedding.rows ? outline.embedding.rows : (image + 64) / 64 * 64
    var tensors = try NativeTensors(description, rows: rows)
    tensors.numberLayerScales()
    self.description = description
    self.parameters = parameters
    self.tensors = tensors
    texts = NativeTexts(
      description: description, outline: outline, tokenizer: tokenizer, template: template,
      imageID: image, rows: rows, widths: tensors.widths, depths: tensors.depths)
  }

  /// Writes the directory; it must not be there, and appears when it is whole.
  ///
  /// - Returns: bytes of weights.
  package func write(
    to directory: String, progress: (Int, Int) -> Void = { _, _ in }
  ) throws(ExportError) -> Int {
    let partial = try Self.prepared(directory)
    defer { try? FileManager.default.removeItem(atPath: partial) }
    let written = try checkpoint { () throws(CheckpointError) in
      try ShardedSafetensorsWriter(
        directory: partial,
        tensors: try tensors.tensors.map { (tensor) throws(CheckpointError) in
          try TensorDeclaration(
            tensor.name, tensor.parameter == nil ? .int64 : .float32, tensor.shape)
        })
    }
    let total = tensors.tensors.reduce(0) { $0 + $1.shape.reduce(4, *) }
    var done = 0
    for tensor in tensors.tensors {
      try copy(tensor, to: written)
      done += tensor.shape.reduce(4, *)
      progress(done, total)
    }
    try checkpoint { () throws(CheckpointError) in try written.commit() }
    do throws(BytesError) {
      for file in texts.files {
        try AtomicFile.write(file.text, to: Directory.path(partial, file.name))
      }
    } catch { throw .checkpoint(.file(error)) }
    // SAFETY: both paths are valid during the call.
    if unsafe rename(partial, directory) != 0 {
      throw .checkpoint(.file(.system(operation: .commit, path: directory, code: errno)))
    }
    return total
  }

  /// Makes the hidden directory that is written to, the target being free.
  private static func prepared(_ directory: String) throws(ExportError) -> String {
    let partial = Directory.path(
      Directory.parent(of: directory), ".\(Directory.name(of: directory)).partial")
    var isFree = false
    do throws(BytesError) {
      switch try PathKind(of: directory) {
      case .missing: isFree = true
      case .directory: isFree = try Directory.names(in: directory).isEmpty
      case .file, .other: isFree = false
      }
      if isFree, try PathKind(of: partial) != .missing {
        try? FileManager.default.removeItem(atPath: partial)
      }
    } catch { throw .checkpoint(.file(error)) }
    if !isFree { throw .occupied(path: directory) }
    return partial
  }

  /// Numbers read at a time.
  private static let step = 1 << 22

  private func copy(
    _ tensor: NativeTensor, to writer: ShardedSafetensorsWriter
  ) throws(ExportError) {
    guard let parameter = tensor.parameter else {
      return try checkpoint { () throws(CheckpointError) in try writer.append([0]) }
    }
    let width = tensor.shape.dropFirst().reduce(1, *)
    let first = tensor.firstRow * width
    let count = (tensor.shape[0] - tensor.paddedRows) * width
    for start in stride(from: 0, to: count, by: Self.step) {
      let values: [Float]
      do throws(ModelError) {
        values = try parameters.values(
          of: parameter, elements: first + start..<first + min(count, start + Self.step))
      } catch { throw .model(error) }
      try checkpoint { () throws(CheckpointError) in try writer.append(values) }
    }
    let zeros = [Float](repeating: 0, count: tensor.paddedRows * width)
    try checkpoint { () throws(CheckpointError) in try writer.append(zeros) }
  }

  private func checkpoint<R>(
    _ body: () throws(CheckpointError) -> R
  ) throws(ExportError) -> R {
    do throws(CheckpointError) { return try body() } catch { throw .checkpoint(error) }
  }
}
