import ArgumentParser
import MartletBytes
import MartletCalibration
import MartletModel
import MartletQuantization

/// Sides in pixels by commas, smallest first.
struct SideList: Equatable {
  let sides: [Int]

  @Sendable init(_ text: String) throws {
    let words = text.split(separator: ",", omittingEmptySubsequences: false)
    let sides = words.compactMap { Int($0) }.filter { $0 > 0 }
    if sides.count < words.count || Set(sides).count < sides.count || sides.count > Rung.most + 1 {
      throw ValidationError(
        "a list of sides takes up to \(Rung.most + 1) different numbers by commas, not '\(text)'")
    }
    self.sides = sides.sorted()
  }
}

/// Further sizes of pictures for a model that was quantized at its largest.
struct LadderMaking {
  let sides: [Int]
  let scheme: Scheme
  let calibration: CalibrationSource
  let limits: CalibrationLimits
  let pool: ThreadPool
  let notes: Notes

  /// Weights, and the biases corrected with them, are those of the largest size. Where inputs of products have calibrated
  /// ranges, those of encoder and projector are calibrated again at every size.
  func rungs(below model: QuantizedModel, of source: LoadedSource) throws -> [Rung] {
    var rungs: [Rung] = []
    var scheme = scheme
    // Ranges do not depend on how weights are rounded.
    scheme.rounding = .nearest
    scheme.correctsBias = false
    for side in sides {
      let other = try source.at(side)
      var rung = Rung(side: side)
      if scheme.activations == .calibrated {
        if let path = calibration.calibration, case .file = try PathKind(of: path),
          !PictureOptions.isHDF5(path)
        {
          notes.warn(
            "'\(path)' was calibrated at one size: \(side)² takes its ranges as well; give pictures to calibrate each"
          )
        } else if let table = try calibration.table(
          for: other, scheme: scheme, limits: limits, notes)
        {
          let found = try Quantizer.quantized(
            other.folded, scheme: scheme, statistics: table, pool: pool)
          if found.preparation == model.preparation {
            rung = model.plan.rung(
              side, from: found.plan, networks: model.description.networks)
          } else {
            notes.warn(
              "\(side)² takes the ranges of the largest size: it would be prepared otherwise")
          }
        }
      }
      rungs.append(rung)
    }
    if !rungs.isEmpty {
      let list = (sides + [source.source.description.image.resolution])
        .map { "\($0)²" }.joined(separator: ", ")
      notes.say("runs at \(list); weights are shared")
      if source.checkpointResolution != source.source.description.image.resolution
        || !sides.isEmpty
      {
        notes.say(
          "the checkpoint states \(source.checkpointResolution)²: measure the others with verify --resolution or tune"
        )
      }
    }
    return rungs
  }
}
