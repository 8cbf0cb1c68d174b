import MartletBytes
import MartletVerification

extension VerificationOutcome {
  /// Layers that are told to be blamed.
  static let blamedCount = 10

  var blameJSON: JSONValue {
    .array(
      blamed.prefix(Self.blamedCount).map { layer in
        var json = JSONOutput()
        json.set("name", layer.name)
        json.set("introduced_db", layer.introduced)
        json.set("option", layer.restoration.option)
        json.set("added_bytes", layer.restoration.addedBytes)
        return json.value
      })
  }

  static func json(_ whatIf: WhatIfResult) -> JSONOutput {
    var json = JSONOutput()
    json.set("images", whatIf.pictures)
    json.set("questions", whatIf.questions)
    json.set("cure", whatIf.cure.map { JSONValue.string($0.option) } ?? .null)
    var baseline = JSONOutput()
    set(whatIf.baseline, &baseline)
    json.set("baseline", baseline)
    json.set(
      "trials",
      JSONValue.array(
        whatIf.trials.map { trial in
          var json = JSONOutput()
          json.set("option", trial.restoration.option)
          json.set("layers", trial.restoration.layers.count)
          json.set("added_bytes", trial.restoration.addedBytes)
          set(trial.measure, &json)
          return json.value
        }))
    return json
  }

  private static func set(_ measure: WhatIf.Measure, _ json: inout JSONOutput) {
    json.set("kl_mean", measure.logits.divergenceMean)
    json.set("top1_agreement", measure.logits.topAgreement)
    json.set("sqnr_db", measure.imageTokens.signalToNoise)
    json.set("cosine_min", measure.imageTokens.cosineMinimum)
    json.set("encode_ms", measure.encode)
    json.set("prefill_ms", measure.prefill)
  }
}
