import CMartletPlatform
import MartletBoardMessages
import MartletBytes
import MartletModel
import MartletRuntime

/// What the command line asks for.
struct Arguments {
  var pack = ""
  var pictures: [String] = []
  var prompt = ""
  var maximumTokens = 256
  /// 0 takes the likeliest token.
  var temperature: Float = 0
  var seed: UInt64 = 0
  /// The best of the machine where `nil`.
  var instructionSet: String?
  /// The physical cores where `nil`.
  var threads: Int?
  var cache = CachePrecision.float32
  /// Processors to run on; chosen by `MachineShare` where `nil`.
  var cores: [Int]?
  /// Bytes this process may hold; no bound where `nil`.
  var memory: Int?
  var isJSON = false
  /// Milliseconds to the first token that decide the size of pictures.
  var deadline: Double?

  enum Request {
    case help
    case version
    case answer(Arguments)
    /// Only the pack, the instruction set, threads and the form of the result matter.
    case selfTest(Arguments)
  }

  /// - Throws: a report of wrong usage.
  static func parse(_ words: [String]) throws(ErrorReport) -> Request {
    var reader = WordReader(words)
    var arguments = Arguments()
    var packs: [String] = []
    var hasPrompt = false
    var isSelfTest = false
    /// Given, and without a meaning for a self-test.
    var asking: String?
    while let word = reader.next() {
      switch word {
      case .operand(let text): packs.append(text)
      case .option(let name, let attached):
        let option = OptionValue(name: name, attached: attached)
        switch name {
        case "--help", "-h": return .help
        case "--version": return .version
        case "--json":
          if attached != nil { throw usage("--json takes no value") }
          arguments.isJSON = true
        case "--self-test":
          if attached != nil { throw usage("--self-test takes no value") }
          isSelfTest = true
        case "--image": arguments.pictures.append(try option.text(&reader))
        case "--prompt":
          arguments.prompt = try option.text(&reader)
          hasPrompt = true
        case "--isa": arguments.instructionSet = try option.text(&reader)
        case "--kv-cache":
          let text = try option.text(&reader)
          guard let cache = CachePrecision(named: text) else {
            throw usage("--kv-cache takes f32, f16 or int8, not '\(text)'")
          }
          arguments.cache = cache
        case "--max-tokens":
          arguments.maximumTokens = try option.integer(&reader, in: 1...AnswerLimits.tokens)
        case "--threads":
          arguments.threads = try option.integer(&reader, in: 1...AnswerLimits.threads)
        case "--cores":
          let text = try option.text(&reader)
          guard let cores = Processors.list(text) else {
            throw usage("--cores takes numbers of processors such as 0-3,6, not '\(text)'")
          }
          arguments.cores = cores
        case "--max-memory": arguments.memory = try option.byteCount(&reader)
        case "--seed":
          arguments.seed = UInt64(try option.integer(&reader, in: 0...Int.max))
        case "--temperature":
          arguments.temperature = try option.number(&reader, upTo: AnswerLimits.temperature)
        case "--deadline-ms":
          arguments.deadline = Double(try option.number(&reader, upTo: AnswerLimits.deadline))
        default: throw unknown(name)
        }
        if !["--json", "--self-test", "--isa", "--threads", "--cores"].contains(name) {
          asking = name
        }
      }
    }
    guard let pack = packs.first else { throw usage("no pack is named") }
    if packs.count > 1 { throw usage("one pack at a time: unexpected '\(packs[1])'") }
    arguments.pack = pack
    if isSelfTest {
      if let asking { throw usage("\(asking) does not go with --self-test") }
      return .selfTest(arguments)
    }
    if !hasPrompt { throw usage("--prompt is missing") }
    if arguments.deadline != nil, arguments.pictures.isEmpty {
      throw usage("--deadline-ms chooses the size of pictures: give one with --image FILE")
    }
    return .answer(arguments)
  }

  static func usage(_ headline: String, hint: String? = nil) -> ErrorReport {
    ErrorReport(.usage, headline, hint: hint ?? "martlet-run --help shows all options")
  }

  private static func unknown(_ name: String) -> ErrorReport {
    let nearest = NearestName.nearest(to: name, among: Help.options)
    return usage("unknown option '\(name)'", hint: nearest.map { "did you mean '\($0)'?" })
  }
}

/// The words of a command line, one after another.
struct WordReader {
  enum Word {
    case operand(String)
    /// `--name` or `--name=attached`.
    case option(String, attached: String?)
  }

  private let words: [String]
  private var index = 0
  private var onlyOperands = false

  init(_ words: [String]) { self.words = words }

  mutating func next() -> Word? {
    guard let text = nextText() else { return nil }
    let bytes = Array(text.utf8)
    let dash = UInt8(ascii: "-")
    if onlyOperands || bytes.count < 2 || bytes[0] != dash { return .operand(text) }
    if text == "--" {
      onlyOperands = true
      return next()
    }
    if bytes[1] == dash, let split = bytes.firstIndex(of: UInt8(ascii: "=")) {
      return .option(
        String(decoding: bytes[..<split], as: UTF8.self),
        attached: String(decoding: bytes[(split + 1)...], as: UTF8.self))
    }
    return .option(text, attached: nil)
  }

  /// The next word whatever it looks like: an option's value.
  mutating func nextText() -> String? {
    if index == words.count { return nil }
    index += 1
    return words[index - 1]
  }
}

/// The value of one option, attached or the next word.
private struct OptionValue {
  let name: String
  let attached: String?

  func text(_ reader: inout WordReader) throws(ErrorReport) -> String {
    if let attached { return attached }
    guard let word = reader.nextText() else { throw Arguments.usage("\(name) needs a value") }
    return word
  }

  func integer(
    _ reader: inout WordReader, in range: ClosedRange<Int>
  ) throws(ErrorReport) -> Int {
    let text = try text(&reader)
    guard let value = Int(text), range.contains(value) else {
      let least = range.lowerBound
      let most = range.upperBound
      throw Arguments.usage("\(name) takes \(least) to \(most), not '\(text)'")
    }
    return value
  }

  /// A number of bytes: `400M`, `2G`, `1048576`.
  func byteCount(_ reader: inout WordReader) throws(ErrorReport) -> Int {
    let text = try text(&reader)
    var digits = Substring(text)
    var shift = 0
    for (unit, bits) in [("K", 10), ("M", 20), ("G", 30)] where digits.hasSuffix(unit) {
      digits = digits.dropLast()
      shift = bits
      break
    }
    guard let number = Int(digits), number > 0, number <= Int.max >> shift else {
      throw Arguments.usage("\(name) takes a number of bytes such as 400M or 2G, not '\(text)'")
    }
    return number << shift
  }

  func number(_ reader: inout WordReader, upTo limit: Float) throws(ErrorReport) -> Float {
    let text = try text(&reader)
    var value = 0.0
    let characters = text.utf8.map { CChar(bitPattern: $0) }
    // SAFETY: the callee reads exactly `count` characters during the call.
    let isNumber = unsafe martlet_parse_double(characters, characters.count, &value)
    guard isNumber, value >= 0, value <= Double(limit) else {
      throw Arguments.usage("\(name) takes 0 to \(Int(limit)), not '\(text)'")
    }
    return Float(value)
  }
}
