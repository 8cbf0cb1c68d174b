import MartletBytes
import MartletPack
import MartletProof

extension ProofOutcome {
  /// What was checked, in one line, where all came out as it was.
  package var text: String {
    var ids = proof.probe?.ids.count ?? 0
    for golden in proof.goldens {
      ids += (golden.answer?.promptIDs.count ?? 0) + (golden.answer?.packIDs.count ?? 0)
    }
    let pictures = goldens == 1 ? "1 golden picture" : "\(goldens) golden pictures"
    let seconds = Int((milliseconds / 100).rounded())
    return "proof: \(pictures), \(layersCompared) values, \(ids) ids: as at conversion, "
      + "bit for bit (\(seconds / 10).\(seconds % 10) s)"
  }

  /// The `proof` object of `--json`.
  package var json: JSONValue {
    var json = JSONObject()
    func set(_ key: String, _ value: JSONValue) {
      let isNew = json.append(key, value)
      precondition(isNew, "a key is written once")
    }
    set("passed", .bool(passed))
    set("departs_at", departure.map { .string($0.stage) } ?? .null)
    if let departure {
      set("place", .string(departure.place))
      set("evidence", .array(departure.evidence.map { .string($0) }))
    }
    set("pictures", JSONValue(proof.goldens.count))
    set("values_compared", JSONValue(layersCompared))
    set("ms", JSONValue((milliseconds * 1000).rounded() / 1000))
    return .object(json)
  }
}
