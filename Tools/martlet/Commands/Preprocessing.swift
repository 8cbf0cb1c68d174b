import ArgumentParser
import MartletBoardMessages
import MartletBytes
import MartletConversion
import MartletImages
import MartletModel
import MartletPack
import MartletQuantization
import MartletReference
import MartletRuntime
import MartletVerification

struct Preprocessing: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Find out how another program prepared its pictures and put its questions.",
    discussion: """
      Answers that differ from another program's most often differ because of the pixels or the prompt, not the weights. \
      With --pixels, every usual way to make a picture square (padded, cut, stretched; on black, gray, the mean; \
      bicubic, bilinear, antialiased or not) and every usual scale of its numbers is held against the tensor that the \
      other program gave its network, for the picture --image. With --answers, the model is asked in every usual way \
      (as well: picture or question first, with and without the system prompt) what the other program was asked, and \
      its answers are compared. Tells the way that was used, with the distances of all, or that none of them was: \
      exit code 1.
      """)

  @Argument(help: "A pack or a checkpoint.")
  var path: String

  @Option(help: "The picture that --pixels were made from.")
  var image: String?

  @Option(
    help:
      "The other program's pixel values: .npy, or a tensor of a safetensors, torch or HDF5 file.")
  var pixels: String?

  @Option(help: "Name of the tensor, where the file holds several.")
  var tensor: String?

  @Option(
    help:
      "The other program's answers, one JSON object a line: image, question, answer.")
  var answers: String?

  @Option(help: "Longest answer, in tokens.")
  var maxTokens: Int = ReferenceRun.longestAnswer

  @OptionGroup var format: OutputOptions
  @OptionGroup var threads: ThreadOptions
  @OptionGroup var quiet: QuietOption

  func validate() throws {
    if pixels == nil, answers == nil {
      throw ValidationError(
        "there is nothing to compare with: --pixels FILE or --answers FILE.jsonl")
    }
    if (pixels == nil) != (image == nil) {
      throw ValidationError("--pixels and --image belong together")
    }
    if tensor != nil, pixels == nil { throw ValidationError("--tensor belongs to --pixels") }
    if maxTokens < 1 { throw ValidationError("--max-tokens must be at least 1") }
  }

  func run() throws {
    let notes = Notes(isQuiet: quiet.quiet)
    let pool = try ThreadPool(threads: threads.count)
    let opened = try ModelPath.open(path)
    var report = PreprocessingReport()
    if let pixels, let image {
      let reference = try PixelFile.read(pixels, tensor: tensor)
      let own: ImageSpecification =
        switch opened {
        case .pack(let pack): pack.description.image
        case .checkpoint(let checkpoint): try LoadedSource(checkpoint).source.description.image
        }
      let progress = Progress("preparing", unit: "variants", quiet: quiet.quiet)
      defer { progress.close() }
      report.pixels = PreprocessingDiagnosis(
        reference, of: try decodedPicture(image), beside: own
      ) { done, total in progress.update(Double(done), of: Double(total)) }
      report.reference = reference
      report.own = own
    }
    if let answers {
      let model: LoadedModel
      switch opened {
      case .pack(let pack): model = try naming(pack: path) { try LoadedModel(pack, pool: pool) }
      case .checkpoint(let checkpoint):
        model = try LoadedModel(
          TemporaryPack(
            LoadedSource(checkpoint), scheme: TuningScheme(.float32, encoder: nil),
            calibration: CalibrationSource(pictures: nil), threads: threads.count, pool: pool, notes
          ).pack, pool: pool)
      }
      let progress = Progress("asking", unit: "variants", quiet: quiet.quiet)
      defer { progress.close() }
      report.answers = try AnswerVariants(
        model: model, options: RunOptions(threads: threads.count), pool: pool,
        longestAnswer: maxTokens
      ).scores(try VerificationCases(images: nil, questions: answers)) { done, total in
        progress.update(Double(done), of: Double(total))
      }
    }
    format.json ? report.json.print() : printOrExit(report.text)
    if !report.matches { throw ExitCode(ErrorReport.Code.missedLimit.rawValue) }
  }
}
