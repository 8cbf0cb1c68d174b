import MartletBytes
import MartletModel
import MartletPack
import MartletQuantization
import MartletRuntime
import MartletVerification

/// Finds a precision for every layer so that limits on divergence, size and time are kept.
///
/// The model is made three times, at 8 bits, at 4 bits and in float, all prepared alike. Beginning in float, every layer by
/// itself is brought to 8 and to 4 bits; what that does to the logits is its sensitivity. (Beginning at 8 bits would be faster, but any change then
/// moves all later rounding of activations, and that hides what the layer itself does.) Sizes are those of the three packs,
/// times those of three runs, shared out. A choice is then made, written, and measured on other pictures; where the measured figures miss
/// a limit that the sums promised to keep, the sums are corrected and the choice is made again.
final class PrecisionSearch {
  /// What the search is made on: the first half measures layers, the second half what came out.
  struct Picture {
    var name: String
    var pixels: Pixels
    var question: String
  }

  private struct Variant {
    var pack: Pack
    var loaded: LoadedModel
    /// Keeps the file.
    var unnamed: UnnamedPack
  }

  let limits: PrecisionChoice.Figures
  let preparation: ModelPreparation
  private(set) var units: [PrecisionChoice.Unit] = []
  /// A further limit on divergence, for choices along the curve.
  var divergenceBound = Double.infinity
  private let float: LogitProbe
  private let floatVariant: Variant
  private let options: RunOptions
  private let pool: ThreadPool
  private var fixed = PrecisionSolver.Costs.zero
  /// Measured over predicted, of rounds that missed a limit.
  private var correction = PrecisionSolver.Costs(1, 1, 1)
  private var round = 0

  /// Rounds of choosing and measuring.
  static let mostRounds = 5

  /// - Parameters:
  ///   - scheme: says all but the precisions.
  ///   - write: makes a pack that nobody sees.
  init(
    _ source: LoadedSource, scheme: Scheme, statistics: any ActivationStatistics,
    limits: PrecisionChoice.Figures, pictures: [Picture], threads: Int, pool: ThreadPool,
    notes: Notes, write: (QuantizedModel) throws -> UnnamedPack
  ) throws {
    self.limits = limits
    self.pool = pool
    let options = RunOptions(threads: threads)
    self.options = options
    var uniform = scheme
    uniform.precisions = .all(.int8)
    // Most layers of a language model may end at 4 bits, which balancing does not serve.
    uniform.balancedParts = uniform.balancedParts.subtracting([.language])
    let eight = try Quantizer.quantized(
      source.folded, scheme: uniform, statistics: statistics, pool: pool)
    preparation = eight.preparation
    func variant(_ precision: Precision) throws -> Variant {
      var other = uniform
      other.precisions = .all(precision)
      let model =
        precision == .int8
        ? eight
        : try Quantizer.quantized(
          source.folded, scheme: other, statistics: statistics, preparation: eight.preparation,
          pool: pool)
      notes.say("every layer at \(precision.rawValue), to measure")
      let unnamed = try write(model)
      let pack = try unnamed.opened()
      return Variant(pack: pack, loaded: try LoadedModel(pack, pool: pool), unnamed: unnamed)
    }
    let variants: [(precision: Precision, variant: Variant)] = [
      (.int8, try variant(.int8)), (.int4, try variant(.int4)), (.float32, try variant(.float32)),
    ]
    floatVariant = variants[2].variant
    let half = pictures.count / 2
    float = try LogitProbe(variants[2].variant.loaded, options: options, pool: pool)
    let probe = try LogitProbe(variants[2].variant.loaded, options: options, pool: pool)
    for (index, picture) in pictures.enumerated() {
      try (index < half ? probe : float).add(
        picture.pixels, name: picture.name, question: picture.question)
    }
    try measure(variants, eight, scheme, probe, notes)
  }

  // MARK: Sensitivities and costs

  private func measure(
    _ variants: [(precision: Precision, variant: Variant)], _ eight: QuantizedModel,
    _ scheme: Scheme, _ probe: LogitProbe, _ notes: Notes
  ) throws {
    let times = try variants.map { try probe.times(of: $0.variant.loaded) }
    let sizes = variants.map { entry in
      Dictionary(
        entry.variant.pack.tensors.map { ($0.name, $0.storedBytes) },
        uniquingKeysWith: { first, _ in first })
    }
    fixed = PrecisionSolver.Costs(
      0, Double(variants[0].variant.pack.byteCount), times[0].total)
    let float = variants[2].variant
    let choosable = Quantizer.units(of: eight, scheme: scheme)
    let progress = Progress("measuring layers", unit: "trials", quiet: notes.isQuiet)
    defer { progress.close() }
    for (index, unit) in choosable.enumerated() {
      var options: [PrecisionChoice.Option] = []
      for (place, entry) in variants.enumerated() {
        var divergence = 0.0
        if entry.precision != .float32 {
          progress.update(
            Double(2 * index + place), of: Double(2 * choosable.count), detail: unit.layer)
          let changed = float.loaded.replacing(
            Set(unit.parameters), by: entry.variant.loaded,
            plan: unit.plan(entry.precision.encoding, in: float.pack.plan, as: eight.plan))
          divergence = try probe.divergence(of: changed, changed: [unit.role])
        }
        var milliseconds = 0.0
        for layer in unit.layers { milliseconds += times[place].layers[layer] ?? 0 }
        options.append(
          PrecisionChoice.Option(
            encoding: entry.precision.encoding, divergence: divergence,
            bytes: sizes[place][unit.weight] ?? 0, milliseconds: milliseconds))
      }
      fixed.y -= Double(options[0].bytes)
      fixed.z -= options[0].milliseconds
      units.append(PrecisionChoice.Unit(layer: unit.layer, chosen: 0, options: options))
    }
    progress.update(1, of: 1)
  }

