import MartletBytes
import MartletModel
import Synchronization

/// Applies a scheme to a folded model.
package enum Quantizer {
  /// The model with its plan; numbers are brought to their encodings when they are asked for.
  ///
  /// - Parameters:
  ///   - statistics: needed by calibrated activations; used for bias correction where present.
  ///   - pool: encodes side by side. Results do not depend on it; parameters are then not to be asked for while it
  ///     works on something else.
  /// - Throws: `missingStatistic`, `unmatchedPattern`, `statisticWidth`, `model`.
  package static func quantized(
    _ model: FoldedModel, scheme: Scheme, statistics: (any ActivationStatistics)?,
    pool: ThreadPool? = nil
  ) throws(QuantizationError) -> QuantizedModel {
    let plan = try PlanBuilder.plan(
      for: model.description, scheme: scheme, statistics: statistics)
    let corrections = try BiasCorrection.targets(
      model.description, plan: plan, scheme: scheme, statistics: statistics)
    do {
      return try QuantizedModel(
        description: model.description, plan: plan,
        parameters: QuantizedParameters(
          model: model, plan: plan, corrections: corrections, pool: pool))
    } catch { throw .model(error) }
  }
}

/// Encodes the parameters of a folded model on demand; holds nothing but bias corrections.
final class QuantizedParameters: EncodedParameters {
  private let source: any FloatParameters
  private let plan: QuantizationPlan
  private let shapes: [String: [Int]]
  private let corrections: BiasCorrection.Targets
  private let pool: ThreadPool?
  /// Bias name to its correction, known once its weights have been encoded.
  private let known = Mutex<[String: [Double]]>([:])

  init(
    model: FoldedModel, plan: QuantizationPlan, corrections: BiasCorrection.Targets,
    pool: ThreadPool?
  ) {
    source = model.parameters
    self.pool = pool
    self.plan = plan
    self.corrections = corrections
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
    var values = try finite(name)
    if let weight = corrections.weightOfBias[name] {
      let correction = try correction(bias: name, weight: weight)
      for index in values.indices {
        values[index] = Float(Double(values[index]) + correction[index])
      }
    }
    return EncodedParameter(
      name: name, shape: shape, encoding: encoding,
      components: components(values, name: name, shape: shape, encoding: encoding))
  }

  private func components(
    _ values: [Float], name: String, shape: [Int], encoding: WeightEncoding
  ) -> [(component: WeightComponent, bytes: [UInt8])] {
    switch encoding {
    case .float32: return [(.codes, PanelPacking.bytes(values))]
    case .float32Taps:
      return [(.codes, PanelPacking.bytes(PanelPacking.taps(values, outputs: shape[0])))]
    case .float32Patches:
      return [(.codes, PanelPacking.bytes(PanelPacking.patches(values, shape: shape)))]
    case .float32Panels:
      return [(.codes, PanelPacking.bytes(PanelPacking.panels(values, outputs: shape[0])))]
    case .int8Panels, .int4Panels:
      let matrix = matrix(values, name: name, shape: shape, encoding: encoding)
      return matrix.components
    }
  }

  private func matrix(
    _ values: [Float], name: String, shape: [Int], encoding: WeightEncoding
  ) -> EncodedMatrix {
    let target = corrections.target(ofWeight: name)
    let means = target?.means ?? []
    let matrix =
      encoding == .int8Panels
      ? EncodedMatrix.int8(values, outputs: shape[0], means: means, pool: pool)
      : EncodedMatrix.int4(values, outputs: shape[0], means: means, pool: pool)
    if let target { known.withLock { $0[target.bias] = matrix.meanError } }
    return matrix
  }

  private func correction(bias: String, weight: String) throws(ModelError) -> [Double] {
    if let found = known.withLock({ $0[bias] }) { return found }
    guard let shape = shapes[weight], let encoding = plan.weights[weight] else {
      throw .parameterUnavailable(name: weight, reason: "no such parameter")
    }
    return matrix(try finite(weight), name: weight, shape: shape, encoding: encoding).meanError
  }

  private func finite(_ name: String) throws(ModelError) -> [Float] {
    let values = try source.values(of: name)
    if let index = PanelPacking.firstNotFinite(values) {
      throw .notFinite(parameter: name, index: index)
    }
    return values
  }
}
