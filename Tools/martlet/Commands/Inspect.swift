import ArgumentParser
import MartletBytes
import MartletCheckpoints
import MartletConversion
import MartletModel
import MartletPack
import MartletRuntime

struct Inspect: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Show what a checkpoint or a pack holds.")

  @Argument(help: "A checkpoint or a pack.")
  var path: String

  @OptionGroup var parts: SourceParts

  @Option(help: "Levels of names in the tree of parts.")
  var depth: Int = 2

  @Flag(help: "List every tensor with its shape, type and size.")
  var tensors = false

  @Flag(help: "List the regions the runtime would run on this machine, with their memory.")
  var schedule = false

  @Flag(
    help: "Of a pack that was made to keep limits: why each layer has its precision.")
  var why = false

  @OptionGroup var output: OutputOptions
  @OptionGroup var threads: ThreadOptions

  func validate() throws {
    if depth < 1 { throw ValidationError("--depth must be at least 1") }
  }

  func run() throws {
    switch try ModelPath.open(path) {
    case .pack(let pack):
      try parts.refuse(forPack: path)
      if why, pack.choice == nil {
        throw CommandError(
          .usage, "the pack does not tell why", ["its precisions were named, not chosen by limits"],
          hint: "convert with --max-kl, --max-size or --max-first-token")
      }
      let report = try PackReport(
        pack, depth: depth, tensors: tensors, schedule: schedule, why: why,
        threads: threads.count)
      output.json ? report.json.print() : printOrExit(report.text + "\n")
    case .checkpoint(let checkpoint):
      if why {
        throw CommandError(
          .usage, "--why is for packs", ["'\(path)' is a checkpoint; convert it first"])
      }
      if schedule {
        throw CommandError(
          .usage, "--schedule is for packs", ["'\(path)' is a checkpoint; convert it first"])
      }
      let report = try CheckpointReport(
        parts.applied(to: checkpoint), language: parts.language(), depth: depth, tensors: tensors)
      output.json ? report.json.print() : printOrExit(report.text + "\n")
    }
  }
}
