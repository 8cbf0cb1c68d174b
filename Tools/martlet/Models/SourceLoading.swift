import MartletCheckpoints
import MartletConversion
import MartletModel

/// A checkpoint read and folded, with what was decided on the way.
struct LoadedSource {
  let checkpoint: Checkpoint
  /// Where the language model comes from, if not from the checkpoint.
  let language: Checkpoint?
  let source: SourceModel
  let folded: FoldedModel
  let report: SourceReport
  let folding: FoldingReport
  /// The side the checkpoint itself states.
  let checkpointResolution: Int

  /// - Parameters:
  ///   - language: a GGUF file whose language model takes the place of the checkpoint's.
  ///   - resolution: replaces the side the model was trained at; a multiple of the encoder's stride.
  ///   - fit: replaces the checkpoint's own rule.
  init(
    _ checkpoint: Checkpoint, language: Checkpoint? = nil, resolution: Int? = nil,
    fit: ImageSpecification.Fit? = nil
  ) throws {
    let (source, report) = try SourceModel.read(checkpoint, languageSource: language)
    var description = source.description
    checkpointResolution = description.image.resolution
    if let resolution {
      try Self.check(resolution, description)
      description.image.resolution = resolution
    }
    if let fit { description.image.fit = fit }
    self.checkpoint = checkpoint
    self.language = language
    self.source = try SourceModel(description: description, parameters: source.parameters)
    self.report = report
    (folded, folding) = try self.source.folded()
  }

  /// What the whole was read from, for provenance.
  func contentHashes() throws -> [ContentHash] {
    // A configuration beside the GGUF file is not read.
    let files = try language?.contentHashes().filter { $0.name != "config.json" }
    return try checkpoint.contentHashes() + (files ?? [])
  }

  /// The same at another side.
  func at(_ side: Int) throws -> LoadedSource {
    try LoadedSource(
      checkpoint, language: language, resolution: side, fit: source.description.image.fit)
  }

  private static func check(_ resolution: Int, _ description: ModelDescription) throws {
    let stride = description.network(.vision)?.totalStride ?? 1
    if resolution < stride || resolution % stride != 0 || resolution > 4096 {
      throw CommandError(
        .usage, "--resolution \(resolution) does not fit the encoder",
        ["expected: a multiple of \(stride), at most 4096"])
    }
  }

  /// What a person should know about how the files were read.
  func describe(_ notes: Notes) {
    let forms = report.forms
    let types = report.elementTypes.sorted { $0.key < $1.key }
      .map { "\($0.value) \($0.key)" }.joined(separator: ", ")
    notes.say(
      "read \(checkpoint.names.count) tensors (\(types)) of \(source.description.architecture), "
        + "\(report.layout.name) layout; \(forms.fused) fused and \(forms.trainTime) train-time units"
    )
    if let language {
      notes.say("language model and tokenizer: those of '\(language.path)'")
    }
    if let head = report.head { notes.say("output matrix: \(head.text)") }
    for ignored in report.ignored {
      notes.say(
        "not part of the model: \(ignored.names.count) tensors (\(ignored.reason.rawValue))")
    }
    for value in report.defaults {
      notes.say("not stated, taken as \(value.value): \(value.setting)")
    }
    for remark in checkpoint.remarks { notes.say(remark.text) }
    for file in checkpoint.unusedFiles {
      notes.warn("'\(file)' was not read: the weights lie in \(checkpoint.files[0].name)")
    }
    let applied = folding.applications.filter { $0.count > 0 }
      .map { "\($0.rule) × \($0.count)" }.joined(separator: ", ")
    if !applied.isEmpty { notes.say("folded: \(applied)") }
    let leftovers = Dictionary(grouping: folding.leftovers, by: \.rule)
    for (rule, layers) in leftovers.sorted(by: { $0.key < $1.key }) {
      notes.say("left as it is: \(rule) × \(layers.count), first at \(layers[0].layer)")
    }
    for zero in folding.zeroVariances {
      notes.warn("\(zero.parameter): variance is exactly zero in \(zero.channels.count) channels")
    }
  }
}

extension SourceReport.Head {
  var text: String {
    switch self {
    case .absent: "the embedding's (no lm_head stored)"
    case .tiedByConfiguration(let differs):
      "the embedding's, by configuration"
        + (differs ? "; the stored copy differs and was dropped" : "")
    case .identicalCopy: "the embedding's; the stored copy is identical"
    case .own: "its own"
    }
  }
}

extension CheckpointRemark {
  var text: String {
    switch self {
    case .unwrapped(let file, let entry): "'\(file)': the weights are its entry '\(entry)'"
    case .entriesNotRead(let file, let count, let names):
      "'\(file)': \(count) entries were not read: \(names.joined(separator: ", "))"
        + (count > names.count ? ", …" : "")
    case .decoded(let kind, let count):
      "\(count) matrices of \(kind) weights are read as floats; what a scheme stores alike stays as it is"
    case .joined(let file, let tensors, let leftOut):
      "\(tensors) tensors come from '\(file)', \(leftOut) of the checkpoint's own are left out"
    case .prefixRemoved(let file, let prefix):
      "'\(file)': '\(prefix)' before every name was left out"
    }
  }
}
