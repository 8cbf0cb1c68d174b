import MartletBytes
import MartletCalibration
import MartletModel
import MartletPack
import MartletQuantization

/// Makes a pack that keeps limits: chooses precisions, writes, measures, and chooses again where a limit was missed.
struct LimitedPack {
  let making: PackMaking
  let limits: PrecisionLimits
  let calibration: CalibrationSource
  let threads: Int

  /// - Parameter prove: adds the proof to a pack.
  /// - Throws: where the limits cannot be kept.
  func made(
    _ scheme: Scheme, prove: (UnnamedPack, QuantizedModel) throws -> Void
  ) throws -> (unnamed: UnnamedPack, scheme: Scheme) {
    guard let table = making.table else {
      throw CommandError(
        .usage, "limits need pictures to measure on", hint: "name some: --calibration DIR")
    }
    let pictures = try calibration.samples(2 * limits.limitPictures)
    let search = try PrecisionSearch(
      making.source, scheme: scheme, statistics: table, limits: limits.figures,
      pictures: pictures, threads: threads, pool: making.pool, notes: making.notes
    ) { try making.begin($0, scheme) }
    var chosen = scheme
    var scores = try limits.maxScoreDrop.map { most in
      ScoreSearch(
        try ScoreProbe(
          questions: calibration.pictures.questions, float: search.floatPack, threads: threads,
          pool: making.pool), most: most, bounds: search.bounds)
    }
    if let bound = try scores?.bound({ try trial($0, search, scheme) }) {
      search.divergenceBound = bound
    }
    while true {
      chosen.precisions = .named(try search.next())
      let (model, unnamed) = try making.pack(chosen, preparation: search.preparation)
      var figures = try search.figures(of: try unnamed.opened())
      let choice = search.choice(figures)
      making.notes.say("chosen: \(choice.counts); measured: \(choice.summary)")
      if try !search.accepts(figures) {
        making.notes.say("a limit was missed by a little; choosing again")
        continue
      }
      if let probe = scores?.probe, let most = limits.maxScoreDrop {
        let score = try probe.score(of: try unnamed.opened(), on: .heldOut)
        making.notes.say(
          "score on \(score.count) questions that no choice was made with: \(score.packedRight) right, "
            + "\(score.referenceRight) by the float model")
        if score.drop > most {
          guard let bound = scores?.next() else {
            throw CommandError(
              .missedLimit, "no choice of precisions keeps all limits",
              [
                "score: at most \(Markup.number(most)) lost, found \(Markup.number(score.drop))"
              ], hint: "relax one of them")
          }
          search.divergenceBound = bound
          making.notes.say("the score fell by too much; choosing again")
          continue
        }
      }
      try unnamed.append(choice)
      try prove(unnamed, model)
      figures.bytes = UInt64(try unnamed.opened().byteCount)
      if try !search.accepts(figures) {
        making.notes.say("the proof takes the pack beyond its size; choosing again")
        continue
      }
      if let path = limits.tradeOff {
        let plot = TradeOffPlot(
          curve: search.tradeOff, uniform: search.uniform, made: search.choice(figures))
        try AtomicFile.write(plot.svg, to: path)
      }
      return (unnamed, chosen)
    }
  }
}

extension LimitedPack {
  /// The pack of the best choice within a bound on divergence.
  private func trial(
    _ bound: Double, _ search: PrecisionSearch, _ scheme: Scheme
  ) throws -> Pack {
    search.divergenceBound = bound
    var chosen = scheme
    chosen.precisions = .named(try search.chosen())
    return try making.pack(chosen, preparation: search.preparation).unnamed.opened()
  }
}

extension CalibrationSource {
  /// Pictures of the calibration, evenly spread, each with its first question.
  /// - Throws: where there are none, or the calibration is a table.
  func samples(_ count: Int) throws -> [PrecisionSearch.Picture] {
    guard let path = calibration else {
      throw CommandError(
        .usage, "limits need pictures to measure on", hint: "name some: --calibration DIR")
    }
    let found: [CalibrationPicture]
    if PictureOptions.isHDF5(path) {
      found = try HDF5Pictures(path: path).pictures
    } else if case .file = try PathKind(of: path) {
      throw CommandError(
        .usage, "limits need pictures to measure on", ["'\(path)' is a table"],
        hint: "give the pictures: --calibration DIR")
    } else {
      found = try CalibrationFolder(path: path).pictures
    }
    let asked =
      try pictures.questions.map { try QuestionFile(path: $0).matched(to: found) }
      ?? found.map { _ in [] }
    var samples: [PrecisionSearch.Picture] = []
    let step = max(1, found.count / count)
    for index in stride(from: 0, to: found.count, by: step) where samples.count < count {
      // A picture that cannot be read was reported when it was calibrated with.
      guard let content = try? found[index].content() else { continue }
      samples.append(
        PrecisionSearch.Picture(
          name: found[index].name, pixels: content.pixels,
          question: asked[index].first?.text ?? CalibrationOptions.defaultQuestion))
    }
    if samples.count < 2 {
      throw CommandError(
        .usage, "limits need at least 2 pictures to measure on", ["found: \(samples.count)"])
    }
    // Every other one measures what came out, so that both halves are alike.
    return samples.enumerated().filter { $0.offset % 2 == 0 }.map(\.element)
      + samples.enumerated().filter { $0.offset % 2 == 1 }.map(\.element)
  }
}
