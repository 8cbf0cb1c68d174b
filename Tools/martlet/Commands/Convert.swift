import ArgumentParser
import MartletBoardMessages
import MartletBytes
import MartletCalibration
import MartletCheckpoints
import MartletConversion
import MartletModel
import MartletPack
import MartletQuantization

struct Convert: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Fold, quantize and pack a checkpoint into one file.",
    discussion: """
      Reads the checkpoint from its mapped files, folds batch norms, branches and layer scales in float64, quantizes \
      by the scheme and writes one checksummed file. Tensors are handled one at a time, so memory stays far below \
      the checkpoint's size. Last, two golden pictures run through the float reference and through the pack, and what \
      became of them is stored in it (a few ten kilobytes, told at the end), so that `martlet verify PACK` and \
      `martlet-run PACK --self-test` can check it anywhere. The file appears under its name only when it is whole.
      """)

  @Argument(help: "Checkpoint: a directory or a file of weights.")
  var source: String

  @Option(name: .shortAndLong, help: "The pack to write, by custom NAME.martlet.")
  var output: String

  @OptionGroup var parts: SourceParts
  @OptionGroup var precision: PrecisionOptions
  @OptionGroup var calibration: CalibrationSource

  @Option(help: "Side of the network's input in pixels; the checkpoint's own by default.")
  var resolution: Int?

  @Option(
    help: ArgumentHelp(
      "Several sides by commas: one pack that runs at each, for run --deadline-ms to choose from.",
      valueName: "list"),
    transform: SideList.init)
  var resolutions: SideList?

  @Option(
    help:
      "How pictures that are not square are fitted: pad or crop; the checkpoint's own by default.")
  var imageFit: ImageSpecification.Fit?

  @Flag(help: "Store weights uncompressed and aligned, to be mapped: a larger file, less memory.")
  var raw = false

  @Option(
    help:
      "Bound on memory, e.g. 1500M: kept, or refused at once; calibration reads weights again and samples fewer rows."
  )
  var maxMemory: ByteSize?

  @OptionGroup var proof: ProofOptions
  @OptionGroup(title: "Limits") var limits: PrecisionLimits

  @Option(help: "Recorded in the pack and used by everything random.")
  var seed: UInt64 = 0

  @OptionGroup var threads: ThreadOptions
  @OptionGroup var quiet: QuietOption

  func validate() throws {
    if resolution != nil, resolutions != nil {
      throw ValidationError("--resolution and --resolutions exclude each other")
    }
  }

  /// Before any picture is looked at: what a parameter takes does not depend on calibration.
  /// - Returns: what is needed, where memory is bounded.
  private func checkedMemory(_ loaded: LoadedSource, _ scheme: Scheme) throws -> Int {
    guard let maxMemory else { return 0 }
    let rounding = scheme.rounding
    var scheme = scheme
    scheme.activations = .dynamic
    scheme.correctsBias = false
    scheme.rounding = .nearest
    scheme.balancedParts = []
    scheme.splitsDiagonals = false
    scheme.evensChannels = false
    let model = try Quantizer.quantized(loaded.folded, scheme: scheme, statistics: nil)
    let need = MemoryNeed.conversion(of: model, rounding: rounding)
    try MemoryNeed.check(maxMemory, need, for: "converting")
    return need
  }

  func run() throws {
    let notes = Notes(isQuiet: quiet.quiet)
    try checkOutput(output)
    if let plot = limits.tradeOff { try checkOutput(plot) }
    if limits.areGiven, maxMemory != nil {
      throw CommandError(
        .usage, "--max-memory does not go with limits",
        ["measuring layers holds the model at 8 bits, at 4 bits and in float"])
    }
    var scheme = try precision.resolved(isCalibrated: calibration.calibration != nil)
    let loaded = try LoadedSource(
      try parts.applied(to: Checkpoint.open(source)), language: try parts.language(),
      resolution: resolutions?.sides.last ?? resolution,
      fit: imageFit)
    loaded.describe(notes)
    let memory = CalibrationLimits(
      threads: threads.count, maximumMemory: maxMemory, seed: seed,
      journal: CalibrationLimits.journal(beside: output),
      needAfterwards: try checkedMemory(loaded, scheme))
    let table = try calibration.table(for: loaded, scheme: scheme, limits: memory, notes)
    if table == nil, scheme.correctsBias {
      scheme.correctsBias = false
      notes.say("no calibration pictures: biases are not corrected")
    }
    let pool = try ThreadPool(threads: threads.count)
    let further = resolutions?.sides.dropLast() ?? []
    let making = PackMaking(
      source: loaded, table: table, output: output, storage: raw ? .mapped : .compressed,
      seed: seed, pool: pool, notes: notes
    ) { model, scheme in
      // The journal is that of the largest size.
      var memory = memory
      memory.journal = nil
      return try LadderMaking(
        sides: Array(further), scheme: scheme, calibration: calibration,
        limits: memory, pool: pool, notes: notes
      ).rungs(below: model, of: loaded)
    }
    func prove(_ unnamed: UnnamedPack, _ model: QuantizedModel) throws {
      try ProofMaking(
        options: proof, calibration: calibration, maximumMemory: maxMemory,
        tableBytes: table?.sampleBytes ?? 0, threads: threads.count, notes: notes
      ).prove(unnamed, of: model, source: loaded, pool: pool)
    }
    let unnamed: UnnamedPack
    if limits.areGiven {
      let made = try LimitedPack(
        making: making, limits: limits, calibration: calibration, threads: threads.count
      ).made(scheme, prove: prove)
      unnamed = made.unnamed
      scheme = made.scheme
    } else {
      let made = try making.pack(scheme)
      unnamed = made.unnamed
      try prove(unnamed, made.model)
    }
    let bytes = try unnamed.commit()
    Calibrator.removeJournal(CalibrationLimits.journal(beside: output))
    notes.say(
      "wrote '\(output)': \(Progress.number(Double(bytes) / 1e6)) MB, \(scheme.text); "
        + "peak memory \(Progress.number(Double(Machine.peakResidentBytes) / 1e6)) MB")
  }
}

