import ArgumentParser
import MartletModel

/// What a pack must keep; precisions are then chosen layer by layer.
struct PrecisionLimits: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "Largest mean divergence of next-token distributions from the float model, in nats.",
      discussion: """
        With limits every layer's precision is chosen by what was measured of it; alone, --max-kl makes the smallest pack, \
        with other limits the most accurate one that keeps them. They need pictures: --calibration.
        """))
  var maxKl: Double?

  @Option(help: "Largest pack, e.g. 400M.")
  var maxSize: ByteSize?

  @Option(
    help: ArgumentHelp(
      "Longest time to the first token on this machine, in milliseconds.", valueName: "ms"))
  var maxFirstToken: Double?

  @Option(
    help: ArgumentHelp(
      "Largest loss of score on --questions that have answers, as a share: 0.01 is one point.",
      discussion: """
        Alone or with --max-kl, the smallest pack that keeps it: chosen on every other picture, checked on the rest.
        """))
  var maxScoreDrop: Double?

  @Option(
    help: ArgumentHelp(
      "Pictures that layers are measured on; as many others measure what came out.", valueName: "n")
  )
  var limitPictures: Int = 4

  @Option(
    help: ArgumentHelp(
      "A plot of size against divergence, with the pack in it.", valueName: "file.svg"))
  var tradeOff: String?

  var figures: PrecisionChoice.Figures {
    PrecisionChoice.Figures(
      divergence: maxKl, bytes: maxSize.map { UInt64($0.bytes) }, milliseconds: maxFirstToken)
  }

  var areGiven: Bool { figures != PrecisionChoice.Figures() || maxScoreDrop != nil }

  func validate() throws {
    for (name, value) in [("max-kl", maxKl), ("max-first-token", maxFirstToken)] {
      if let value, !(value > 0 && value.isFinite) {
        throw ValidationError("--\(name) must be greater than 0")
      }
    }
    if let maxScoreDrop, !(maxScoreDrop >= 0 && maxScoreDrop <= 1) {
      throw ValidationError("--max-score-drop must be from 0 to 1")
    }
    if limitPictures < 1 { throw ValidationError("--limit-pictures must be at least 1") }
    if tradeOff != nil, !areGiven {
      throw ValidationError(
        "--trade-off needs a limit: --max-kl, --max-size, --max-first-token or --max-score-drop")
    }
  }
}
