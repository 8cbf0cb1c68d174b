// The board binary: a pack, pictures and a question in, text out.
//
// In:      a pack written by martlet convert, PNG, JPEG or WebP pictures, a prompt.
// Out:     the answer as it comes on standard output, or one JSON object with ids and timings.
// Refuses: what `martlet run` refuses, in the same words and with the same exit codes; checkpoints.
//
// No Foundation and no argument parser: the same files compile as Embedded Swift.

import CMartletPlatform
import MartletBoardMessages
import MartletBytes

/// Runs the command and gives its exit code.
func runCommand(_ arguments: [String]) -> Int32 {
  martlet_refuse_size_signal()
  do throws(ErrorReport) {
    switch try Arguments.parse(arguments) {
    case .help: try output(Help.text)
    case .version: try output("martlet-run " + MartletVersion.number + "\n")
    case .selfTest(let arguments): try SelfTest(arguments).run()
    case .answer(let arguments):
      var answering = try Answering(arguments)
      try answering.run()
    }
    return 0
  } catch {
    // A standard error that cannot be written leaves the exit code to speak.
    do throws(BytesError) { try StandardStream.error.write(error.text) } catch {}
    return error.code.rawValue
  }
}

/// Writes a result.
func output(_ text: String) throws(ErrorReport) {
  do throws(BytesError) { try StandardStream.output.write(text) } catch { throw .of(error) }
}

#if hasFeature(Embedded)
  /// Embedded Swift has no `CommandLine`.
  @_cdecl("main")
  func main(
    _ count: Int32, _ values: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>
  ) -> Int32 {
    var arguments: [String] = []
    for index in 0..<Int(count) {
      // SAFETY: the system passes `count` zero-terminated strings.
      if let value = unsafe values[index] { unsafe arguments.append(String(cString: value)) }
    }
    return runCommand(Array(arguments.dropFirst()))
  }
#else
  @main
  struct MartletRun {
    static func main() {
      martlet_exit(runCommand(Array(CommandLine.arguments.dropFirst())))
    }
  }
#endif
