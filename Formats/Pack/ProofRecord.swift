import MartletBytes
import MartletModel

/// `PROF` (pack-format.md, section 3.10). Encoder and decoder stand side by side.
enum ProofRecord {
  private static let digestBytes = 32
  /// A layer's checksum, two summaries and its signal-to-noise ratio.
  private static let layerBytes = 8 + 2 * 4 * (3 + Proof.Summary.sampleCount) + 4
  /// The largest signal-to-noise ratio that is told.
  private static let mostDecibels: Float = 200

  // MARK: Writing

  static func encoded(_ proof: Proof) throws(PackError) -> [UInt8] {
    var writer = ByteWriter()
    writer.uint8(proof.origin.rawValue)
    for checksum in proof.records { writer.uint64(checksum) }
    try writer.u32(proof.tensors.count, "tensor count")
    for mark in proof.tensors { writer.uint64(mark) }
    try writer.string(proof.probe?.text ?? "")
    try encode(ids: proof.probe?.ids ?? [], into: &writer)
    try writer.u32(proof.goldens.count, "picture count")
    for golden in proof.goldens { try encode(golden, into: &writer) }
    return writer.bytes
  }

  private static func encode(
    _ golden: Proof.Golden, into writer: inout ByteWriter
  ) throws(PackError) {
    try writer.string(golden.name)
    try golden.picture.encode(into: &writer)
    try writer.u32(golden.side, "side")
    if golden.pixels.count != digestBytes || golden.smallPixels.count != digestBytes {
      throw .notRepresentable(what: "digest", found: "\(golden.pixels.count) bytes")
    }
    writer.append(golden.pixels)
    writer.append(golden.smallPixels)
    writer.uint8(golden.answer == nil ? 0 : 1)
    for layer in golden.layers {
      writer.uint64(layer.checksum)
      encode(layer.pack, into: &writer)
      encode(layer.reference, into: &writer)
      writer.float(layer.signalToNoise)
    }
    if let answer = golden.answer { try encode(answer, into: &writer) }
  }

  private static func encode(_ summary: Proof.Summary, into writer: inout ByteWriter) {
    writer.float(summary.mean)
    writer.float(summary.rootMeanSquare)
    writer.float(summary.largest)
    for sample in summary.samples { writer.float(sample) }
  }

  private static func encode(
    _ answer: Proof.GoldenAnswer, into writer: inout ByteWriter
  ) throws(PackError) {
    try writer.string(answer.question)
    try encode(ids: answer.promptIDs, into: &writer)
    for candidates in [answer.packCandidates, answer.referenceCandidates] {
      try writer.u32(candidates.count, "candidate count")
      for candidate in candidates {
        try writer.u32(candidate.id, "token id")
        writer.float(candidate.logit)
      }
    }
    writer.float(answer.divergence)
    try encode(ids: answer.packIDs, into: &writer)
    try encode(ids: answer.referenceIDs, into: &writer)
    try writer.string(answer.packText)
    try writer.string(answer.referenceText)
  }

  private static func encode(ids: [Int], into writer: inout ByteWriter) throws(PackError) {
    try writer.u32(ids.count, "id count")
    for id in ids {
      guard let small = Int32(exactly: id) else {
        throw .notRepresentable(what: "token id", found: "\(id)")
      }
      writer.int32(small)
    }
  }

  // MARK: Reading

  /// - Parameters:
  ///   - description: the pack's, whose layers the marks belong to.
  ///   - tensors: how many the pack has.
  static func decoded(
    _ reader: inout RecordReader, description: ModelDescription, tensors: Int
  ) throws(PackError) -> Proof {
    let start = reader.offset
    let kind = try reader.u8()
    guard let origin = Proof.Origin(rawValue: kind) else {
      throw reader.field("origin of pictures", "\(kind)", at: start)
    }
    var records: [UInt64] = []
    for _ in Proof.coveredRecords { records.append(try reader.integer(UInt64.self)) }
    let place = reader.offset
    let count = try reader.count(elementBytes: 8)
    if count != tensors { throw reader.field("tensor count", "\(count)", at: place) }
    var marks: [UInt64] = []
    marks.reserveCapacity(count)
    for _ in 0..<count { marks.append(try reader.integer(UInt64.self)) }
    let text = try reader.string()
    let ids = try self.ids(&reader)
    let goldenCount = try reader.u32("picture count", in: 1...Proof.mostGoldens)
    var goldens: [Proof.Golden] = []
    for _ in 0..<goldenCount { goldens.append(try golden(&reader, description)) }
    try reader.finish()
    let probe = description.tokenizer == nil ? nil : Proof.Probe(text: text, ids: ids)
    if probe == nil, !text.isEmpty || !ids.isEmpty {
      throw reader.field("text for a pack without tokenizer", "\(ids.count) ids", at: place)
    }
    return Proof(
      origin: origin, records: records, tensors: marks, probe: probe, goldens: goldens)
  }

