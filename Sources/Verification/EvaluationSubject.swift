import MartletBytes
import MartletModel

/// What an evaluation is of: the first line of a results file. Results belong together where everything but the paths
/// and the shard is equal.
package struct EvaluationSubject: Equatable, Sendable {
  package struct Pack: Equatable, Sendable {
    package var path: String
    /// `Pack.identity`: changes with any byte.
    package var identity: UInt64
    package var byteCount: Int
    package var scheme: String
    /// For reports: key and value as text.
    package var provenance: [Entry]

    package init(
      path: String, identity: UInt64, byteCount: Int, scheme: String, provenance: [Entry]
    ) {
      self.path = path
      self.identity = identity
      self.byteCount = byteCount
      self.scheme = scheme
      self.provenance = provenance
    }
  }

  package struct Entry: Equatable, Sendable {
    package var key: String
    package var value: String

    package init(key: String, value: String) {
      self.key = key
      self.value = value
    }
  }

  /// The program that compared: another version may compute otherwise.
  package var tool: String
  package var pack: Pack
  package var referencePath: String
  /// SHA-256 of all files of the reference.
  package var referenceDigest: [UInt8]
  /// `VerificationCases.digest`
  package var casesDigest: [UInt8]
  package var pictures: Int
  package var questions: Int
  package var longestAnswer: Int
  package var layerPictures: Int
  package var instructionSet: String
  /// How the pack kept keys and values: `CachePrecision.name`.
  package var keyValueCache: String
  package var threads: Int
  package var machine: String
  /// How pictures are prepared.
  package var image: ImageSpecification
  package var shard: Shard

  package init(
    tool: String, pack: Pack, referencePath: String, referenceDigest: [UInt8],
    cases: VerificationCases, longestAnswer: Int, layerPictures: Int, instructionSet: String,
    keyValueCache: String, threads: Int, machine: String, image: ImageSpecification, shard: Shard
  ) {
    self.tool = tool
    self.pack = pack
    self.referencePath = referencePath
    self.referenceDigest = referenceDigest
    casesDigest = cases.digest
    pictures = cases.pictures.count
    questions = cases.questionCount
    self.longestAnswer = longestAnswer
    self.layerPictures = layerPictures
    self.instructionSet = instructionSet
    self.keyValueCache = keyValueCache
    self.threads = threads
    self.machine = machine
    self.image = image
    self.shard = shard
  }

  /// The first thing in which another evaluation differs, with both values.
  ///
  /// Machines may differ: the pack computes the same on all, the reference up to rounding.
  package func difference(
    from other: EvaluationSubject
  ) -> (what: String, expected: String, found: String)? {
    let rows: [(String, String, String)] = [
      ("version of martlet", tool, other.tool),
      ("pack", Self.text(pack.identity), Self.text(other.pack.identity)),
      (
        "reference", SHA256.hexadecimal(referenceDigest), SHA256.hexadecimal(other.referenceDigest)
      ),
      ("questions", SHA256.hexadecimal(casesDigest), SHA256.hexadecimal(other.casesDigest)),
      ("number of pictures", "\(pictures)", "\(other.pictures)"),
      ("number of questions", "\(questions)", "\(other.questions)"),
      ("--max-tokens", "\(longestAnswer)", "\(other.longestAnswer)"),
      ("--layer-pictures", "\(layerPictures)", "\(other.layerPictures)"),
      ("--kv-cache", keyValueCache, other.keyValueCache),
      ("resolution", "\(image.resolution)", "\(other.image.resolution)"),
      ("number of shards", "\(shard.count)", "\(other.shard.count)"),
    ]
    return rows.first { $0.1 != $0.2 }
  }

  /// 16 hexadecimal digits.
  package static func text(_ identity: UInt64) -> String {
    SHA256.hexadecimal((0..<8).map { UInt8(truncatingIfNeeded: identity >> (56 - 8 * $0)) })
  }
}

extension EvaluationSubject {
  static let version = 2

