import Foundation
import MartletBytes
import MartletTestSupport

/// A built executable, run as a person runs it.
struct Program: Sendable, CustomStringConvertible {
  let name: String

  static let martlet = Program(name: "martlet")
  static let board = Program(name: "martlet-run")

  var description: String { name }

  /// Executables lie beside the test runner.
  var path: String {
    let runner = URL(filePath: CommandLine.arguments[0]).deletingLastPathComponent()
    return runner.appending(path: name).path()
  }

  /// What a run left behind.
  struct Outcome {
    /// The exit code; negative the signal that ended the process.
    var code: Int32
    var output: String
    var error: String

    /// The first line on standard error that is neither a note nor a warning.
    var headline: String? {
      error.split(separator: "\n").first { $0.hasPrefix("error: ") }.map(String.init)
    }

    /// The report from its headline on.
    var report: String {
      guard let start = error.range(of: "error: ")?.lowerBound else { return "" }
      return String(error[start...])
    }
  }

  /// Runs to the end; a run that takes two minutes is killed.
  func run(_ arguments: String..., under shell: String? = nil) throws -> Outcome {
    try run(arguments, under: shell)
  }

  /// - Parameter shell: commands of `sh` that come first, e.g. a limit; the program's words are `"$@"`.
  func run(_ arguments: [String], under shell: String? = nil) throws -> Outcome {
    let scratch = try TemporaryDirectory()
    let process = try launchable(arguments, under: shell)
    let streams = try ["output", "error"].map { name in
      let path = try scratch.write("", to: name)
      return try FileHandle(forWritingTo: URL(filePath: path))
    }
    process.standardOutput = streams[0]
    process.standardError = streams[1]
    try process.finish(within: 120)
    return Outcome(
      code: process.terminationReason == .exit
        ? process.terminationStatus : -process.terminationStatus,
      output: try String(contentsOfFile: scratch.path("output"), encoding: .utf8),
      error: try String(contentsOfFile: scratch.path("error"), encoding: .utf8))
  }

  /// A process that is ready to start.
  func launchable(_ arguments: [String], under shell: String? = nil) throws -> Process {
    let process = Process()
    var environment = ProcessInfo.processInfo.environment
    // A crash must end at once to be seen.
    environment["SWIFT_BACKTRACE"] = "enable=no"
    process.environment = environment
    process.standardInput = FileHandle.nullDevice
    if let shell {
      process.executableURL = URL(filePath: "/bin/sh")
      process.arguments = ["-c", shell, "sh", path] + arguments
    } else {
      process.executableURL = URL(filePath: path)
      process.arguments = arguments
    }
    return process
  }
}

extension Process {
  /// Starts, and waits; ends what takes too long.
  func finish(within seconds: Double) throws {
    let ended = DispatchSemaphore(value: 0)
    terminationHandler = { _ in ended.signal() }
    try run()
    if ended.wait(timeout: .now() + seconds) == .timedOut {
      kill(processIdentifier, SIGKILL)
      ended.wait()
    }
  }
}