  private static func golden(
    _ reader: inout RecordReader, _ description: ModelDescription
  ) throws(PackError) -> Proof.Golden {
    let name = try reader.string()
    let picture = try StoredPicture(&reader)
    let start = reader.offset
    let side = try reader.u32("side", in: 1...ImageRecord.largestResolution)
    if side > description.image.resolution {
      throw reader.field("side", "\(side)", at: start)
    }
    let pixels = try reader.raw(digestBytes)
    let smallPixels = try reader.raw(digestBytes)
    let answers = try reader.flag("whether there is an answer")
    if answers, !description.canAnswer {
      throw reader.field("answer of a pack that gives none", "1", at: reader.offset - 1)
    }
    var layers: [Proof.LayerMark] = []
    let count = description.layerCount(withLanguage: answers)
    try reader.require(count, layerBytes)
    layers.reserveCapacity(count)
    for _ in 0..<count { layers.append(try layer(&reader)) }
    return Proof.Golden(
      name: name, picture: picture, side: side, pixels: pixels, smallPixels: smallPixels,
      layers: layers, answer: answers ? try answer(&reader) : nil)
  }

  private static func layer(_ reader: inout RecordReader) throws(PackError) -> Proof.LayerMark {
    let checksum = try reader.integer(UInt64.self)
    let pack = try summary(&reader)
    let reference = try summary(&reader)
    let start = reader.offset
    let decibels = try reader.float("signal-to-noise ratio")
    if decibels > mostDecibels {
      throw reader.field("signal-to-noise ratio", "\(decibels)", at: start)
    }
    return Proof.LayerMark(
      checksum: checksum, pack: pack, reference: reference, signalToNoise: decibels)
  }

  private static func summary(_ reader: inout RecordReader) throws(PackError) -> Proof.Summary {
    var summary = Proof.Summary(
      mean: try reader.float("mean"), rootMeanSquare: try reader.float("root mean square"),
      largest: try reader.float("largest value"), samples: [])
    for _ in 0..<Proof.Summary.sampleCount { summary.samples.append(try reader.float("sample")) }
    return summary
  }

  private static func answer(
    _ reader: inout RecordReader
  ) throws(PackError) -> Proof.GoldenAnswer {
    let question = try reader.string()
    let prompt = try ids(&reader)
    let pack = try candidates(&reader)
    let reference = try candidates(&reader)
    let divergence = try reader.float("divergence")
    return Proof.GoldenAnswer(
      question: question, promptIDs: prompt, packCandidates: pack, referenceCandidates: reference,
      divergence: divergence, packIDs: try generated(&reader), referenceIDs: try generated(&reader),
      packText: try reader.string(), referenceText: try reader.string())
  }

  private static func candidates(
    _ reader: inout RecordReader
  ) throws(PackError) -> [Proof.Candidate] {
    let count = try reader.u32("candidate count", in: 0...Proof.GoldenAnswer.mostCandidates)
    var candidates: [Proof.Candidate] = []
    for _ in 0..<count {
      let id = try reader.u32("token id", in: 0...TokenizerRecord.largestID)
      candidates.append(Proof.Candidate(id: id, logit: try reader.float("logit")))
    }
    return candidates
  }

  private static func generated(_ reader: inout RecordReader) throws(PackError) -> [Int] {
    let start = reader.offset
    let ids = try ids(&reader)
    if ids.count > Proof.Golden.mostTokens {
      throw reader.field("answer's length", "\(ids.count)", at: start)
    }
    return ids
  }

  /// Ids, or the sentinel of a picture.
  private static func ids(_ reader: inout RecordReader) throws(PackError) -> [Int] {
    let count = try reader.count(elementBytes: 4)
    var ids: [Int] = []
    ids.reserveCapacity(count)
    for _ in 0..<count {
      let start = reader.offset
      let id = Int(Int32(bitPattern: try reader.integer(UInt32.self)))
      if id != PromptTemplate.imageSentinel, !(0...TokenizerRecord.largestID).contains(id) {
        throw reader.field("token id", "\(id)", at: start)
      }
      ids.append(id)
    }
    return ids
  }
}

extension RecordReader {
  /// A byte that is 0 or 1.
  fileprivate mutating func flag(_ what: String) throws(PackError) -> Bool {
    let start = offset
    let value = try u8()
    if value > 1 { throw field(what, "\(value)", at: start) }
    return value == 1
  }
}

extension ModelDescription {
  /// Whether the parts are there that an answer takes.
  package var canAnswer: Bool {
    tokenizer != nil && prompt != nil && network(.language) != nil
  }

  /// Layers of the networks that a golden picture runs through.
  fileprivate func layerCount(withLanguage: Bool) -> Int {
    var count = 0
    for network in networks where withLanguage || network.role != .language {
      count += network.layers.count
    }
    return count
  }
}
