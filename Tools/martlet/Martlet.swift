// The command line: options in, one call into the floors below, results and errors rendered.
//
// In:      arguments, files.
// Out:     results on standard output, progress and notes on standard error, an exit code of the contract.
// Refuses: whatever the modules refuse, in four plain parts: what failed, where, what was expected, a hint.

import ArgumentParser
import CMartletPlatform
import MartletBoardMessages
import MartletBytes
import MartletMessages
import MartletModel

@main
struct Martlet: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "martlet",
    abstract: "Take a FastVLM checkpoint to a small Linux board: convert, quantize, verify, run.",
    discussion: """
      A checkpoint in any FastVLM layout becomes one packed file that holds weights, tokenizer, template and \
      preprocessing; the runtime beside it answers questions about pictures.

        martlet convert CHECKPOINT -o model.martlet --calibration PICTURES
        martlet run model.martlet --image photo.jpg --prompt "What is this?"

      Exit codes: 0 done, 1 a check failed (a limit given to verify, the proof in a pack, diff found differences), 64 usage, 65 bad data, 66 input missing, \
      70 a bug in Martlet, 74 input or output failed.
      """,
    version: MartletVersion.text,
    subcommands: [
      Convert.self, Calibrate.self, Doctor.self, Inspect.self, Run.self, Trace.self, Verify.self,
      Bench.self, Synthesize.self, Export.self, Diff.self, Serve.self, Tune.self,
      Preprocessing.self,
    ])

  static func main() {
    martlet_refuse_size_signal()
    do {
      try checkCommand(CommandLine.arguments.dropFirst().first)
      var command = try parseAsRoot()
      try command.run()
    } catch let error as CommandError {
      error.report.printAndExit()
    } catch {
      if let report = ErrorReport(error) { report.printAndExit() }
      exit(afterParsing: error)
    }
  }

  /// The parser would call a misspelled command an unexpected argument.
  private static func checkCommand(_ word: String?) throws {
    guard let word, !word.hasPrefix("-"), word != "help" else { return }
    let names = configuration.subcommands.map { $0._commandName }
    if names.contains(word) { return }
    throw CommandError(
      .usage, "unknown command '\(word)'", ["known: \(names.joined(separator: ", "))"],
      hint: NearestName.nearest(to: word, among: names).map { "did you mean '\($0)'?" })
  }

  /// Help and versions as they are; usage errors in the form of all others.
  private static func exit(afterParsing error: any Error) -> Never {
    let code = exitCode(for: error)
    if code.isSuccess { exit(withError: error) }
    let prefix = "Error: "
    var text = fullMessage(for: error)
    if text.hasPrefix(prefix) {
      let words = text.dropFirst(prefix.count)
      text = "error: " + words.prefix(1).lowercased() + words.dropFirst()
    }
    try? StandardStream.error.write(text + "\n")
    exit(withError: code)
  }
}
