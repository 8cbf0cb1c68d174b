import MartletBoardMessages
import MartletBytes
import MartletModel
import MartletPack
import MartletProof
import MartletRuntime

/// `verify` without a reference: the proof that the pack itself holds.
struct PackCheck {
  let pack: Pack
  let isa: String?
  let threads: Int
  private var path: String { pack.path }

  init(pack: Pack, isa: String?, threads: Int) {
    self.pack = pack
    self.isa = isa
    self.threads = threads
  }

  /// - Throws: the departure from the proof, with exit code 1.
  func run(isJSON: Bool, pool: ThreadPool, _ notes: Notes) throws {
    let outcome = try outcome(pool)
    if isJSON {
      var json = JSONOutput()
      json.set("passed", outcome?.passed ?? true)
      json.set("images", 0)
      json.set("questions", 0)
      json.set("proof", outcome?.json ?? .null)
      json.set("pack_bytes", pack.byteCount)
      json.set("peak_rss_bytes", Machine.peakResidentBytes)
      json.print()
    } else if outcome?.passed ?? true {
      printOrExit(
        """
        pack            \(path), \(pack.byteCount) bytes, every checksum right
        scheme          \(pack.provenance[Provenance.Key.scheme]?.text ?? "not recorded")
        accuracy        not checked: give --reference and pictures
        \(outcome?.text ?? "proof: none")
        passed

        """)
    }
    if outcome == nil {
      notes.warn(
        "'\(path)' holds no proof (--no-proof, or an older Martlet): nothing but its bytes was checked"
      )
    }
    if let departure = outcome?.departure { throw CommandError(.of(departure, in: path)) }
  }

  /// `nil` where the pack holds no proof.
  private func outcome(_ pool: ThreadPool) throws -> ProofOutcome? {
    if pack.proof == nil { return nil }
    let options = RunOptions(
      instructionSet: try isa.map { try InstructionSet(named: $0) } ?? .best, threads: threads)
    do {
      let model = try naming(pack: path) { try LoadedModel(pack, pool: pool) }
      return try ProofCheck(pack, model: model, options: options, pool: pool).outcome()
    } catch let error as ProofError {
      throw CommandError(.of(error, in: path))
    }
  }
}
