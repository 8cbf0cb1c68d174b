import MartletBytes
import MartletModel
import MartletQuantization
import MartletVerification

/// What restoring layers of one pack changes, measured.
struct WhatIfResult {
  var pictures: Int
  var questions: Int
  var baseline: WhatIf.Measure
  /// Best divergence first.
  var trials: [WhatIf.Trial]
  /// The smallest restoration that reaches the limits on the sample, where the pack itself does not.
  var cure: Restoration?
}

/// Measures restorations: every group of layers, and the worst layers by themselves.
struct WhatIfRun {
  let run: VerificationRun
  let limits: VerificationLimits
  /// Single layers that are restored, worst first.
  let layerCount: Int
  /// Pictures, from the first, that restorations are measured on.
  let pictureCount: Int
  let isQuiet: Bool

  /// - Returns: a result a pack.
  func results(
    _ packs: [(pack: PackedRun, blamed: [BlamedLayer], groups: [Restoration])], pool: ThreadPool
  ) throws -> [WhatIfResult] {
    let sample = WhatIf(run.reference)
    for picture in run.cases.pictures.prefix(pictureCount) {
      try sample.add(picture, pixels: try decodedPicture(picture.path))
    }
    let restorations = packs.map { entry in
      entry.groups + entry.blamed.prefix(layerCount).map(\.restoration)
    }
    let total = restorations.reduce(packs.count) { $0 + $1.count }
    let progress = Progress("restoring", unit: "trials", quiet: isQuiet)
    defer { progress.close() }
    var done = 0
    func count() {
      done += 1
      progress.update(Double(done), of: Double(total))
    }
    return try zip(packs, restorations).map { entry, restorations in
      let baseline = try sample.measure(entry.pack)
      count()
      var trials: [WhatIf.Trial] = []
      for restoration in restorations {
        let planned = try Quantizer.planned(
          run.source.folded, preparation: entry.pack.preparation, plan: restoration.plan, pool: pool
        )
        trials.append(
          try sample.trial(restoration, of: entry.pack) { name throws(ModelError) in
            try planned.parameters.encoded(name)
          })
        count()
      }
      let sorted = trials.enumerated().sorted { a, b in
        let (x, y) = (
          a.element.measure.logits.divergenceMean, b.element.measure.logits.divergenceMean
        )
        return x == y ? a.offset < b.offset : x < y
      }
      return WhatIfResult(
        pictures: sample.pictures, questions: sample.questions, baseline: baseline,
        trials: sorted.map(\.element), cure: cure(trials, baseline))
    }
  }

  private func cure(_ trials: [WhatIf.Trial], _ baseline: WhatIf.Measure) -> Restoration? {
    func reaches(_ measure: WhatIf.Measure) -> Bool {
      limits.misses(cosine: measure.imageTokens.cosineMinimum, logits: measure.logits).isEmpty
    }
    if reaches(baseline) { return nil }
    return trials.filter { reaches($0.measure) }.map(\.restoration)
      .min { $0.addedBytes < $1.addedBytes }
  }
}
