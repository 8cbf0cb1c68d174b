import MartletBytes
import MartletVerification

/// What was found about one pack, and which limits it missed.
struct VerificationOutcome {
  let subject: EvaluationSubject
  let verification: Verification
  let misses: [VerificationLimits.Miss]
  /// Worst first; empty for merged results, whose pack is not at hand.
  var blamed: [BlamedLayer] = []
  var whatIf: WhatIfResult?

  var passed: Bool { misses.isEmpty }

  /// The object of the contract.
  var json: JSONOutput {
    let found = verification
    var json = JSONOutput()
    json.set("passed", passed)
    json.set("images", found.images)
    json.set("questions", found.questions)
    var inputs = JSONOutput()
    inputs.set("pixels_max_difference", found.inputs.pixelsMaximumDifference)
    inputs.set("token_ids_equal", found.inputs.tokenIDsEqual)
    json.set("inputs", inputs)
    json.set("encoder", Self.json(found.encoder))
    json.set("image_tokens", Self.json(found.imageTokens))
    json.set("logits", Self.json(found.logits))
    var text = JSONOutput()
    text.set("exact_match", found.text.exactMatch)
    text.set("first_divergence_mean", found.text.firstDivergenceMean)
    text.set("diverged", found.text.diverged)
    text.set("diverged_after_mean", found.text.divergedAfterMean)
    json.set("text", text)
    json.set("task", found.task.map { Self.json($0).value } ?? .null)
    var groups = JSONOutput()
    for (name, score) in found.groups { groups.set(name, Self.json(score)) }
    json.set("groups", groups)
    if found.task != nil { json.set("bootstrap", Self.json(found.bootstrap)) }
    json.set("layer_pictures", found.layerPictures)
    json.set("layers", JSONValue.array(found.layers.map { Self.json($0).value }))
    if !blamed.isEmpty { json.set("blame", blameJSON) }
    if let whatIf { json.set("what_if", Self.json(whatIf)) }
    json.set("worst_pictures", JSONValue.array(found.worstPictures.map { Self.json($0).value }))
    json.set("reference_ms", Self.json(found.referenceTimes))
    json.set("packed_ms", Self.json(found.packedTimes))
    if !misses.isEmpty {
      json.set("missed", JSONValue.array(misses.map { Self.json($0).value }))
    }
    json.set("pack_bytes", subject.pack.byteCount)
    json.set("peak_rss_bytes", found.peakBytes)
    json.set("subject", Self.json(subject))
    return json
  }

  /// Every question with both answers, one JSON object a line.
  var answerLines: String {
    verification.answers.map { picture, question in
      var line = JSONOutput()
      line.set("image", picture)
      line.set("question", question.text)
      if let group = question.group { line.set("group", group) }
      if let answer = question.answer { line.set("answer", answer) }
      line.set("reference", question.reference)
      line.set("pack", question.packed)
      if let verdict = question.verdict {
        line.set("reference_right", verdict.reference)
        line.set("pack_right", verdict.packed)
      }
      return line.value.text() + "\n"
    }.joined()
  }

  // MARK: Parts

  private static func json(_ summary: SimilaritySummary) -> JSONOutput {
    var json = JSONOutput()
    json.set("cosine_mean", summary.cosineMean)
    json.set("cosine_min", summary.cosineMinimum)
    json.set("sqnr_db", summary.signalToNoise)
    return json
  }

  private static func json(_ logits: LogitSummary) -> JSONOutput {
    var json = JSONOutput()
    json.set("positions", logits.count)
    json.set("kl_mean", logits.divergenceMean)
    for (name, share) in [("p50", 0.5), ("p90", 0.9), ("p95", 0.95), ("p99", 0.99)] {
      json.set("kl_" + name, logits.divergences.percentile(share))
    }
    json.set("kl_max", logits.divergences.maximum)
    json.set("top1_agreement", logits.topAgreement)
    json.set("top5_agreement", logits.topFiveAgreement)
    for (name, share) in [("p50", 0.5), ("p90", 0.9), ("p99", 0.99)] {
      json.set("error_" + name, logits.errors.percentile(share))
    }
    json.set("error_max", logits.errorMaximum)
    json.set(
      "kl_bins",
      JSONValue.array(
        logits.divergences.bins.filter { $0.count > 0 }.map {
          .array([.rounded($0.from), JSONValue($0.count)])
        }))
    return json
  }

