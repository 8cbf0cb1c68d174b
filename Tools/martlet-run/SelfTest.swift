import MartletBoardMessages
import MartletBytes
import MartletPack
import MartletProof
import MartletRuntime

/// Whether the pack still does on this machine what it did when it was made.
struct SelfTest {
  private let arguments: Arguments

  init(_ arguments: Arguments) { self.arguments = arguments }

  /// Prints what was found.
  /// - Throws: a damaged pack, a pack without a proof, a departure from the proof.
  func run() throws(ErrorReport) {
    let path = arguments.pack
    let share = try MachineShare(arguments)
    let pool = share.pool
    let set = share.options.instructionSet
    let threads = share.options.threads
    let pack: Pack
    do throws(PackError) { pack = try Pack(path: path) } catch { throw .of(error, in: path) }
    if pack.proof == nil { throw .of(ProofError.absent, in: path) }
    // Every byte of the weights is checked while they are loaded.
    let model: LoadedModel
    do throws(RuntimeError) {
      model = try LoadedModel(pack, pool: pool)
    } catch { throw .of(error, in: path) }
    let outcome: ProofOutcome
    do throws(ProofError) {
      outcome = try ProofCheck(
        pack, model: model, options: share.options, pool: pool
      ).outcome()
    } catch { throw .of(error, in: path) }
    if arguments.isJSON {
      try output(json(outcome, pack, set, threads).text(.indented) + "\n")
    } else if outcome.passed {
      try output("every byte of '\(path)' is as it was written\n" + outcome.text + "\n")
    }
    if let departure = outcome.departure { throw .of(departure, in: path) }
  }

  private func json(
    _ outcome: ProofOutcome, _ pack: Pack, _ set: InstructionSet, _ threads: Int
  ) -> JSONValue {
    var json = JSONObject()
    for (key, value) in [
      ("passed", JSONValue(outcome.passed)), ("proof", outcome.json),
      ("isa", JSONValue(set.name)), ("threads", JSONValue(threads)),
      ("pack_bytes", JSONValue(pack.byteCount)),
      ("peak_rss_bytes", JSONValue(Machine.peakResidentBytes)),
    ] {
      let isNew = json.append(key, value)
      precondition(isNew, "a key is written once")
    }
    return .object(json)
  }
}