/// The scheme and its overrides.
struct PrecisionOptions: ParsableArguments {
  @Option(help: "Preset: float32, int8, or int4 (language model at 4 bits, encoder at 8).")
  var scheme: Precision = .int8

  @Option(help: "Precision of the image encoder, instead of the preset's.")
  var encoder: Precision?

  @Option(help: "Precision of the language model, instead of the preset's.")
  var language: Precision?

  @Option(
    help: ArgumentHelp(
      "Hold the named layers at a precision, e.g. 'vision.stages.4.*=float32'. May be repeated.",
      valueName: "glob=precision"))
  var keep: [Keep] = []

  @Option(
    help: "Activations by each row's own range (dynamic) or by calibrated ranges (calibrated).")
  var activations: ActivationRule = .dynamic

  @Option(
    help: ArgumentHelp(
      "What calibrated ranges leave out: nothing (minmax), by percentile, entropy or mse, or what is best for each value.",
      discussion: "best by itself; with --activations calibrated."))
  var clip: ClipRule?

  @Option(
    help: ArgumentHelp(
      "How weights become codes: nearest; gptq, which makes up for errors along what calibration saw; descent, which settles "
        + "what GPTQ found in matrices of 4 bits.",
      discussion: "gptq where there is a calibration, else nearest."))
  var rounding: RoundingRule?

  @Flag(
    inversion: .prefixedNo,
    help: ArgumentHelp(
      "Scale channels between layers so that activations and weights round alike well.",
      discussion: """
        By itself done where there is a calibration, activations are dynamic, and it was measured to gain: not in a \
        language model of 4 bits. Elsewhere channels that are read with weights far smaller than all others are still \
        brought to their size; --no-balance leaves these as they are too.
        """))
  var balance: Bool?

  @Flag(
    inversion: .prefixedNo,
    help: ArgumentHelp(
      "Take what rounding adds to an output's mean from its bias.",
      discussion: "By itself done where there is a calibration."))
  var biasCorrection: Bool?

  @Flag(
    inversion: .prefixedNo,
    help: "Take diagonals that stand out of square products into a float product of their own.")
  var splitDiagonals = true

  @Flag(
    help: ArgumentHelp(
      "Keep 8-bit weights so small that x86 without VNNI multiplies them faster.",
      discussion: "Sums of six products then fit 16 bits. Costs about one of the eight bits."))
  var shortSums = false

  /// - Parameter isCalibrated: whether statistics of activations will be there.
  func resolved(isCalibrated: Bool) throws -> Scheme {
    var resolved = Scheme.preset(scheme)
    if let encoder {
      resolved.encoder = encoder
      // The projector is small and stands between two parts: it is never below 8 bits.
      resolved.projector = encoder == .float32 ? .float32 : .int8
    }
    if let language {
      resolved.language = language
      resolved.embedding = language == .float32 ? .float32 : .int8
    }
    resolved.keeps = keep
    resolved.activations = activations
    if clip != nil, activations != .calibrated {
      throw CommandError(.usage, "--clip needs --activations calibrated", [])
    }
    if let clip { resolved.clip = clip }
    let isQuantized =
      resolved.encoder != .float32 || resolved.language != .float32 || !keep.isEmpty
    resolved.correctsBias = isQuantized && biasCorrection != false
    if !isCalibrated, biasCorrection == true {
      throw CommandError(.usage, "--bias-correction needs --calibration", [])
    }
    if !isCalibrated, let rounding, rounding != .nearest {
      throw CommandError(.usage, "--rounding \(rounding.rawValue) needs --calibration", [])
    }
    if !isCalibrated, balance == true {
      throw CommandError(.usage, "--balance needs --calibration", [])
    }
    if balance == true, activations == .calibrated {
      throw CommandError(.usage, "--balance needs dynamic activations", [])
    }
    resolved.rounding = rounding ?? (isCalibrated && isQuantized ? .gptq : .nearest)
    resolved.balancedParts =
      switch balance {
      case true?: Set(NetworkRole.allCases)
      case false?: []
      case nil: isCalibrated && isQuantized ? resolved.partsWorthBalancing : []
      }
    resolved.evensChannels = balance != false
    resolved.splitsDiagonals = splitDiagonals
    if shortSums, ![resolved.encoder, resolved.projector, resolved.language].contains(.int8) {
      throw CommandError(.usage, "--short-sums needs a part with 8-bit weights", [])
    }
    resolved.shortSums = shortSums
    return resolved
  }
}

extension ClipRule: ExpressibleByArgument {}
extension RoundingRule: ExpressibleByArgument {}
extension Precision: ExpressibleByArgument {}
extension ActivationRule: ExpressibleByArgument {}

extension ImageSpecification.Fit: ExpressibleByArgument {
  public init?(argument: String) {
    switch argument {
    case "pad": self = .pad
    case "crop": self = .crop
    default: return nil
    }
  }

  public static var allValueStrings: [String] { ["pad", "crop"] }
}

extension Keep: ExpressibleByArgument {
  public init?(argument: String) {
    guard let split = argument.lastIndex(of: "="),
      let precision = Precision(rawValue: String(argument[argument.index(after: split)...]))
    else { return nil }
    self.init(pattern: String(argument[..<split]), precision: precision)
  }
}
