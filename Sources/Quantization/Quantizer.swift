import MartletBytes
import MartletModel
import Synchronization

/// Applies a scheme to a folded model.
package enum Quantizer {
  /// The model with its plan; numbers are brought to their encodings when they are asked for.
  ///
  /// - Parameters:
  ///   - preparation: done again instead of one that is searched for.
  ///   - statistics: needed by calibrated activations, by GPTQ and by balancing; used for bias correction where present.
  ///   - pool: encodes side by side. Results do not depend on it; parameters are then not to be asked for while it
  ///     works on something else.
  ///   - report: told what was done, while it is done.
  ///   - balancing: told how far balancing is, which takes longest before the first parameter is asked for.
  /// - Throws: `missingStatistic`, `unmatchedPattern`, `statisticWidth`, `model`.
  package static func quantized(
    _ model: FoldedModel, scheme: Scheme, statistics: (any ActivationStatistics)?,
    preparation: ModelPreparation? = nil, pool: ThreadPool? = nil,
    report: QuantizationReport = QuantizationReport(),
    balancing: (BalanceProgress) -> Void = { _ in }
  ) throws(QuantizationError) -> QuantizedModel {
    let prepared =
      if let preparation {
        try Preparation(preparation, on: model, statistics: statistics)
      } else {
        try Preparation(
          model, scheme: scheme, statistics: statistics, pool: pool, report: report,
          balancing: balancing)
      }
    let plan = try plan(for: prepared, scheme: scheme, pool: pool, report: report)
    let corrections = try BiasCorrection.targets(
      prepared.model.description, plan: plan, scheme: scheme, statistics: prepared.statistics)
    let compensation =
      scheme.rounding == .nearest
      ? nil
      : try Compensation(prepared, plan: plan, scheme: scheme, pool: pool, report: report)
    do throws(ModelError) {
      return try QuantizedModel(
        description: prepared.model.description, plan: plan,
        parameters: QuantizedParameters(
          model: prepared.model, plan: plan, corrections: corrections, compensation: compensation,
          short: scheme.shortSums
            ? ShortSums.matrices(of: prepared.model.description, plan: plan) : [],
          pool: pool), preparation: prepared.done)
    } catch { throw .model(error) }
  }

  private static func plan(
    for prepared: Preparation, scheme: Scheme, pool: ThreadPool?, report: QuantizationReport
  ) throws(QuantizationError) -> QuantizationPlan {
    let description = prepared.model.description
    let plan = try PlanBuilder.plan(
      for: description, scheme: scheme, statistics: prepared.statistics)
    guard scheme.clipsRanges, let statistics = prepared.statistics else { return plan }
    let clipped = try ClippedStatistics(
      statistics, rule: scheme.clip, model: prepared.model, plan: plan, pool: pool, report: report)
    return try PlanBuilder.plan(for: description, scheme: scheme, statistics: clipped)
  }
}

extension Quantizer {
  /// The model by a preparation and a plan that are decided already; weights go to the nearest code, biases are not corrected.
  ///
  /// - Throws: `otherPreparation`, `model`.
  package static func planned(
    _ folded: FoldedModel, preparation: ModelPreparation = ModelPreparation(),
    plan: QuantizationPlan, pool: ThreadPool? = nil
  ) throws(QuantizationError) -> QuantizedModel {
    let model = try Preparation(preparation, on: folded, statistics: nil).model
    do {
      return try QuantizedModel(
        description: model.description, plan: plan,
        parameters: QuantizedParameters(
          model: model, plan: plan, corrections: BiasCorrection.Targets(), compensation: nil,
          pool: pool), preparation: preparation)
    } catch { throw .model(error) }
  }

  /// Bytes that a rule of rounding takes at the most for any matrix of a model, besides calibration's samples.
  package static func roundingBytes(of model: QuantizedModel, rule: RoundingRule) -> Int {
    Compensation.byteCount(of: model, rounding: rule)
  }

  /// The model as it is before rounding: diagonals taken out, channels balanced. Its function is that of `model`.
  /// - Throws: as `quantized`.
  package static func prepared(
    _ model: FoldedModel, scheme: Scheme, statistics: (any ActivationStatistics)?
  ) throws(QuantizationError) -> FoldedModel {
    try Preparation(
      model, scheme: scheme, statistics: statistics, pool: nil, report: QuantizationReport()
    ).model
  }
}

