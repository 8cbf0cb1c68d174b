import MartletBytes
import MartletCalibration
import MartletModel
import MartletPack
import MartletProof
import MartletQuantization
import MartletReference
import MartletRuntime
import MartletVerification

/// Proves a pack that convert has written, before it gets its name.
struct ProofMaking {
  let options: ProofOptions
  let calibration: CalibrationSource
  let maximumMemory: ByteSize?
  /// Bytes of the calibration table that is still held.
  let tableBytes: Int
  let threads: Int
  let notes: Notes

  private static let pictureCount = 2

  func prove(
    _ unnamed: UnnamedPack, of model: QuantizedModel, source: LoadedSource, pool: ThreadPool
  ) throws {
    if options.noProof {
      notes.say("no proof: the pack cannot be checked without its checkpoint (--no-proof)")
      return
    }
    let need = try MemoryNeed.proof(of: model, threads: threads) + tableBytes
    if let maximumMemory, maximumMemory.bytes < need {
      notes.warn(
        "no proof is stored: making it takes \((need + 1 << 20 - 1) >> 20)M, --max-memory allows "
          + "\(maximumMemory.bytes >> 20)M; the pack cannot be checked without its checkpoint")
      return
    }
    let (sources, origin) = try goldenSources()
    let start = MonotonicClock.nanoseconds
    let progress = Progress("proving", unit: "pictures", quiet: notes.isQuiet)
    defer { progress.close() }
    let proof = try proof(
      of: sources, origin, unnamed, source: source,
      weightBytes: maximumMemory.map { (64 << 20) + $0.bytes - need } ?? 3 << 29, pool: pool
    ) { progress.update(Double($0), of: Double($1)) }
    try unnamed.append(proof)
    let names = sources.map { "'\($0.name)'" }.joined(separator: " and ")
    let bytes = try unnamed.opened().proofBytes
    let seconds = Progress.time(MonotonicClock.milliseconds(since: start) / 1000)
    notes.say(
      origin == .given
        ? "proof: small copies of \(names) from the calibration pictures are stored in the pack with the answers "
          + "to them, \(bytes) bytes, in \(seconds) (--drawn-proof stores no picture of yours, --no-proof none)"
        : "proof: \(proof.goldens.count == 2 ? "two" : "\(proof.goldens.count)") drawn pictures are stored in the pack with the answers to them, \(bytes) bytes, in \(seconds) "
          + "(--no-proof leaves them out)")
    describe(proof)
  }

  private func proof(
    of sources: [GoldenSource], _ origin: Proof.Origin, _ unnamed: UnnamedPack,
    source: LoadedSource, weightBytes: Int, pool: ThreadPool, progress: ProofMaker.Progress
  ) throws -> Proof {
    let reference = try ReferenceModel(
      description: source.folded.description, parameters: source.folded.parameters,
      options: ReferenceOptions(threads: threads, weightByteLimit: weightBytes))
    let maker = try ProofMaker(
      try unnamed.opened(), reference: reference, options: RunOptions(threads: threads), pool: pool)
    return try maker.proof(
      of: sources, origin: origin, question: CalibrationOptions.defaultQuestion, progress: progress)
  }

  /// How near the pack is to the float reference on the golden pictures: the first hint of a conversion gone wrong.
  private func describe(_ proof: Proof) {
    for golden in proof.goldens {
      guard let answer = golden.answer else { continue }
      let same = answer.packIDs == answer.referenceIDs
      notes.say(
        "  \(golden.name) at \(golden.side)²: "
          + (same
            ? "both say '\(answer.packText)'"
            : "the reference says '\(answer.referenceText)', the pack '\(answer.packText)'"))
    }
  }

  /// Two of the calibration pictures with their first questions, or drawn ones.
  private func goldenSources() throws -> ([GoldenSource], Proof.Origin) {
    guard let path = calibration.calibration, !options.drawnProof else {
      return (GoldenSource.drawn, .drawn)
    }
    let pictures: [CalibrationPicture]
    if PictureOptions.isHDF5(path) {
      pictures = try HDF5Pictures(path: path).pictures
    } else if case .file = try PathKind(of: path) {
      return (GoldenSource.drawn, .drawn)
    } else {
      pictures = try CalibrationFolder(path: path).pictures
    }
    let questions =
      try calibration.pictures.questions.map { try QuestionFile(path: $0).matched(to: pictures) }
      ?? pictures.map { _ in [] }
    var found: [GoldenSource] = []
    for index in [0, pictures.count / 2] + Array(pictures.indices) {
      let name = pictures[index].name
      if found.count == Self.pictureCount || found.contains(where: { $0.name == name }) { continue }
      // A picture that cannot be read was reported when it was calibrated with.
      guard let content = try? pictures[index].content() else { continue }
      found.append(
        GoldenSource(name: name, picture: content.pixels, question: questions[index].first?.text))
    }
    return found.isEmpty ? (GoldenSource.drawn, .drawn) : (found, .given)
  }
}
