import ArgumentParser
import MartletBytes
import MartletModel
import MartletPack
import MartletRuntime
import MartletSynthesis

struct Bench: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Time every stage of a pack on this machine.",
    discussion: """
      Runs a picture of noise and a prompt of fixed length through encoder, projector, prefill and decoding, several \
      times after one warm-up, and prints minimum, median and maximum. With --synthetic the model is made on the spot \
      with random weights, so that a board can be timed before a model is downloaded.
      """)

  @Argument(help: "A pack; left out with --synthetic.")
  var path: String?

  @Option(help: "Time a random model of this size instead: tiny, 0.5b, 1.5b, 7b.")
  var synthetic: ModelSize?

  @OptionGroup var precision: PrecisionOptions

  @Option(help: "Side of the network's input in pixels; the model's own by default.")
  var resolution: Int?

  @Option(help: "Text tokens of the prompt, besides the image's.")
  var promptTokens = 24

  @Option(help: "Tokens to decode.")
  var maxTokens = 32

  @Option(help: "Counted runs, after one warm-up.")
  var runs = 5

  @Option(help: "Instruction set instead of the best: an error where the machine lacks it.")
  var isa: String?

  @OptionGroup var output: OutputOptions
  @OptionGroup var threads: ThreadOptions
  @OptionGroup var quiet: QuietOption

  func validate() throws {
    if (path == nil) == (synthetic == nil) {
      throw ValidationError("give either a pack or --synthetic SIZE")
    }
    if runs < 1 { throw ValidationError("--runs takes at least 1, not \(runs)") }
    if promptTokens < 1 {
      throw ValidationError("--prompt-tokens takes at least 1, not \(promptTokens)")
    }
    if maxTokens < 1 { throw ValidationError("--max-tokens takes at least 1, not \(maxTokens)") }
  }

  func run() throws {
    let notes = Notes(isQuiet: quiet.quiet)
    if let path {
      try bench(openPack(path))
      return
    }
    guard let synthetic else { return }
    notes.say("making a random \(synthetic.rawValue) model; its answers mean nothing")
    let progress = Progress("making", unit: "MB", quiet: quiet.quiet)
    let made = try SyntheticPack(
      synthetic, scheme: precision.resolved, resolution: resolution, threads: threads.count,
      progress: progress)
    progress.close()
    try bench(made.pack)
  }

  private func bench(_ pack: Pack) throws {
    let subject = try BenchSubject(
      pack, isa: isa, threads: threads.count, resolution: resolution, promptTokens: promptTokens,
      maximumTokens: maxTokens)
    let progress = Progress("timing", unit: "runs", quiet: quiet.quiet)
    defer { progress.close() }
    for index in 0...runs {
      try subject.run(counted: index > 0)
      progress.update(Double(index + 1), of: Double(runs + 1))
    }
    output.json ? subject.report.json.print() : print(subject.report.text)
  }
}
