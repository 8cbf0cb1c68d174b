import Foundation
import MartletBytes
import MartletQuantization

/// Hazards for a person and for a script.
struct HazardReport {
  private let hazards: [Hazard]
  private let isCalibrated: Bool

  init(_ hazards: [Hazard], isCalibrated: Bool) {
    self.hazards = hazards
    self.isCalibrated = isCalibrated
  }

  var text: String {
    var lines: [String] = []
    for severity in [Hazard.Severity.refused, .handled, .noted] {
      for hazard in hazards where hazard.severity == severity {
        lines.append("\(severity.rawValue): \(hazard.place): \(hazard.finding)")
        lines.append("  \(hazard.treatment)")
      }
    }
    lines.append(
      hazards.isEmpty
        ? "no hazards found"
        : "\(hazards.count) findings, \(count(.refused)) of them keep the model from being converted"
    )
    if !isCalibrated {
      lines.append(
        "values were not looked at: --calibration TABLE.mcal shows what pictures do to them")
    }
    return lines.joined(separator: "\n") + "\n"
  }

  var json: JSONOutput {
    var json = JSONOutput()
    json.set("convertible", count(.refused) == 0)
    json.set("values_seen", isCalibrated)
    json.set(
      "hazards",
      .array(
        hazards.map { hazard in
          var entry = JSONOutput()
          entry.set("severity", hazard.severity.rawValue)
          entry.set("place", hazard.place)
          entry.set("kind", hazard.name)
          for (key, value) in hazard.measures { entry.set(key, value) }
          entry.set("finding", hazard.finding)
          entry.set("treatment", hazard.treatment)
          return entry.value
        }))
    return json
  }

  private func count(_ severity: Hazard.Severity) -> Int {
    hazards.filter { $0.severity == severity }.count
  }
}

extension Hazard {
  /// The kind as scripts know it.
  fileprivate var name: String {
    switch kind {
    case .notFinite: "not_finite"
    case .negativeVariance: "negative_variance"
    case .tinyVariance: "tiny_variance"
    case .constantOutputs: "constant_outputs"
    case .spread: "spread"
    case .peak: "peak"
    case .halfOverflow: "float16_overflow"
    case .keyBias: "key_bias"
    case .channelSpread: "channel_spread"
    case .activationOverflow: "activation_overflow"
    case .silentChannels: "silent_channels"
    }
  }

  fileprivate var measures: [(String, Double)] {
    switch kind {
    case .notFinite(let count, let index): [("count", Double(count)), ("index", Double(index))]
    case .negativeVariance(let channels, let lowest):
      [("channels", Double(channels)), ("lowest", Double(lowest))]
    case .tinyVariance(let channels, let lowest, let gain):
      [("channels", Double(channels)), ("lowest", Double(lowest)), ("gain", Double(gain))]
    case .constantOutputs(let count, let total), .silentChannels(let count, let total):
      [("count", Double(count)), ("of", Double(total))]
    case .spread(let ratio), .channelSpread(let ratio): [("ratio", Double(ratio))]
    case .peak(let ratio, let output, let isDiagonal):
      [("ratio", Double(ratio)), ("output", Double(output)), ("diagonal", isDiagonal ? 1 : 0)]
    case .halfOverflow(let count, let largest):
      [("count", Double(count)), ("largest", Double(largest))]
    case .keyBias(let largest, let typical):
      [("largest", Double(largest)), ("typical", Double(typical))]
    case .activationOverflow(let largest): [("largest", Double(largest))]
    }
  }

  fileprivate var finding: String {
    switch kind {
    case .notFinite(let count, let index):
      "\(count) numbers are infinite or not numbers, the first at \(index)"
    case .negativeVariance(let channels, let lowest):
      "variance is negative in \(channels) channels, down to \(short(lowest))"
    case .tinyVariance(let channels, let lowest, let gain):
      "variance is tiny in \(channels) channels, down to \(short(lowest)): folding multiplies weights by up to \(short(gain))"
    case .constantOutputs(let count, let total):
      "\(count) of \(total) outputs have no weights: they are the same for every picture"
    case .spread(let ratio): "the ranges of its outputs differ by a factor of \(short(ratio))"
    case .peak(let ratio, let output, let isDiagonal):
      "a weight of output \(output) is \(short(ratio)) times its row's root mean square"
        + (isDiagonal ? ", on the diagonal" : "")
    case .halfOverflow(let count, let largest):
      "\(count) numbers are beyond 16-bit floats, up to \(short(largest))"
    case .keyBias(let largest, let typical):
      "key biases reach \(short(largest)), where other layers have \(short(typical))"
    case .channelSpread(let ratio): "its largest channel is \(short(ratio)) times its median one"
    case .activationOverflow(let largest): "it reaches \(short(largest)), beyond 16-bit floats"
    case .silentChannels(let count, let total):
      "\(count) of \(total) channels were zero on all pictures"
    }
  }

  /// What Martlet does about it.
  fileprivate var treatment: String {
    switch kind {
    case .notFinite, .negativeVariance:
      "conversion refuses it: the checkpoint is damaged or was not trained to the end"
    case .tinyVariance:
      "folded in 64-bit floats, one scale an output; one scale a tensor would lose the other channels"
    case .constantOutputs: "kept as it is: its codes are zeros"
    case .spread: "one scale an output; one scale a tensor would lose the small ones"
    case .peak(_, _, let isDiagonal):
      isDiagonal
        ? "the diagonal becomes a float product of its own (--split-diagonals, on by default)"
        : "if verify names the layer: --keep 'LAYER=float32'"
    case .halfOverflow, .activationOverflow:
      "32-bit floats throughout; 16-bit runtimes overflow here"
    case .keyBias:
      "keys are cached in 32-bit floats; an 8-bit cache of rotated keys would lose the others"
    case .channelSpread:
      "balanced where a layer before can take the scale (--balance, on by default with calibration; without, by weights alone)"
    case .silentChannels: "show it pictures like those it will see, or they are really dead"
    }
  }

  private func short(_ number: Float) -> String { String(format: "%.3g", number) }
}
