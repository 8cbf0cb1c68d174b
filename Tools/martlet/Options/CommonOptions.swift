import ArgumentParser
import MartletBoardMessages
import MartletBytes
import MartletCheckpoints
import MartletConversion
import MartletRuntime

/// How many threads to use.
struct ThreadOptions: ParsableArguments {
  @Option(name: .long, help: "Threads to use; the physical cores by default.")
  var threads: Int?

  var count: Int { threads ?? Machine.current().physicalCores }

  func validate() throws {
    if let threads, !(1...AnswerLimits.threads).contains(threads) {
      throw ValidationError("--threads takes 1 to \(AnswerLimits.threads), not '\(threads)'")
    }
  }
}

/// How the packed runtime keeps keys and values.
struct CacheOptions: ParsableArguments {
  @Option(
    help: """
      How keys and values of past positions are kept: f32 (default), f16 at half the memory, or int8 at a quarter \
      (keys before their bias).
      """)
  var kvCache: CachePrecision?

  var precision: CachePrecision { kvCache ?? .float32 }

  /// The float reference keeps them in float.
  func refuse(forCheckpoint path: String) throws {
    guard let kvCache else { return }
    throw CommandError(
      .usage, "--kv-cache \(kvCache.name) is for packs",
      ["'\(path)' is a checkpoint, which the float reference runs"])
  }
}

extension CachePrecision: ExpressibleByArgument {
  public init?(argument: String) { self.init(named: argument) }
  public static var allValueStrings: [String] { all.map(\.name) }
}

/// Parts of the model that come from elsewhere.
struct SourceParts: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "A GGUF file whose language model and tokenizer take the place of the checkpoint's own.",
      valueName: "model.gguf"))
  var languageFrom: String?

  @Option(
    help: ArgumentHelp(
      "A checkpoint whose image encoder takes the place of the checkpoint's own, or stands in where it has none.",
      valueName: "source"))
  var encoderFrom: String?

  @Option(
    help: ArgumentHelp(
      "A trainer's leftovers, e.g. mm_projector.bin, whose tensors replace the checkpoint's own. May be repeated.",
      valueName: "file"))
  var merge: [String] = []

  /// The checkpoint with the parts that other files bring.
  func applied(to base: Checkpoint) throws -> Checkpoint {
    var checkpoint = base
    for file in merge { checkpoint = try checkpoint.merging(Checkpoint.open(file)) }
    if let encoderFrom {
      checkpoint = try checkpoint.takingEncoder(from: Checkpoint.open(encoderFrom))
    }
    return checkpoint
  }

  /// A pack is whole: its parts were joined when it was made.
  func refuse(forPack path: String) throws {
    let given: [(option: String, isGiven: Bool)] = [
      ("--language-from", languageFrom != nil), ("--encoder-from", encoderFrom != nil),
      ("--merge", !merge.isEmpty),
    ]
    for (option, isGiven) in given where isGiven {
      throw CommandError(.usage, "\(option) is for checkpoints", ["'\(path)' is a pack"])
    }
  }

  /// The opened file, where one is given.
  func language() throws -> Checkpoint? { try languageFrom.map { try Checkpoint.open($0) } }
}

/// What is printed besides the result.
struct OutputOptions: ParsableArguments {
  @Flag(name: .long, help: "Print exactly one JSON object on standard output.")
  var json = false
}

struct QuietOption: ParsableArguments {
  @Flag(name: .long, help: "Print no progress and no notes.")
  var quiet = false
}

/// A number of bytes: `512M`, `2G`, `1048576`.
struct ByteSize: ExpressibleByArgument, Equatable, CustomStringConvertible {
  let bytes: Int

  init(bytes: Int) { self.bytes = bytes }

  init?(argument: String) {
    let units: [Character: Int] = ["K": 1 << 10, "M": 1 << 20, "G": 1 << 30, "T": 1 << 40]
    var digits = Substring(argument)
    var unit = 1
    if let last = argument.uppercased().last, let factor = units[last] {
      unit = factor
      digits = digits.dropLast()
    }
    guard let number = Int(digits), number > 0 else { return nil }
    let (bytes, overflow) = number.multipliedReportingOverflow(by: unit)
    if overflow { return nil }
    self.bytes = bytes
  }

  /// As it would be given; also what help shows of a default.
  var description: String {
    for (unit, shift) in [("G", 30), ("M", 20), ("K", 10)] where bytes % (1 << shift) == 0 {
      return "\(bytes >> shift)\(unit)"
    }
    return "\(bytes)"
  }
}
