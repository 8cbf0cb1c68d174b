import Foundation
import MartletBytes
import MartletCalibration
import MartletModel

/// Statistics whose ranges leave out what is better clipped, for activations of fixed ranges.
struct ClippedStatistics: ActivationStatistics {
  private let base: any ActivationStatistics
  private let ranges: [String: (lowest: Float, highest: Float)]

  /// Finds the range of every value that products in codes read.
  ///
  /// - Parameter plan: which products are in codes.
  /// - Throws: `missingStatistic`, `statisticWidth`, `model`.
  /// Costs four products of at most `JudgedProduct`'s rows and outputs for each layer with `best`, else hardly anything.
  init(
    _ base: any ActivationStatistics, rule: ClipRule, model: FoldedModel, plan: QuantizationPlan,
    pool: ThreadPool?, report: QuantizationReport
  ) throws(QuantizationError) {
    self.base = base
    var ranges: [String: (lowest: Float, highest: Float)] = [:]
    var told: [QuantizationReport.Clipped] = []
    for network in model.description.networks {
      let readers = Dictionary(
        grouping: network.layers.filter { (plan.activations[$0.name] ?? .float32) != .float32 },
        by: { $0.inputs[0] })
      for (value, layers) in readers.sorted(by: { $0.key.index < $1.key.index }) {
        let name = network[value].name
        guard let sample = base.rows(of: name), let seen = base.range(of: name) else {
          throw .missingStatistic(value: name, statistic: "rows")
        }
        if sample.channels != network[value].shape.channels {
          throw .statisticWidth(
            value: name, expected: network[value].shape.channels, found: sample.channels)
        }
        let clip = ActivationClip(sample.floats(0..<sample.rows))
        if rule != .best {
          ranges[name] = clip.range(rule)
          continue
        }
        let products: [JudgedProduct]
        do throws(ModelError) {
          products = try Self.products(layers, sample, model, network, plan)
        } catch {
          throw .model(error)
        }
        let rules = ClipRule.allCases.filter { $0 != .best }
        let found = pool.map(rules.count) { index in
          let range = rules[index] == .minmax ? seen : clip.range(rules[index])
          return (range, products.reduce(0) { $0 + $1.error(range: range) })
        }
        var best = 0
        for index in found.indices where found[index].1 < found[best].1 { best = index }
        ranges[name] = found[best].0
        told.append(
          .init(
            value: name, rule: rules[best],
            decibels: found[best].1 > 0 ? 10 * log10(found[0].1 / found[best].1) : 0))
      }
    }
    self.ranges = ranges
    report.clipped = told
  }

  private static func products(
    _ layers: [Layer], _ sample: RowSample, _ model: FoldedModel, _ network: Network,
    _ plan: QuantizationPlan
  ) throws(ModelError) -> [JudgedProduct] {
    let rows = JudgedProduct.rows(of: sample, limit: ChannelBalance.judgedRows)
    var products: [JudgedProduct] = []
    for layer in layers {
      guard case .linear(let op) = layer.op else { continue }
      let name = network[op.weight].name
      products.append(
        JudgedProduct(
          rows: rows, weights: try weights(name, op, model.parameters), inputs: op.inputs,
          encoding: plan.weights[name] ?? .int8Panels, outputLimit: ChannelBalance.judgedOutputs))
    }
    return products
  }

  /// The weights, of a head with as many outputs as there are words only those that are judged.
  private static func weights(
    _ name: String, _ op: Linear, _ parameters: any FloatParameters
  ) throws(ModelError) -> [Float] {
    let step = op.outputs / ChannelBalance.judgedOutputs
    if step < 16 { return try parameters.values(of: name) }
    var weights: [Float] = []
    for output in stride(from: 0, to: op.outputs, by: step) {
      weights += try parameters.values(
        of: name, elements: output * op.inputs..<(output + 1) * op.inputs)
    }
    return weights
  }

  func range(of value: String) -> (lowest: Float, highest: Float)? {
    ranges[value] ?? base.range(of: value)
  }

  func channelMeans(of value: String) -> [Double]? { base.channelMeans(of: value) }
  func rows(of value: String) -> RowSample? { base.rows(of: value) }
}
