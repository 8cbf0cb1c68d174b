import MartletCheckpoints

extension Checkpoint {
  /// This checkpoint with the tensors of a trainer's leftovers (`mm_projector.bin`, `non_lora_trainables.bin`) in place of
  /// its own of the same names, or beside them.
  ///
  /// Names are read as LLaVA's loader reads them: `base_model.` and one of two `model.` in front are left out, and whatever
  /// stands before `mm_projector.` is this checkpoint's own path of the projector. The language model's names become this
  /// layout's; an encoder's stay as they are.
  /// - Throws: `unsupportedLayout` for adapters, `tensorShape` where a tensor has another shape than the one it replaces.
  package func merging(_ leftovers: Checkpoint) throws(ConversionError) -> Checkpoint {
    let words = FastVLMNames.names(Architecture.storedLayout(names) ?? .llava)
    var additions: [CheckpointTensor] = []
    for name in leftovers.names {
      guard let tensor = leftovers[name] else { continue }
      if name.contains("lora_") || name.contains("modules_to_save") {
        throw .unsupportedLayout(
          layout: "a LoRA adapter", evidence: name,
          supported: ["whole tensors: merge the adapter in the trainer first"])
      }
      let renamed = tensor.renamed(Self.mergedName(name, words))
      if let own = self[renamed.name], own.shape != renamed.shape {
        throw .tensorShape(
          name: renamed.name, expected: "\(own.shape)", found: renamed.shape)
      }
      additions.append(renamed)
    }
    let merged = Set(additions.map(\.name))
    do throws(CheckpointError) {
      return try joined(
        with: leftovers, leavingOut: { merged.contains($0) }, tensors: additions)
    } catch { throw .checkpoint(error) }
  }

  private static func mergedName(_ name: String, _ words: FastVLMNames) -> String {
    let projector = "mm_projector."
    if let range = name.firstRange(of: projector) {
      return words.projectorTensor(String(name[range.upperBound...]))
    }
    var name = Substring(name)
    if name.hasPrefix("base_model.") { name = name.dropFirst("base_model.".count) }
    if name.hasPrefix("model.model.") || name.hasPrefix("model.lm_head.") {
      name = name.dropFirst("model.".count)
    }
    for part in ["layers.", "embed_tokens.", "norm."] where name.hasPrefix("model." + part) {
      return words.language + name.dropFirst("model".count)
    }
    return name == "lm_head.weight" ? words.languageHead : String(name)
  }

  /// This checkpoint with the image encoder of another, in whatever layout that is stored.
  ///
  /// - Throws: `encoderMissing` where the other has none.
  package func takingEncoder(from other: Checkpoint) throws(ConversionError) -> Checkpoint {
    guard let layout = Architecture.encoderLayout(other.names) else {
      throw .encoderMissing(path: other.path)
    }
    let prefix = FastVLMNames.names(layout).encoder + "."
    let own = FastVLMLayout.allCases.map { FastVLMNames.names($0).encoder + "." }
    let additions = other.names.filter { $0.hasPrefix(prefix) }.compactMap { other[$0] }
    do throws(CheckpointError) {
      return try joined(
        with: other, leavingOut: { name in own.contains { name.hasPrefix($0) } },
        tensors: additions)
    } catch { throw .checkpoint(error) }
  }

  /// The encoder's kernels as `[out, in, k, k]`, where mlx stored them as `[out, k, k, in]`.
  ///
  /// The stem's depthwise kernel tells: its last extent is 1.
  func withChannelsFirst(_ words: FastVLMNames) throws(ConversionError) -> Checkpoint {
    let kernels = names.filter { $0.hasPrefix(words.encoder + ".") }.compactMap { self[$0] }
      .filter { $0.shape.count == 4 }
    let stem = kernels.first { $0.name.hasPrefix("\(words.stem).1.") && $0.shape[1] > 1 }
    guard let stem, stem.shape[3] == 1 else { return self }
    var permuted: [CheckpointTensor] = []
    for kernel in kernels {
      guard let view = kernel.permuted([0, 3, 1, 2]) else {
        throw .tensorType(name: kernel.name, found: kernel.storedType)
      }
      permuted.append(view)
    }
    return replacing(permuted)
  }
}
