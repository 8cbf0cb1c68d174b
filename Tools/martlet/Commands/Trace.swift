import ArgumentParser
import MartletBoardMessages
import MartletBytes
import MartletCheckpoints
import MartletModel
import MartletPack
import MartletQuantization
import MartletReference
import MartletRuntime
import MartletText

struct Trace: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract:
      "Write what a model computes, stage by stage, to a file other tools can compare with.",
    discussion: """
      Writes pixels, encoder_output, image_tokens, input_ids, prefill_logits and greedy_ids, and one tensor for every \
      layer that --tap names. A checkpoint is run by the float reference, a pack by the packed runtime.
      """)

  enum Form: String, ExpressibleByArgument, CaseIterable {
    case source, folded
  }

  @Argument(help: "A checkpoint or a pack.")
  var path: String

  @OptionGroup var parts: SourceParts

  @Option(help: "A picture. May be repeated; order is kept.")
  var image: [String] = []

  @Option(help: "The question.")
  var prompt: String

  @Option(name: .shortAndLong, help: "The file to write: OUT.safetensors or OUT.h5.")
  var output: String

  @Option(help: "A checkpoint as stored (source: branches and batch norms apart) or folded.")
  var form: Form?

  @Option(
    help: "Also write the layers whose name matches, e.g. 'vision.stages.*'. May be repeated.")
  var tap: [String] = []

  @Option(help: "How many greedy ids; end-of-sequence does not stop them.")
  var maxTokens = 16

  @Option(help: "Side of the network's input in pixels; the model's own by default.")
  var resolution: Int?

  @Option(help: "How pictures are fitted: pad or crop; the model's own by default.")
  var imageFit: ImageSpecification.Fit?

  @Option(help: "Instruction set instead of the best, for packs.")
  var isa: String?

  @OptionGroup var threads: ThreadOptions

  func validate() throws {
    if !output.hasSuffix(".safetensors") && !output.hasSuffix(".h5") {
      throw ValidationError("-o takes a name that ends in .safetensors or .h5, not '\(output)'")
    }
    if !(0...AnswerLimits.tokens).contains(maxTokens) {
      throw ValidationError("--max-tokens takes 0 to \(AnswerLimits.tokens), not '\(maxTokens)'")
    }
  }

  func run() throws {
    try checkOutput(output)
    let tracer: any Tracer
    switch try ModelPath.open(path) {
    case .pack(let pack):
      try parts.refuse(forPack: path)
      if let form {
        throw CommandError(
          .usage, "--form \(form.rawValue) is for checkpoints", ["'\(path)' is a pack"])
      }
      tracer = try PackTracer(
        pack, isa: isa, resolution: resolution, fit: imageFit, threads: threads.count)
    case .checkpoint(let checkpoint):
      if let isa {
        throw CommandError(
          .usage, "--isa \(isa) names kernels of the packed runtime",
          ["'\(path)' is a checkpoint, which the float reference runs"])
      }
      tracer = try ReferenceTracer(
        LoadedSource(
          parts.applied(to: checkpoint), language: try parts.language(), resolution: resolution,
          fit: imageFit),
        form: form ?? .folded, threads: threads.count)
    }
    var record = TraceRecord(patterns: tap)
    try record.checkTaps(names: tracer.description.networks.flatMap { $0.layers.map(\.name) })
    try trace(tracer, into: &record)
    try record.write(to: output)
  }

  private func trace(_ tracer: any Tracer, into record: inout TraceRecord) throws {
    let description = tracer.description
    var images: [TracedImage] = []
    for (index, picture) in image.enumerated() {
      let pixels = try preparedPicture(picture, for: description.image)
      // One picture keeps the plain names; more are numbered from the second on.
      let suffix = index == 0 ? "" : ".\(index)"
      record.add(
        "pixels" + suffix, [pixels.height, pixels.width, 3], bytes: pixels.bytes)
      let traced = try tracer.encode(pixels, record: &record, suffix: suffix)
      record.add("encoder_output" + suffix, traced.encoderShape, traced.encoderOutput)
      record.add("image_tokens" + suffix, traced.tokenShape, traced.imageTokens)
      images.append(traced)
    }
    guard let specification = description.tokenizer, let template = description.prompt else {
      return
    }
    let prompt = try Prompt(
      question: prompt, imageCount: images.count, template: template,
      tokenizer: try Tokenizer(specification))
    record.add("input_ids", [prompt.ids.count], integers: prompt.ids)
    let (logits, ids) = try tracer.generate(
      prompt.ids, images: images, count: maxTokens, record: &record)
    record.add("prefill_logits", [logits.count], logits)
    record.add("greedy_ids", [ids.count], integers: ids)
  }
}

/// What a picture became.
struct TracedImage {
  var encoderOutput: [Float]
  var encoderShape: [Int]
  var imageTokens: [Float]
  var tokenShape: [Int]
}

/// Whatever can be traced: the float reference or the packed runtime.
protocol Tracer {
  var description: ModelDescription { get }
  func encode(_ pixels: Pixels, record: inout TraceRecord, suffix: String) throws -> TracedImage
  /// Logits of the prompt's last position, then `count` greedy ids.
  func generate(
    _ ids: [Int], images: [TracedImage], count: Int, record: inout TraceRecord
  ) throws -> ([Float], [Int])
}
