import Testing

@Suite struct HelpTests {
  /// The options of the contract, command by command.
  static let contract: [(command: String, options: [String])] = [
    (
      "convert",
      [
        "-o", "--scheme", "--encoder", "--language", "--calibration", "--questions",
        "--answer-tokens",
        "--resolution",
        "--resolutions",
        "--image-fit", "--keep", "--raw", "--max-memory", "--max-kl", "--max-size",
        "--max-first-token", "--max-score-drop", "--threads", "--seed", "--quiet",
      ]
    ),
    (
      "calibrate",
      ["--images", "--questions", "--answer-tokens", "-o", "--max-memory", "--threads", "--quiet"]
    ),
    ("inspect", ["--json", "--tensors", "--schedule"]),
    (
      "run",
      [
        "--image", "--prompt", "--max-tokens", "--temperature", "--seed", "--isa", "--json",
        "--threads", "--deadline-ms",
      ]
    ),
    ("export", ["--to", "-o", "--type", "--language-from", "--threads", "--quiet"]),
    ("trace", ["--image", "--prompt", "-o", "--form", "--tap", "--max-tokens", "--threads"]),
    (
      "verify",
      [
        "--reference", "--images", "--questions", "--json", "--report", "--min-cosine", "--max-kl",
        "--min-agreement", "--max-score-drop", "--threads", "--output", "--shard", "--merge",
        "--answers", "--what-if", "--layer-pictures", "--resolution",
      ]
    ),
    (
      "serve",
      [
        "--port", "--host", "--key-file", "--no-key", "--allow-files", "--model-name",
        "--max-tokens", "--max-pictures", "--max-pixels", "--max-body", "--max-queue",
        "--max-connections", "--patience", "--isa", "--threads", "--quiet",
      ]
    ),
    (
      "tune",
      [
        "--images", "--questions", "--budget-ms", "--schemes", "--resolutions", "--calibration",
        "--output", "--report", "--max-tokens", "--json", "--threads", "--quiet",
      ]
    ),
    (
      "preprocessing",
      ["--image", "--pixels", "--tensor", "--answers", "--max-tokens", "--json", "--threads"]
    ),
  ]

  @Test(arguments: contract)
  func everyCommandExplainsItselfAndItsOptions(command: String, options: [String]) throws {
    let outcome = try Program.martlet.run(command, "--help")
    #expect(outcome.code == 0)
    #expect(outcome.error == "")
    #expect(outcome.output.hasPrefix("OVERVIEW: "))
    #expect(outcome.output.contains("USAGE: martlet \(command)"))
    for option in options + ["--help"] {
      let line = outcome.output.split(separator: "\n").first {
        $0.hasPrefix("  \(option) ") || $0.hasPrefix("  \(option),") || $0.contains(", \(option) ")
      }
      #expect(line != nil, "\(command) \(option) is not in the help")
    }
  }

  @Test func everyListedCommandHasHelp() throws {
    let outcome = try Program.martlet.run("--help")
    #expect(outcome.code == 0)
    let parts = outcome.output.components(separatedBy: "SUBCOMMANDS:\n")
    try #require(parts.count == 2)
    let names = parts[1].split(separator: "\n").compactMap { line -> String? in
      guard line.hasPrefix("  "), !line.hasPrefix("   "), !line.contains("See '") else {
        return nil
      }
      return line.split(separator: " ").first.map(String.init)
    }
    #expect(Set(names).isSuperset(of: Self.contract.map(\.command)))
    for name in names {
      let help = try Program.martlet.run(name, "--help")
      #expect(help.code == 0, "\(name)")
      #expect(help.output.hasPrefix("OVERVIEW: "), "\(name)")
    }
  }

  @Test func theBoardBinaryExplainsItself() throws {
    let outcome = try Program.board.run("--help")
    #expect(outcome.code == 0)
    for option in [
      "--image", "--prompt", "--max-tokens", "--json", "--isa", "--threads", "--temperature",
      "--seed", "--version", "--cores", "--max-memory",
    ] {
      #expect(outcome.output.contains(option), "\(option)")
    }
  }

  @Test(arguments: [Program.martlet, .board])
  func versionsAreToldOnStandardOutput(program: Program) throws {
    let outcome = try program.run("--version")
    #expect(outcome.code == 0)
    #expect(outcome.output.hasPrefix(program.name + " "))
  }
}
