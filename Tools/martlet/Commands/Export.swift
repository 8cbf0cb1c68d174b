import ArgumentParser
import MartletBoardMessages
import MartletBytes
import MartletCheckpoints
import MartletExport
import MartletModel
import MartletPack

struct Export: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Write a model for other programs: llama.cpp and transformers.",
    discussion: """
      --to gguf writes the language model with its tokenizer as one GGUF file. A pack's 4-bit groups become Q4_0 \
      blocks bit for bit; its 8-bit rows become Q8_0; a checkpoint's floats become F16.

      --to safetensors writes a checkpoint as transformers' FastVlmForConditionalGeneration loads it, the encoder's \
      branches fused, in float32. A pack has norms and scales folded into products, which that layout cannot say.
      """)

  enum Target: String, ExpressibleByArgument, CaseIterable {
    case gguf, safetensors
  }

  @Argument(help: "A pack or a checkpoint.")
  var path: String

  @OptionGroup var parts: SourceParts

  @Option(name: .customLong("to"), help: "The format to write.")
  var target: Target

  @Option(name: .shortAndLong, help: "The file to write, or the directory to make.")
  var output: String

  @Option(
    name: .customLong("type"),
    help: "Type of the matrices: f32, f16, q8_0 or q4_0; by default what fits the stored precision."
  )
  var storedType: GGUFDeclaration.StoredType?

  @OptionGroup var threads: ThreadOptions
  @OptionGroup var quiet: QuietOption

  func run() throws {
    let notes = Notes(isQuiet: quiet.quiet)
    switch target {
    case .gguf:
      try checkOutput(output)
      try writeGGUF(notes)
    case .safetensors: try writeNative(notes)
    }
  }

  private func writeNative(_ notes: Notes) throws {
    if let storedType {
      throw CommandError(
        .usage, "--type \(storedType.rawValue.lowercased()) is for GGUF",
        ["safetensors are written as float32"])
    }
    guard case .checkpoint(let checkpoint) = try ModelPath.open(path) else {
      throw CommandError(
        .usage, "a pack cannot be written for transformers",
        ["norms and scales are folded into products there"],
        hint: "give the checkpoint that the pack was made from")
    }
    let loaded = try LoadedSource(checkpoint, language: try parts.language())
    loaded.describe(notes)
    let model = try loaded.source.reparameterized()
    let progress = Progress("writing", unit: "MB", quiet: quiet.quiet)
    defer { progress.close() }
    let bytes = try NativeExport(model.description, parameters: model.parameters).write(
      to: output
    ) { written, total in
      progress.update(Double(written) / 1e6, of: Double(total) / 1e6)
    }
    if model.description.image.fit == .pad {
      notes.say("pictures are padded to a square here; transformers' own processor crops them")
    }
    notes.say("wrote '\(output)': \(Progress.number(Double(bytes) / 1e6)) MB of weights")
  }

  private func writeGGUF(_ notes: Notes) throws {
    let description: ModelDescription
    let parameters: any ExportedParameters
    switch try ModelPath.open(path) {
    case .pack(let pack):
      try parts.refuse(forPack: path)
      description = pack.description
      parameters = try naming(pack: path) {
        try PackParameters(
          pack, roles: [.language], pool: try ThreadPool(threads: threads.count))
      }
    case .checkpoint(let checkpoint):
      let loaded = try LoadedSource(
        parts.applied(to: checkpoint), language: try parts.language())
      loaded.describe(notes)
      description = loaded.folded.description
      parameters = PlainParameters(loaded.folded.parameters)
    }
    let progress = Progress("writing", unit: "MB", quiet: quiet.quiet)
    defer { progress.close() }
    let report = try GGUFExport(description, parameters: parameters).write(
      to: output, type: storedType, name: description.architecture
    ) { written, total in
      progress.update(Double(written) / 1e6, of: Double(total) / 1e6)
    }
    for name in report.widened {
      notes.say("'\(name)': rows are no whole blocks of 32, stored as F16")
    }
    let types = GGUFDeclaration.StoredType.allCases.compactMap { type in
      report.types[type].map { "\($0) \(type.rawValue)" }
    }
    notes.say(
      "wrote '\(output)': \(types.joined(separator: ", ")), \(report.copied) copied bit for bit, "
        + "\(Progress.number(Double(report.byteCount) / 1e6)) MB")
  }
}

extension GGUFDeclaration.StoredType: ExpressibleByArgument {
  public init?(argument: String) {
    guard let type = Self.allCases.first(where: { $0.rawValue.lowercased() == argument }) else {
      return nil
    }
    self = type
  }

  public static var allValueStrings: [String] { allCases.map { $0.rawValue.lowercased() } }
}