  var json: JSONObject {
    var pack = JSONObject()
    pack.set("path", .string(self.pack.path))
    pack.set("identity", .string(Self.text(self.pack.identity)))
    pack.set("bytes", JSONValue(self.pack.byteCount))
    pack.set("scheme", .string(self.pack.scheme))
    pack.set(
      "provenance",
      .array(self.pack.provenance.map { .array([.string($0.key), .string($0.value)]) }))
    var image = JSONObject()
    image.set("resolution", JSONValue(self.image.resolution))
    image.set("fit", .string(self.image.fit == .pad ? "pad" : "crop"))
    image.set("fill", .array(self.image.fill.map { JSONValue(Int($0)) }))
    var json = JSONObject()
    json.set("martlet_verification", JSONValue(Self.version))
    json.set("tool", .string(tool))
    json.set("pack", .object(pack))
    json.set("reference", .string(referencePath))
    json.set("reference_sha256", .string(SHA256.hexadecimal(referenceDigest)))
    json.set("cases_sha256", .string(SHA256.hexadecimal(casesDigest)))
    json.set("pictures", JSONValue(pictures))
    json.set("questions", JSONValue(questions))
    json.set("max_tokens", JSONValue(longestAnswer))
    json.set("layer_pictures", JSONValue(layerPictures))
    json.set("isa", .string(instructionSet))
    json.set("kv_cache", .string(keyValueCache))
    json.set("threads", JSONValue(threads))
    json.set("machine", .string(machine))
    json.set("image", .object(image))
    json.set("shard", JSONValue(shard.index))
    json.set("shards", JSONValue(shard.count))
    return json
  }

  init(_ reader: inout ResultsReader) throws(ResultsProblem) {
    let version = try reader.int("martlet_verification", 0...Int.max)
    if version != Self.version { throw .version(version) }
    tool = try reader.text("tool")
    pack = try reader.object("pack") { (reader: inout ResultsReader) throws(ResultsProblem) in
      Pack(
        path: try reader.text("path"),
        identity: try reader.word("identity"), byteCount: try reader.int("bytes", 0...Int.max),
        scheme: try reader.text("scheme"),
        provenance: try reader.array("provenance") { value throws(ResultsProblem) in
          guard let pair = value.array, pair.count == 2, let key = pair[0].string,
            let text = pair[1].string
          else { throw .kind(key: "provenance", expected: "pairs of texts") }
          return Entry(key: key, value: text)
        })
    }
    referencePath = try reader.text("reference")
    referenceDigest = try reader.digest("reference_sha256")
    casesDigest = try reader.digest("cases_sha256")
    pictures = try reader.int("pictures", 1...1_000_000_000)
    questions = try reader.int("questions", 0...1_000_000_000)
    longestAnswer = try reader.int("max_tokens", 1...Int.max)
    layerPictures = try reader.int("layer_pictures", 0...Int.max)
    instructionSet = try reader.text("isa")
    keyValueCache = try reader.text("kv_cache")
    threads = try reader.int("threads", 1...1_000_000)
    machine = try reader.text("machine")
    image = try reader.object("image") { (reader: inout ResultsReader) throws(ResultsProblem) in
      let resolution = try reader.int("resolution", 1...4096)
      let fit = try reader.text("fit")
      guard fit == "pad" || fit == "crop" else { throw .kind(key: "fit", expected: "pad or crop") }
      let fill = try reader.array("fill") { value throws(ResultsProblem) in
        guard let byte = value.int, let byte = UInt8(exactly: byte) else {
          throw .kind(key: "fill", expected: "bytes")
        }
        return byte
      }
      guard fill.count == 3 else { throw .kind(key: "fill", expected: "3 bytes") }
      return ImageSpecification(
        resolution: resolution, fit: fit == "pad" ? .pad : .crop, fill: fill)
    }
    let count = try reader.int("shards", 1...Shard.most)
    shard = Shard(index: try reader.int("shard", 1...count), count: count)
  }
}
