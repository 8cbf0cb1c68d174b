import MartletBytes
import MartletCheckpoints
import MartletModel

/// Reads a FastVLM checkpoint, its language model Qwen2 or of Llama's form: configuration, three networks, tokenizer and prompt, and accounts for every tensor.
struct FastVLM {
  private let checkpoint: Checkpoint
  private let names: FastVLMNames
  private let configuration: FastVLMConfiguration
  private let tensors: TensorIndex
  /// Where the language model comes from, if not from the checkpoint itself.
  private let languageSource: GGUFLanguage?

  init(
    _ base: Checkpoint, layout: FastVLMLayout, languageSource: GGUFLanguage?
  ) throws(ConversionError) {
    var checkpoint = try languageSource?.joined(to: base, names: .names(layout)) ?? base
    if Architecture.encoderLayout(checkpoint.names) == .mlxCommunity {
      checkpoint = try checkpoint.withChannelsFirst(.mlxCommunity)
    }
    guard let config = checkpoint.config else {
      throw .configurationFileMissing(directory: checkpoint.directory, file: "config.json")
    }
    guard let encoder = Architecture.encoderLayout(checkpoint.names) else {
      throw .encoderMissing(path: checkpoint.path)
    }
    names = .names(layout, encoder: encoder)
    self.checkpoint = checkpoint
    // transformers 5 writes the image part into `processor_config.json` and no file of its own.
    let processor = try checkpoint.json("processor_config.json")
    var configuration = try FastVLMConfiguration(
      config, layout: layout,
      preprocessor: try checkpoint.json("preprocessor_config.json")
        ?? (processor?["image_processor"] == nil ? nil : processor),
      generation: try checkpoint.json("generation_config.json"))
    if let languageSource {
      configuration.decoder = languageSource.decoder
      configuration.endIDs = languageSource.endIDs
      configuration.maximumTokens = min(
        configuration.maximumTokens, languageSource.maximumTokens ?? configuration.maximumTokens)
    }
    self.configuration = configuration
    self.languageSource = languageSource
    tensors = TensorIndex(checkpoint)
  }

  func source() throws(ConversionError) -> (model: SourceModel, report: SourceReport) {
    var encoder = FastViTHD(tensors: tensors, names: names)
    let vision = try encoder.network(image: configuration.image)
    let width = try checkedWidth(of: vision.network)
    var adapter = Projector(tensors: tensors, names: names)
    let projector = try adapter.network(
      width: width, statedDepth: configuration.projectorDepth,
      hasBiases: configuration.projectorHasBiases)
    let head = try head()
    var decoder = try Qwen2(tensors: tensors, names: names, decoder: configuration.decoder)
    let language = try decoder.network(headTensor: head == .own ? names.languageHead : nil)
    try checkProjection(projector.network, into: language.network)

    var bindings = vision.bindings
    for part in [projector.bindings, language.bindings] { bindings.merge(part) { $1 } }
    let used = Set(bindings.values.joined())
    var report = SourceReport(
      layout: .fastVLM(names.layout), forms: encoder.forms, head: head,
      ignored: try ignored(besides: used, head: head), defaults: configuration.defaults)
    for name in used { report.elementTypes[tensors[name]?.elementType ?? "", default: 0] += 1 }

    let tokenizer: TokenizerSpecification
    if let languageSource {
      tokenizer = languageSource.tokenizer
    } else {
      tokenizer = try checkpoint.tokenizer()
    }
    let rows = tensors["\(names.language).embed_tokens.weight"]?.shape.first ?? 0
    if tokenizer.size > rows { throw .tokenizerSize(size: tokenizer.size, rows: rows) }
    let isLlama = configuration.decoder.family == .llama
    let description = ModelDescription(
      architecture: isLlama
        ? FastVLMConfiguration.Decoder.Family.llamaModelType : names.layout.modelType,
      networks: [vision.network, projector.network, language.network], image: configuration.image,
      tokenizer: tokenizer, prompt: try prompt(tokenizer))
    let parameters = SourceParameters(checkpoint: checkpoint, bindings: bindings)
    do throws(ModelError) {
      return (try SourceModel(description: description, parameters: parameters), report)
    } catch { throw .model(error) }
  }

  // MARK: Fit of the parts

