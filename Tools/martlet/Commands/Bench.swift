import ArgumentParser
import MartletBytes
import MartletModel
import MartletPack
import MartletQuantization
import MartletRuntime
import MartletSynthesis

struct Bench: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Time every stage of a pack on this machine.",
    discussion: """
      Runs a picture of noise and a prompt of fixed length through encoder, projector, prefill and decoding, several \
      times after one warm-up, and prints minimum, median and maximum. With --synthetic the model is made on the spot \
      with random weights, so that a board can be timed before a model is downloaded; it needs room for the pack under \
      $TMPDIR, or /var/tmp without that.
      """)

  @Argument(help: "A pack; left out with --synthetic.")
  var path: String?

  @Option(help: "Time a random model of this size instead: tiny, 0.5b, 1.5b or 7b.")
  var synthetic: ModelSize?

  @OptionGroup var precision: PrecisionOptions

  @Option(help: "Side of the network's input in pixels; the model's own by default.")
  var resolution: Int?

  @Option(help: "Text tokens of the prompt, besides the image's; 24 by default.")
  var promptTokens: Int?

  @Option(help: "Tokens to decode; 32 by default.")
  var maxTokens: Int?

  @Option(help: "Counted runs, after one warm-up; 5 by default.")
  var runs: Int?

  @Option(
    help: """
      Run for this many minutes instead of a number of runs, and tell for each tenth of the time how long answers took \
      (p50, p95), with the temperature, the clock and the energy used where this machine shows them.
      """)
  var minutes: Double?

  @Flag(
    help: """
      Time the encoder alone, region by region, and hold each against this machine's peaks. The table shows the blocks \
      of a stage together, --json every region.
      """)
  var layers = false

  @Option(
    help: "With --layers: draw the regions under the machine's roofs, as SVG.",
    completion: .file(extensions: ["svg"]))
  var plot: String?

  @Option(help: "Instruction set instead of the best: an error where the machine lacks it.")
  var isa: String?

  @OptionGroup var cache: CacheOptions
  @OptionGroup var output: OutputOptions
  @OptionGroup var threads: ThreadOptions
  @OptionGroup var quiet: QuietOption

  func validate() throws {
    if (path == nil) == (synthetic == nil) {
      throw ValidationError("give either a pack or --synthetic SIZE")
    }
    if path != nil, try precision.resolved(isCalibrated: false) != Scheme.preset(.int8) {
      throw ValidationError(
        "a pack has its own precisions; choose them with --synthetic or convert")
    }
    if precision.activations == .calibrated {
      throw ValidationError("--activations calibrated needs pictures, and bench takes none")
    }
    if plot != nil, !layers { throw ValidationError("--plot draws what --layers measures") }
    if let minutes, !(minutes > 0 && minutes <= 1440) {
      throw ValidationError("--minutes takes more than 0 and at most 1440")
    }
    if minutes != nil, runs != nil || layers {
      throw ValidationError("--minutes takes no --runs and no --layers")
    }
    if layers, promptTokens != nil || maxTokens != nil || cache.kvCache != nil {
      throw ValidationError(
        "--layers times the encoder alone; it takes no --prompt-tokens, --max-tokens or --kv-cache")
    }
    for (name, value) in [
      ("--runs", runs ?? 5), ("--prompt-tokens", promptTokens ?? 24),
      ("--max-tokens", maxTokens ?? 32),
    ] where value < 1 || value > 1 << 20 {
      throw ValidationError("\(name) takes 1 to \(1 << 20), not \(value)")
    }
  }

  func run() throws {
    if let path {
      try naming(pack: path) { try bench(openPack(path)) }
      return
    }
    guard let synthetic else { return }
    Notes(isQuiet: quiet.quiet).say(
      "making a random \(synthetic.rawValue) model; its answers mean nothing")
    let progress = Progress("making", unit: "MB", quiet: quiet.quiet)
    defer { progress.close() }
    let made = try SyntheticPack(
      synthetic, scheme: try precision.resolved(isCalibrated: false), resolution: resolution,
      threads: threads.count,
      progress: progress)
    progress.close()
    try bench(made.pack)
  }

  private func bench(_ pack: Pack) throws {
    if layers { return try benchLayers(pack) }
    let subject = try BenchSubject(
      pack, isa: isa, threads: threads.count, resolution: resolution,
      promptTokens: promptTokens ?? 24, maximumTokens: maxTokens ?? 32, cache: cache.precision)
    if let minutes { return try endure(subject, minutes: minutes) }
    try timed { try subject.run(isCounted: $0) }
    let report = subject.report
    output.json ? report.json.print() : print(report.text)
  }

  private func endure(_ subject: BenchSubject, minutes: Double) throws {
    let progress = Progress("timing", unit: "%", quiet: quiet.quiet)
    defer { progress.close() }
    try subject.run(isCounted: false)
    var endurance = EnduranceBench(minutes: minutes)
    repeat {
      try subject.run(isCounted: true)
      endurance.add(firstToken: subject.last.firstToken, decode: subject.last.decode)
      progress.update(100 * endurance.progress, of: 100)
    } while !endurance.isOver
    progress.close()
    var report = subject.report.json
    report.set("over_time", endurance.json)
    output.json ? report.print() : print(subject.report.text + endurance.text)
  }

  private func benchLayers(_ pack: Pack) throws {
    if let plot { try checkOutput(plot) }
    let subject = try LayerBench(
      pack, isa: isa, threads: threads.count, resolution: resolution)
    try timed { try subject.run(isCounted: $0) }
    let report = try subject.report()
    if let plot { try AtomicFile.write(RooflinePlot(report).svg, to: plot) }
    output.json ? report.json.print() : printOrExit(report.text + "\n")
  }

  /// One warm-up, then the counted runs.
  private func timed(_ run: (_ isCounted: Bool) throws -> Void) throws {
    let progress = Progress("timing", unit: "runs", quiet: quiet.quiet)
    defer { progress.close() }
    let runs = runs ?? 5
    for index in 0...runs {
      try run(index > 0)
      progress.update(Double(index + 1), of: Double(runs + 1))
    }
  }
}