/// Encodes the parameters of a folded model on demand; holds nothing but bias corrections.
final class QuantizedParameters: EncodedParameters {
  private let source: any FloatParameters
  private let plan: QuantizationPlan
  private let shapes: [String: [Int]]
  private let corrections: BiasCorrection.Targets
  /// Rounds by second moments, where a matrix has them.
  private let compensation: Compensation?
  /// Weights of short sums.
  private let short: Set<String>
  private let pool: ThreadPool?
  /// Bias name to its correction, known once its weights have been encoded.
  private let known = Mutex<[String: [Double]]>([:])

  init(
    model: FoldedModel, plan: QuantizationPlan, corrections: BiasCorrection.Targets,
    compensation: Compensation?, short: Set<String> = [], pool: ThreadPool?
  ) {
    source = model.parameters
    self.short = short
    self.pool = pool
    self.plan = plan
    self.corrections = corrections
    self.compensation = compensation
    var shapes: [String: [Int]] = [:]
    for network in model.description.networks {
      for parameter in network.parameters { shapes[parameter.name] = parameter.shape }
    }
    self.shapes = shapes
  }

  func encoded(_ name: String) throws(ModelError) -> EncodedParameter {
    guard let shape = shapes[name], let encoding = plan.weights[name] else {
      throw .parameterUnavailable(name: name, reason: "no such parameter")
    }
    if encoding == .int8Panels || encoding == .int4Panels {
      let matrix = try matrix(name: name, shape: shape, encoding: encoding)
      return EncodedParameter(
        name: name, shape: shape, encoding: encoding, components: matrix.components)
    }
    var values = try finite(name)
    if let weight = corrections.weightOfBias[name] {
      let correction = try correction(bias: name, weight: weight)
      for index in values.indices {
        values[index] = Float(Double(values[index]) + correction[index])
      }
    }
    return EncodedParameter(
      name: name, shape: shape, encoding: encoding,
      components: [(.codes, codes(values, shape: shape, encoding: encoding))])
  }

  private func codes(
    _ values: [Float], shape: [Int], encoding: WeightEncoding
  ) -> [UInt8] {
    switch encoding {
    case .float32: return PanelPacking.bytes(values)
    case .float32Taps:
      return PanelPacking.bytes(PanelPacking.taps(values, outputs: shape[0]))
    case .float32Patches:
      return PanelPacking.bytes(PanelPacking.patches(values, shape: shape))
    case .float32Panels:
      return PanelPacking.bytes(PanelPacking.panels(values, outputs: shape[0]))
    case .int8Panels, .int4Panels: preconditionFailure("matrices of codes are encoded by panels")
    }
  }

  /// Reads the weights some rows at a time: the float matrix of a large embedding is never held whole.
  private func matrix(
    name: String, shape: [Int], encoding: WeightEncoding
  ) throws(ModelError) -> EncodedMatrix {
    let target = corrections.target(ofWeight: name)
    let means = target?.means ?? []
    let rows = { (rows: Range<Int>) throws(ModelError) in
      try self.finite(name, elements: rows.lowerBound * shape[1]..<rows.upperBound * shape[1])
    }
    let compensated = try compensation?.matrix(
      name, inputs: shape[1], encoding: encoding, means: means
    ) { () throws(ModelError) in try self.finite(name) }
    if let compensated {
      if let target { known.withLock { $0[target.bias] = compensated.meanError } }
      return compensated
    }
    let matrix =
      encoding == .int8Panels
      ? try EncodedMatrix.int8(
        shape: shape, means: means, isShort: short.contains(name), pool: pool, rows: rows)
      : try EncodedMatrix.int4(shape: shape, means: means, pool: pool, rows: rows)
    if let target { known.withLock { $0[target.bias] = matrix.meanError } }
    return matrix
  }

  private func correction(bias: String, weight: String) throws(ModelError) -> [Double] {
    if let found = known.withLock({ $0[bias] }) { return found }
    guard let shape = shapes[weight], let encoding = plan.weights[weight] else {
      throw .parameterUnavailable(name: weight, reason: "no such parameter")
    }
    return try matrix(name: weight, shape: shape, encoding: encoding).meanError
  }

  private func finite(_ name: String) throws(ModelError) -> [Float] {
    try checked(source.values(of: name), name, start: 0)
  }

  private func finite(
    _ name: String, elements: Range<Int>
  ) throws(ModelError) -> [Float] {
    try checked(source.values(of: name, elements: elements), name, start: elements.lowerBound)
  }

  private func checked(
    _ values: [Float], _ name: String, start: Int
  ) throws(ModelError) -> [Float] {
    if let index = PanelPacking.firstNotFinite(values) {
      throw .notFinite(parameter: name, index: start + index)
    }
    return values
  }
}
