import MartletBytes
import MartletModel

/// How the bytes of weights are kept.
package enum WeightStorage: Sendable {
  /// zstd where it gains at least 3 %: the smallest file.
  case compressed
  /// Raw and aligned: a board maps the file instead of holding a private copy.
  case mapped
}

/// How far a pack has come.
package struct PackProgress: Sendable {
  /// The tensor that was written last.
  package var tensor: String
  /// Tensors written so far, and in all.
  package var tensorCount: Int
  package var tensorTotal: Int
  /// Unpacked bytes of weights handled so far, and in all.
  package var unpackedBytes: UInt64
  package var unpackedTotal: UInt64
}

/// A whole pack that nobody can see yet. Without `commit` nothing is left of it.
package struct UnnamedPack {
  private let file: PackFile

  init(_ file: PackFile) { self.file = file }

  /// The pack as it stands now.
  /// - Throws: as `Pack.init`.
  package func opened() throws(PackError) -> Pack { try file.opened() }

  /// Adds the proof. A pack that was opened before must not be read any more.
  /// - Throws: `file`, `notRepresentable`; what the reader would refuse.
  package func append(_ proof: Proof) throws(PackError) {
    try file.unseal()
    try file.append(.proof, try ProofRecord.encoded(proof))
    try file.seal()
    // As with all other records: nothing is written that the reader refuses or understands otherwise.
    if try file.opened().proof != proof {
      throw .notRepresentable(what: "record", found: RecordType.proof.name)
    }
  }

  /// Adds why its layers have their precisions; before the proof. A pack that was opened before must not be read any more.
  /// - Throws: as for the proof.
  package func append(_ choice: PrecisionChoice) throws(PackError) {
    try file.unseal()
    try file.append(.choice, try ChoiceRecord.encoded(choice))
    try file.seal()
    if try file.opened().choice != choice {
      throw .notRepresentable(what: "record", found: RecordType.choice.name)
    }
  }

  /// Lets the pack appear under its name, and tells its size.
  /// - Throws: `file`.
  package func commit() throws(PackError) -> UInt64 { try file.commit() }
}

/// Writes packs: the model's parameters are asked for one at a time, so memory holds one of them and its packed form.
package struct PackWriter {
  package var storage: WeightStorage
  /// Unpacked size of a frame; 1 MiB keeps all threads busy and costs no measurable compression.
  package var frameBytes: Int

  package init(storage: WeightStorage = .compressed, frameBytes: Int = 1 << 20) {
    precondition(
      TensorDirectory.frameSizes.contains(frameBytes)
        && frameBytes % Int(PackHeader.alignment) == 0)
    self.storage = storage
    self.frameBytes = frameBytes
  }

  /// Writes a pack; it appears under its name only when it is whole.
  ///
  /// The same model, provenance and zstd give the same bytes, however many threads work.
  /// - Throws: `file`, `model` for parameters that cannot be supplied or do not fit the plan, `notRepresentable`.
  /// - Returns: the size of the file.
  @discardableResult
  package func write(
    _ model: QuantizedModel, provenance: Provenance, to path: String, pool: ThreadPool,
    progress: (PackProgress) -> Void = { _ in }
  ) throws(PackError) -> UInt64 {
    try begin(model, provenance: provenance, to: path, pool: pool, progress: progress).commit()
  }

  /// Writes a pack that has no name yet: it can be opened, and a proof appended, before it appears.
  /// - Parameter rungs: further sizes of pictures below the model's own, smallest first.
  /// - Throws: as `write`.
  package func begin(
    _ model: QuantizedModel, rungs: [Rung] = [], provenance: Provenance, to path: String,
    pool: ThreadPool,
    progress: (PackProgress) -> Void = { _ in }
  ) throws(PackError) -> UnnamedPack {
    try checkNetworks(model.description.networks)
    var provenance = provenance
    provenance.append(Provenance.Key.compressor, .text(compressorVersion()))
    let records = try descriptionRecords(model, rungs, provenance)
    try checkRoundTrip(model, rungs, provenance, records)
    let file = try PackFile(path)
    for (type, bytes) in records { try file.append(type, bytes) }
    try file.begin(.data)
    var tensors = TensorWriter(file: file, storage: storage, frameBytes: frameBytes, pool: pool)
    try tensors.write(model, progress: progress)
    try file.end(.data)
    let directory = TensorDirectory(frameBytes: frameBytes, tensors: tensors.written)
    try file.append(.tensors, try directory.encoded())
    try file.seal()
    return UnnamedPack(file)
  }

  private func descriptionRecords(
    _ model: QuantizedModel, _ rungs: [Rung], _ provenance: Provenance
  ) throws(PackError) -> [(RecordType, [UInt8])] {
    let description = model.description
    var records: [(RecordType, [UInt8])] = []
    records.append((.model, try ArchitectureRecord.encoded(description.architecture)))
    records.append((.image, try ImageRecord.encoded(description.image)))
    if let tokenizer = description.tokenizer {
      records.append((.tokenizer, try TokenizerRecord.encoded(tokenizer)))
    }
    if let prompt = description.prompt {
      records.append((.prompt, try PromptRecord.encoded(prompt)))
    }
    records.append((.networks, try NetworkRecord.encoded(description.networks)))
    let plan = try PlanRecord.encoded(
      model.plan.activations, networks: description.networks)
    records.append((.plan, plan))
    if !rungs.isEmpty {
      let ladder = try LadderRecord.encoded(rungs, networks: description.networks)
      records.append((.ladder, ladder))
    }
    records.append((.provenance, try provenance.encoded()))
    if !model.preparation.isEmpty {
      records.append((.preparation, try PreparationRecord.encoded(model.preparation)))
    }
    return records
  }

  /// Reads the records back, so that no pack is written that the reader refuses or understands otherwise.
  private func checkRoundTrip(
    _ model: QuantizedModel, _ rungs: [Rung], _ provenance: Provenance,
    _ records: [(RecordType, [UInt8])]
  ) throws(PackError) {
    let description = model.description
    for (type, bytes) in records {
      var reader = RecordReader(part: .record(type: type.name), bytes: bytes, base: 0)
      let same: Bool
      switch type {
      case .model: same = try ArchitectureRecord.decoded(&reader) == description.architecture
      case .image: same = try ImageRecord.decoded(&reader) == description.image
      case .tokenizer: same = try TokenizerRecord.decoded(&reader) == description.tokenizer
      case .prompt: same = try PromptRecord.decoded(&reader) == description.prompt
      case .networks: same = try NetworkRecord.decoded(&reader) == description.networks
      case .plan:
        same =
          try PlanRecord.decoded(&reader, networks: description.networks)
          == model.plan.activations
      case .ladder:
        same =
          try LadderRecord.decoded(
            &reader, networks: description.networks, image: description.image,
            activations: model.plan.activations) == rungs
      case .provenance: same = try Provenance(&reader) == provenance
      case .preparation:
        same =
          try PreparationRecord.decoded(&reader, networks: description.networks)
          == model.preparation
      case .data, .tensors, .choice, .proof: same = true
      }
      if !same { throw .notRepresentable(what: "record", found: type.name) }
    }
  }
}
