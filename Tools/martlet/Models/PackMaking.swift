import MartletBoardMessages
import MartletBytes
import MartletCalibration
import MartletModel
import MartletPack
import MartletQuantization

/// Quantizes a model and writes packs of it that nobody sees yet.
struct PackMaking {
  let source: LoadedSource
  let table: CalibrationTable?
  let output: String
  let storage: WeightStorage
  let seed: UInt64
  let pool: ThreadPool
  let notes: Notes
  /// Further sizes of pictures for a model.
  let rungs: (QuantizedModel, Scheme) throws -> [Rung]

  /// The model by a scheme, and its pack.
  ///
  /// - Parameter preparation: one that was decided before.
  func pack(
    _ scheme: Scheme, preparation: ModelPreparation? = nil
  ) throws -> (model: QuantizedModel, unnamed: UnnamedPack) {
    let report = QuantizationReport()
    let balancing = Progress("balancing", unit: "values", quiet: notes.isQuiet)
    defer { balancing.close() }
    let model = try Quantizer.quantized(
      source.folded, scheme: scheme, statistics: table, preparation: preparation, pool: pool,
      report: report
    ) { balancing.update(Double($0.done), of: Double($0.total), detail: $0.value) }
    report.describePreparation(notes)
    let unnamed = try begin(model, scheme, rungs: try rungs(model, scheme))
    report.describeRounding(notes)
    return (model, unnamed)
  }

  /// A pack of a model; it has no name.
  func begin(
    _ model: QuantizedModel, _ scheme: Scheme, rungs: [Rung] = []
  ) throws -> UnnamedPack {
    let progress = Progress("packing", unit: "MB", quiet: notes.isQuiet)
    defer { progress.close() }
    return try PackWriter(storage: storage).begin(
      model, rungs: rungs, provenance: try provenance(scheme), to: output, pool: pool
    ) { state in
      progress.update(
        Double(state.unpackedBytes) / 1e6, of: Double(state.unpackedTotal) / 1e6,
        detail: state.tensor)
    }
  }

  private func provenance(_ scheme: Scheme) throws -> Provenance {
    var provenance = Provenance()
    provenance.append(Provenance.Key.tool, .text(MartletVersion.text))
    provenance.append(Provenance.Key.scheme, .text(scheme.text))
    provenance.append(
      Provenance.Key.resolution, .integer(Int64(source.source.description.image.resolution)))
    provenance.append(Provenance.Key.seed, .integer(Int64(bitPattern: seed)))
    if let table {
      provenance.append(
        Provenance.Key.calibration, .digest(Provenance.digest(table.checksum)))
    }
    for hash in try source.contentHashes() {
      provenance.append(Provenance.Key.sourcePrefix + hash.name, .digest(hash.sha256))
    }
    return provenance
  }
}