  private static func json(_ measured: MeasuredScore) -> JSONOutput {
    var json = JSONOutput()
    json.set("count", measured.score.count)
    json.set("reference_score", measured.score.referenceScore)
    json.set("packed_score", measured.score.packedScore)
    json.set("drop", measured.score.drop)
    json.set("flips_lost", measured.score.flipsLost)
    json.set("flips_won", measured.score.flipsWon)
    json.set("reference_interval", Self.json(measured.intervals.reference))
    json.set("packed_interval", Self.json(measured.intervals.packed))
    json.set("drop_interval", Self.json(measured.intervals.drop))
    return json
  }

  private static func json(_ interval: Interval) -> JSONValue {
    .array([.rounded(interval.low), .rounded(interval.high)])
  }

  private static func json(_ bootstrap: Bootstrap) -> JSONOutput {
    var json = JSONOutput()
    json.set("unit", "picture")
    json.set("resamples", bootstrap.resamples)
    json.set("seed", Int(clamping: bootstrap.seed))
    json.set("confidence", 0.95)
    return json
  }

  private static func json(_ layer: Verification.LayerError) -> JSONOutput {
    var json = JSONOutput()
    json.set("name", layer.name)
    json.set("sqnr_db", layer.signalToNoise)
    json.set("introduced_db", layer.introduced)
    json.set("inherited_db", layer.inherited)
    json.set("cosine", layer.cosine)
    return json
  }

  private static func json(_ picture: Verification.WorstPicture) -> JSONOutput {
    var json = JSONOutput()
    json.set("image", picture.name)
    json.set("pixels", EvaluationSubject.text(picture.pixels))
    json.set("cosine", picture.cosine)
    json.set("sqnr_db", picture.signalToNoise)
    json.set("feature_errors", JSONValue.array(picture.featureErrors.map { .rounded($0) }))
    return json
  }

  private static func json(_ times: Verification.Times) -> JSONOutput {
    var json = JSONOutput()
    json.set("encode", times.encode)
    json.set("project", times.project)
    json.set("prefill", times.prefill)
    json.set("decode_token", times.decode)
    return json
  }

  private static func json(_ miss: VerificationLimits.Miss) -> JSONOutput {
    var json = JSONOutput()
    json.set("what", miss.what)
    json.set("limit", miss.limit)
    json.set("found", miss.found)
    return json
  }

  private static func json(_ subject: EvaluationSubject) -> JSONOutput {
    var json = JSONOutput()
    json.set("tool", subject.tool)
    json.set("pack", subject.pack.path)
    json.set("pack_identity", EvaluationSubject.text(subject.pack.identity))
    json.set("scheme", subject.pack.scheme)
    var provenance = JSONOutput()
    for entry in subject.pack.provenance {
      provenance.setFirst(entry.key, .string(entry.value))
    }
    json.set("provenance", provenance)
    json.set("reference", subject.referencePath)
    json.set("reference_sha256", SHA256.hexadecimal(subject.referenceDigest))
    json.set("cases_sha256", SHA256.hexadecimal(subject.casesDigest))
    json.set("max_tokens", subject.longestAnswer)
    json.set("resolution", subject.image.resolution)
    json.set("isa", subject.instructionSet)
    json.set("kv_cache", subject.keyValueCache)
    json.set("threads", subject.threads)
    json.set("machine", subject.machine)
    return json
  }
}

extension JSONOutput {
  /// For keys that come from files and may repeat: the first one counts, as everywhere.
  mutating func setFirst(_ key: String, _ value: JSONValue) {
    if self.value[key] == nil { set(key, value) }
  }
}
