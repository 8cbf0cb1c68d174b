import ArgumentParser
import MartletBoardMessages
import MartletBytes
import MartletModel
import MartletPack

struct Diff: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Tell what differs in meaning between two packs or checkpoints.",
    discussion: """
      Compares scheme, template, preprocessing, tokenizer, layers and the numbers of every tensor, with the error of B \
      against A where both have a tensor. Checkpoints are compared folded, so another layout, file format or element \
      type alone is no difference; neither is compression or a proof in a pack. A checkpoint beside a pack takes the \
      pack's resolution. Exit code 0: the same in meaning; 1: something differs.
      """)

  @Argument(help: "A pack or a checkpoint.")
  var a: String

  @Argument(help: "Another.")
  var b: String

  @Option(help: "Tensors, layers and tokens that are shown of each list.")
  var most: Int = 10

  @OptionGroup var output: OutputOptions
  @OptionGroup var threads: ThreadOptions
  @OptionGroup var quiet: QuietOption

  func validate() throws {
    if most < 1 { throw ValidationError("--most must be at least 1") }
  }

  func run() throws {
    let pool = try ThreadPool(threads: threads.count)
    let resolution = try [a, b].compactMap { path -> Int? in
      guard case .pack(let pack) = try ModelPath.open(path) else { return nil }
      return pack.description.image.resolution
    }.first
    let first = try ModelSide(a, resolution: resolution, pool: pool)
    let second = try ModelSide(b, resolution: resolution, pool: pool)
    let progress = Progress("comparing", unit: "tensors", quiet: quiet.quiet)
    defer { progress.close() }
    let difference = try ModelDifference(first, second) { done, total in
      progress.update(Double(done), of: Double(total))
    }
    progress.close()
    let report = DifferenceReport(first, second, difference, most: most)
    output.json ? report.json.print() : printOrExit(report.text + "\n")
    if !difference.isEmpty { throw ExitCode(ErrorReport.Code.missedLimit.rawValue) }
  }
}
