import MartletBoardMessages
import MartletBytes
import MartletCheckpoints
import MartletModel
import MartletPack
import MartletReference
import MartletRuntime
import MartletVerification

/// Reference and packs loaded, and the pictures that are to be compared.
final class VerificationRun {
  let cases: VerificationCases
  /// One a pack.
  let subjects: [EvaluationSubject]
  let source: LoadedSource
  let reference: ReferenceRun
  let packed: [PackedRun]
  private let command: Verify
  private let verifier: Verifier
  private let notes: Notes

  init(
    _ command: Verify, packs: [Pack], reference path: String, pool: ThreadPool, notes: Notes
  ) throws {
    let cases = try VerificationCases(images: command.images, questions: command.questions)
    let side = command.resolution ?? packs[0].description.image.resolution
    let source = try LoadedSource(
      try command.parts.applied(to: Checkpoint.open(path)), language: try command.parts.language(),
      resolution: side)
    if source.checkpointResolution != side {
      notes.say(
        "the pack was made for \(side)², the checkpoint states \(source.checkpointResolution)²; "
          + "both run at the pack's")
    }
    let model = try ReferenceModel(
      description: source.folded.description, parameters: source.folded.parameters,
      options: ReferenceOptions(threads: command.threads.count))
    let options = RunOptions(
      instructionSet: try command.isa.map { try InstructionSet(named: $0) } ?? .best,
      threads: command.threads.count, cache: command.cache.precision)
    let reference = try ReferenceRun(model, longestAnswer: command.maxTokens)
    let packed = try packs.map { pack in
      try PackedRun(
        try naming(pack: pack.path) { try LoadedModel(pack, pool: pool).at(side) },
        preparation: pack.preparation, beside: reference, options: options, pool: pool)
    }
    let digest = try Self.digest(of: source)
    subjects = packs.map { pack in
      EvaluationSubject(
        tool: MartletVersion.text, pack: EvaluationSubject.Pack(pack), referencePath: path,
        referenceDigest: digest, cases: cases, longestAnswer: command.maxTokens,
        layerPictures: command.layerPictures, instructionSet: options.instructionSet.name,
        keyValueCache: options.cache.name,
        threads: command.threads.count, machine: Machine.current().model,
        image: source.folded.description.image, shard: command.shard ?? .whole)
    }
    verifier = Verifier(
      reference: reference, packs: packed, layerPictures: command.layerPictures)
    self.cases = cases
    self.source = source
    self.reference = reference
    self.packed = packed
    self.command = command
    self.notes = notes
  }

  /// Paths of the pictures by their names, to show them.
  var picturePaths: [String: String] {
    Dictionary(cases.pictures.map { ($0.name, $0.path) }, uniquingKeysWith: { first, _ in first })
  }

  /// Compares every picture of the shard that is not in the results file yet.
  ///
  /// - Returns: the records of each pack.
  func records() throws -> [[PictureRecord]] {
    var records = [[PictureRecord]](repeating: [], count: packed.count)
    let journal = try command.output.map { try ResultsJournal(path: $0, subject: subjects[0]) }
    var done: Set<Int> = []
    if let journal {
      records[0] = journal.records
      done = Set(journal.records.map(\.picture))
      if journal.droppedBytes > 0 {
        notes.say("'\(journal.path)' broke off in a line, which is left out")
      }
    }
    let shard = command.shard ?? .whole
    let places = cases.pictures.indices.filter { shard.holds(picture: $0) }
    let left = places.filter { !done.contains($0) }
    if !done.isEmpty {
      notes.say("\(done.count) of \(places.count) pictures are known already")
    }
    let progress = Progress("comparing", unit: "pictures", quiet: command.quiet.quiet)
    defer { progress.close() }
    for (index, place) in left.enumerated() {
      let picture = cases.pictures[place]
      let found = try verifier.records(
        of: picture, place: place, pixels: try decodedPicture(picture.path))
      for (pack, record) in found.enumerated() { records[pack].append(record) }
      try journal?.append(found[0])
      progress.update(Double(index + 1), of: Double(left.count))
    }
    try journal?.finish()
    return records
  }

  /// One hash for all files the reference came from.
  private static func digest(of source: LoadedSource) throws -> [UInt8] {
    var hash = SHA256()
    for file in try source.contentHashes() {
      hash.update(Array(file.name.utf8) + [0])
      hash.update(file.sha256)
    }
    return hash.digest()
  }
}

extension EvaluationSubject.Pack {
  init(_ pack: Pack) {
    self.init(
      path: pack.path, identity: pack.identity, byteCount: pack.byteCount,
      scheme: pack.provenance[Provenance.Key.scheme]?.text ?? "not recorded",
      provenance: pack.provenance.entries.map {
        EvaluationSubject.Entry(key: $0.key, value: $0.value.text)
      })
  }
}
