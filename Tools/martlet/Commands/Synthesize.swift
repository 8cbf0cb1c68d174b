import ArgumentParser
import MartletBytes
import MartletSynthesis

struct Synthesize: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Write a random checkpoint of a published size.",
    discussion: """
      The checkpoint has the tensors, names, types, configuration and tokenizer files of a real one, and seeded random \
      numbers that keep activations at a healthy size; its answers mean nothing. The same size and seed give the same \
      model in every layout. The directory appears under its name only when it is whole.
      """)

  @Option(help: "tiny, 0.5b, 1.5b or 7b.")
  var size: ModelSize

  @Option(
    help:
      "llava (Apple's, as released), llava-train (the encoder's branches unfused) or native (transformers')."
  )
  var layout: SynthesisLayout = .llava

  @Option(help: "Another seed gives another model.")
  var seed: UInt64 = 0

  @Flag(
    help: ArgumentHelp(
      "Plant what makes trained models hard to quantize; the answers stay those of the model without.",
      discussion:
        "Channels 256 times as large as their neighbors, variances near 1e-8, key biases of 64 in the outer layers."
    ))
  var hazards = false

  @Option(name: .shortAndLong, help: "The directory to make.")
  var output: String

  @OptionGroup var quiet: QuietOption

  func run() throws {
    let start = MonotonicClock.nanoseconds
    let checkpoint = SyntheticCheckpoint(
      size: size, layout: layout, seed: seed, plantingHazards: hazards)
    let progress = Progress("writing", unit: "MB", quiet: quiet.quiet)
    defer { progress.close() }
    let bytes = try checkpoint.write(to: output) { state in
      progress.update(
        Double(state.bytes) / 1e6, of: Double(state.total) / 1e6, detail: state.tensor)
    }
    let seconds = MonotonicClock.milliseconds(since: start) / 1000
    Notes(isQuiet: quiet.quiet).say(
      "wrote '\(output)': \(checkpoint.elementCount) numbers, "
        + "\(Progress.number(Double(bytes) / 1e6)) MB in \(Progress.time(seconds)); "
        + "peak memory \(Progress.number(Double(Machine.peakResidentBytes) / 1e6)) MB")
  }
}

extension ModelSize: ExpressibleByArgument {}
extension SynthesisLayout: ExpressibleByArgument {}
