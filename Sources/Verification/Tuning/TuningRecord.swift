import MartletBytes

/// A resolution and a scheme that a model can run at.
package struct TuningPoint: Hashable, Sendable {
  package var resolution: Int
  package var scheme: String

  package init(resolution: Int, scheme: String) {
    self.resolution = resolution
    self.scheme = scheme
  }

  /// The float reference at the checkpoint's own side, whose answers stand in where none are known.
  package static let reference = "reference"
}

/// What one point made of one picture.
package struct TuningRecord: Equatable, Sendable {
  package var point: TuningPoint
  package var packBytes: Int
  /// Place among all pictures.
  package var picture: Int
  /// One a question, in order.
  package var answers: [String]
  /// Milliseconds of encoder and projector.
  package var encode: Double
  /// Milliseconds from the decoded picture to the first token, one a question.
  package var firstTokens: [Double]

  package init(
    point: TuningPoint, packBytes: Int, picture: Int, answers: [String], encode: Double,
    firstTokens: [Double]
  ) {
    self.point = point
    self.packBytes = packBytes
    self.picture = picture
    self.answers = answers
    self.encode = encode
    self.firstTokens = firstTokens
  }

  var json: JSONObject {
    var json = JSONObject()
    json.set("resolution", JSONValue(point.resolution))
    json.set("scheme", JSONValue(point.scheme))
    json.set("pack_bytes", JSONValue(packBytes))
    json.set("picture", JSONValue(picture))
    json.set("answers", .array(answers.map { JSONValue($0) }))
    json.set("encode_ms", .exact(encode))
    json.set("first_token_ms", .exact(firstTokens))
    return json
  }

  init(_ reader: inout ResultsReader) throws(ResultsProblem) {
    point = TuningPoint(
      resolution: try reader.int("resolution", 1...16384), scheme: try reader.text("scheme"))
    packBytes = try reader.int("pack_bytes", 0...Int.max)
    picture = try reader.int("picture", 0...Int.max)
    answers = try reader.array("answers") { value throws(ResultsProblem) in
      guard let text = value.string else { throw .kind(key: "answers", expected: "texts") }
      return text
    }
    encode = try Self.time([try reader.number("encode_ms")], key: "encode_ms")
    firstTokens = try reader.numbers("first_token_ms", count: answers.count)
    for time in firstTokens { _ = try Self.time([time], key: "first_token_ms") }
  }

  private static func time(
    _ times: [Double], key: String
  ) throws(ResultsProblem) -> Double {
    guard times.count == 1, times[0].isFinite, times[0] >= 0 else {
      throw .kind(key: key, expected: "a time")
    }
    return times[0]
  }
}

/// What a tuning is of: the first line of its file. Times belong to a machine, so unlike those of an evaluation the
/// records of two machines do not belong together.
package struct TuningSubject: Equatable, Sendable {
  package var tool: String
  package var source: String
  /// SHA-256 over names and hashes of all files of the source.
  package var sourceDigest: [UInt8]
  package var casesDigest: [UInt8]
  package var pictures: Int
  package var questions: Int
  package var longestAnswer: Int
  /// What was calibrated with; empty for nothing.
  package var calibration: String
  package var instructionSet: String
  package var threads: Int
  package var machine: String

  package init(
    tool: String, source: String, sourceDigest: [UInt8], cases: VerificationCases,
    longestAnswer: Int, calibration: String, instructionSet: String, threads: Int, machine: String
  ) {
    self.tool = tool
    self.source = source
    self.sourceDigest = sourceDigest
    casesDigest = cases.digest
    pictures = cases.pictures.count
    questions = cases.questionCount
    self.longestAnswer = longestAnswer
    self.calibration = calibration
    self.instructionSet = instructionSet
    self.threads = threads
    self.machine = machine
  }

  /// The first thing in which another tuning differs, with both values; where the source lies does not count.
  func difference(
    from other: TuningSubject
  ) -> (what: String, expected: String, found: String)? {
    let rows: [(String, String, String)] = [
      ("version of martlet", tool, other.tool),
      (
        "source", SHA256.hexadecimal(sourceDigest), SHA256.hexadecimal(other.sourceDigest)
      ),
      ("questions", SHA256.hexadecimal(casesDigest), SHA256.hexadecimal(other.casesDigest)),
      ("--max-tokens", "\(longestAnswer)", "\(other.longestAnswer)"),
      ("--calibration", calibration, other.calibration),
      ("instruction set", instructionSet, other.instructionSet),
      ("threads", "\(threads)", "\(other.threads)"), ("machine", machine, other.machine),
    ]
    for (what, expected, found) in rows where expected != found { return (what, expected, found) }
    return nil
  }

  static let version = 1

  var json: JSONObject {
    var json = JSONObject()
    json.set("martlet_tuning", JSONValue(Self.version))
    json.set("tool", JSONValue(tool))
    json.set("source", JSONValue(source))
    json.set("source_sha256", JSONValue(SHA256.hexadecimal(sourceDigest)))
    json.set("cases_sha256", JSONValue(SHA256.hexadecimal(casesDigest)))
    json.set("pictures", JSONValue(pictures))
    json.set("questions", JSONValue(questions))
    json.set("max_tokens", JSONValue(longestAnswer))
    json.set("calibration", JSONValue(calibration))
    json.set("isa", JSONValue(instructionSet))
    json.set("threads", JSONValue(threads))
    json.set("machine", JSONValue(machine))
    return json
  }

  init(_ reader: inout ResultsReader) throws(ResultsProblem) {
    let version = try reader.int("martlet_tuning", 0...Int.max)
    if version != Self.version { throw .version(version) }
    tool = try reader.text("tool")
    source = try reader.text("source")
    sourceDigest = try reader.digest("source_sha256")
    casesDigest = try reader.digest("cases_sha256")
    pictures = try reader.int("pictures", 1...Int.max)
    questions = try reader.int("questions", 0...Int.max)
    longestAnswer = try reader.int("max_tokens", 1...Int.max)
    calibration = try reader.text("calibration")
    instructionSet = try reader.text("isa")
    threads = try reader.int("threads", 1...Int.max)
    machine = try reader.text("machine")
  }
}