  // MARK: Choices

  private var solver: PrecisionSolver {
    PrecisionSolver(
      units: units.map { unit in
        unit.options.map {
          PrecisionSolver.Costs($0.divergence, Double($0.bytes), $0.milliseconds)
        }
      }, fixed: fixed)
  }

  /// The next choice to try: with a limit on divergence alone the smallest, else the most accurate.
  /// - Throws: where no choice keeps the limits.
  func next() throws -> [String: Precision] {
    round += 1
    return try chosen()
  }

  /// The choice by the limits and the bound as they are.
  func chosen() throws -> [String: Precision] {
    let infinite = Double.infinity
    let wanted = PrecisionSolver.Costs(
      min(divergenceBound, limits.divergence ?? infinite),
      limits.bytes.map { Double($0) } ?? infinite, limits.milliseconds ?? infinite)
    let solver = solver
    let isAlone = limits.bytes == nil && limits.milliseconds == nil
    guard
      let choice = solver.choice(
        minimizing: isAlone ? .bytes : .divergence, limits: wanted / correction)
    else { throw infeasible(solver) }
    for (index, option) in choice.options.enumerated() { units[index].chosen = option }
    predicted = choice.costs
    return Dictionary(
      units.map { ($0.layer, $0.options[$0.chosen].encoding.precisionChosen) },
      uniquingKeysWith: { first, _ in first })
  }

  private var predicted = PrecisionSolver.Costs.zero

  private func infeasible(_ solver: PrecisionSolver) -> CommandError {
    let least = PrecisionSolver.Axis.allCases.map {
      solver.least($0) * correction[$0.rawValue]
    }
    var evidence: [String] = []
    if let limit = limits.divergence {
      evidence.append(
        "divergence: at most \(Markup.number(limit)), least possible \(Markup.number(least[0]))")
    }
    if let limit = limits.bytes {
      evidence.append(
        "size: at most \(limit) bytes, least possible \(Int(least[1].rounded(.up)))")
    }
    if let limit = limits.milliseconds {
      evidence.append(
        "first token: at most \(Markup.number(limit)) ms, least possible \(Markup.number(least[2]))"
      )
    }
    return CommandError(
      .missedLimit, "no choice of precisions keeps all limits", evidence,
      hint: "each least figure is possible by itself; relax one of them")
  }

  /// What a pack does on the pictures that no choice was made with.
  func figures(of pack: Pack) throws -> PrecisionChoice.Figures {
    let loaded = try LoadedModel(pack, pool: pool)
    return PrecisionChoice.Figures(
      divergence: try float.divergence(of: loaded, changed: [.vision, .projector, .language]),
      bytes: UInt64(pack.byteCount),
      milliseconds: try float.times(of: loaded).total)
  }

  /// Whether the figures keep the limits; if not, and rounds are left, the next choice will be more careful.
  /// - Throws: where rounds are used up.
  func accepts(_ found: PrecisionChoice.Figures) throws -> Bool {
    let measured = PrecisionSolver.Costs(
      found.divergence ?? 0, Double(found.bytes ?? 0), found.milliseconds ?? 0)
    let wanted = PrecisionSolver.Costs(
      limits.divergence ?? .infinity, limits.bytes.map { Double($0) } ?? .infinity,
      limits.milliseconds ?? .infinity)
    var isKept = true
    for axis in 0..<3 where measured[axis] > wanted[axis] {
      isKept = false
      // A little beyond what was measured: sums are no exact forecast.
      let ratio = 1.02 * measured[axis] / max(predicted[axis], .leastNormalMagnitude)
      correction[axis] = max(1.05 * correction[axis], ratio)
    }
    if !isKept, round >= Self.mostRounds {
      throw CommandError(
        .missedLimit, "the limits were still missed after \(round) choices",
        [
          "divergence: \(Markup.number(measured.x))", "size: \(Int(measured.y)) bytes",
          "first token: \(Markup.number(measured.z)) ms",
        ], hint: "relax one of them")
    }
    return isKept
  }

  func choice(_ measured: PrecisionChoice.Figures) -> PrecisionChoice {
    PrecisionChoice(limits: limits, measured: measured, units: units)
  }

  /// What every layer at one precision costs, as the sums predict it.
  var uniform: [(name: String, costs: PrecisionSolver.Costs)] {
    [Precision.float32, .int8, .int4].map { precision in
      var costs = fixed
      for unit in units {
        for option in unit.options where option.encoding == precision.encoding {
          costs += PrecisionSolver.Costs(
            option.divergence, Double(option.bytes), option.milliseconds)
        }
      }
      return (precision.rawValue, costs)
    }
  }

  /// The float model, whose answers others are held against.
  var floatPack: Pack { floatVariant.pack }

  /// Divergences of the best choices within the limits, the most accurate first; one where size or time decide.
  var bounds: [Double] {
    if limits.bytes != nil || limits.milliseconds != nil { return [.infinity] }
    let most = limits.divergence ?? .infinity
    return Set(tradeOff.map(\.costs.x).filter { $0 <= most }).sorted()
  }

  /// The curve of best choices, as the sums predict them.
  var tradeOff: [PrecisionSolver.Choice] { solver.tradeOff() }
}

extension Precision {
  var encoding: WeightEncoding {
    switch self {
    case .float32: .float32Panels
    case .int8: .int8Panels
    case .int4: .int4Panels
    }
  }
}

extension WeightEncoding {
  /// The precision of a matrix that was chosen.
  fileprivate var precisionChosen: Precision {
    switch self {
    case .int8Panels: .int8
    case .int4Panels: .int4
    case .float32, .float32Taps, .float32Patches, .float32Panels: .float32
    }
  }
}
