import ArgumentParser
import MartletBoardMessages
import MartletBytes
import MartletMessages
import MartletPack
import MartletRuntime

/// An error a command itself found.
struct CommandError: Error {
  var report: ErrorReport

  init(_ report: ErrorReport) { self.report = report }

  init(
    _ code: ErrorReport.Code, _ headline: String, _ evidence: [String] = [], hint: String? = nil
  ) {
    report = ErrorReport(code, headline, evidence, hint: hint)
  }
}

/// Gives the errors of a pack, which knows only its bytes, the name of its file.
func naming<Result>(pack path: String, _ body: () throws -> Result) throws -> Result {
  do {
    return try body()
  } catch let error as PackError {
    throw CommandError(.of(error, in: path))
  } catch let error as RuntimeError {
    throw CommandError(.of(error, in: path))
  }
}

extension ErrorReport {
  /// Ends the process as the contract says.
  func printAndExit() -> Never {
    // A standard error that cannot be written leaves the exit code to speak.
    try? StandardStream.error.write(text)
    Martlet.exit(withError: ExitCode(code.rawValue))
  }
}

/// Writes a result to standard output. A result that cannot be written ends the process with its report.
func printOrExit(_ text: String) {
  do throws(BytesError) {
    try StandardStream.output.write(text)
  } catch {
    ErrorReport.of(error).printAndExit()
  }
}