  /// Width of the encoder's rows, compared with what the configuration states.
  private func checkedWidth(of vision: Network) throws(ConversionError) -> Int {
    guard case .map(let width, let stride) = vision[vision.output].shape else {
      preconditionFailure("the encoder's output is a map")
    }
    if let stated = configuration.encoderWidth, stated != width {
      throw .configurationMismatch(
        key: names.layout != .native ? "mm_hidden_size" : "vision_config.hidden_size",
        stated: stated, tensor: names.head, found: width)
    }
    let side = configuration.image.resolution
    if side % stride != 0 {
      throw .configurationValue(
        file: "config.json", key: "resolution", expected: "a multiple of \(stride)",
        found: "\(side)")
    }
    return width
  }

  private func checkProjection(
    _ projector: Network, into language: Network
  ) throws(ConversionError) {
    let (width, expected) = (
      projector[projector.output].shape.channels, language[language.inputs[1]].shape.channels
    )
    if width != expected {
      throw .widthMismatch(
        from: names.projector, width: width, to: "\(names.language).embed_tokens.weight",
        expected: expected)
    }
  }

  // MARK: Tied or not

  /// Decides from the tensors, then from the flag, which is known to lie (reference sections 4.3 and 9.1).
  private func head() throws(ConversionError) -> SourceReport.Head {
    let embedding = "\(names.language).embed_tokens.weight"
    guard let stored = checkpoint[names.languageHead], let table = checkpoint[embedding] else {
      return .absent
    }
    let isCopy = try checkpoint.holdSameBits(stored, table)
    if configuration.decoder.isTied { return .tiedByConfiguration(copyDiffers: !isCopy) }
    return isCopy ? .identicalCopy : .own
  }

  // MARK: Every tensor accounted for

  /// The tensors outside the model, by the reason why they may be.
  /// - Throws: `unknownTensors` where there is none.
  private func ignored(
    besides used: Set<String>, head: SourceReport.Head
  ) throws(ConversionError) -> [SourceReport.IgnoredTensors] {
    var found: [SourceReport.Ignored: [String]] = [:]
    var unknown: [String] = []
    for name in checkpoint.names where !used.contains(name) {
      if let reason = reasonToIgnore(name, used: used) {
        found[reason, default: []].append(name)
      } else {
        unknown.append(name)
      }
    }
    if !unknown.isEmpty {
      throw .unknownTensors(count: unknown.count, names: Array(unknown.prefix(8)))
    }
    return SourceReport.Ignored.allCases.compactMap { reason in
      found[reason].map { .init(reason: reason, names: $0) }
    }
  }

  private func reasonToIgnore(_ name: String, used: Set<String>) -> SourceReport.Ignored? {
    let counter = ".num_batches_tracked"
    if name.hasSuffix(counter), used.contains(name.dropLast(counter.count) + ".running_var") {
      return .batchCounter
    }
    switch name {
    case "\(names.encoder).head.proj": return .contrastiveHead
    case names.languageHead: return .tiedHead
    case "model.image_newline": return .imageNewline
    default: return name.hasSuffix(".rotary_emb.inv_freq") ? .rotaryFrequencies : nil
    }
  }

  // MARK: Prompt

  /// The family's template with the stop ids of this very tokenizer; numbers differ between releases.
  private func prompt(
    _ tokenizer: TokenizerSpecification
  ) throws(ConversionError) -> PromptTemplate {
    var stopIDs: [Int] = []
    let isLlama = configuration.decoder.family == .llama
    if (tokenizer.splitter == .llama) != isLlama {
      throw .tokenizerFamily(
        decoder: isLlama ? "llama" : "qwen2",
        tokenizer: tokenizer.splitter == .llama ? "llama" : "qwen2")
    }
    for content in isLlama ? ["</s>"] : ["<|im_end|>", "<|endoftext|>"] {
      guard let token = tokenizer.addedTokens.first(where: { $0.content == content }) else {
        throw .tokenMissing(content: content)
      }
      stopIDs.append(token.id)
    }
    for id in configuration.endIDs where !stopIDs.contains(id) { stopIDs.append(id) }
    if isLlama, !tokenizer.addedTokens.contains(where: { $0.content == "<s>" }) {
      throw .tokenMissing(content: "<s>")
    }
    var template = isLlama ? LlamaSettings.prompt(begin: "<s>") : .qwen2
    template.stopIDs = stopIDs
    template.maximumTokens = configuration.maximumTokens
    return template
  }
}

extension Checkpoint {
  /// A JSON file beside the weights; `nil` where there is none.
  func json(_ name: String) throws(ConversionError) -> JSONValue? {
    do throws(CheckpointError) {
      guard let file = try file(named: name) else { return nil }
      do throws(BytesError) {
        return try JSONValue(contentsOf: file.path, limit: 16 << 20)
      } catch { throw .file(error) }
    } catch { throw .checkpoint(error) }
  }
}
