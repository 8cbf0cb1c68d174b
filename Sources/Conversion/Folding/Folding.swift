import MartletModel

extension SourceModel {
  /// The same model in runnable ops only, and what was done to get there.
  ///
  /// Nothing but batch norm statistics is read here; folded weights are computed from the source's values each time
  /// they are asked for, in f64, and rounded once.
  /// - Throws: `batchNormStatistic` for statistics no batch norm can have, `model(.notRunnable)` where a source op is
  ///   left because no rule fits.
  package func folded() throws(ConversionError) -> (model: FoldedModel, report: FoldingReport) {
    let (description, parameters, report) = try rewritten(by: FoldingRule.ordered)
    do throws(ModelError) {
      return (try FoldedModel(description: description, parameters: parameters), report)
    } catch { throw .model(error) }
  }

  /// The same model in the form that checkpoints are published in: branches and positional residuals are plain kernels;
  /// batch norms behind kernels, layer scales and the weights of layer norms stay apart.
  /// - Throws: `batchNormStatistic`.
  package func reparameterized() throws(ConversionError) -> SourceModel {
    let (description, parameters, _) = try rewritten(by: FoldingRule.reparameterizing)
    do throws(ModelError) {
      return try SourceModel(description: description, parameters: parameters)
    } catch { throw .model(error) }
  }

  private func rewritten(
    by rules: [FoldingRule]
  ) throws(ConversionError) -> (ModelDescription, any FloatParameters, FoldingReport) {
    var description = description
    var derived: [String: LazyTensor] = [:]
    var report = FoldingReport()
    var counts = [Int](repeating: 0, count: rules.count)
    for index in description.networks.indices {
      let network = description.networks[index]
      try checkStatistics(of: network, into: &report)
      var graph = FoldingGraph(network, parameters: parameters)
      for (rule, count) in zip(rules, counts.indices) {
        counts[count] += graph.run(rule, into: &report)
      }
      let swept = graph.swept()
      description.networks[index] = swept.network
      derived.merge(swept.derived) { _, new in new }
      let kept = Set(swept.network.values.map(\.name))
      report.changedValues.removeAll { $0.hasPrefix(network.role.name) && !kept.contains($0) }
    }
    report.applications = zip(rules, counts).map {
      FoldingReport.Application(rule: $0.name, count: $1)
    }
    return (description, FoldedParameters(derived: derived, source: parameters), report)
  }

  /// A variance below zero or a statistic that is not finite would spread through every product behind it.
  private func checkStatistics(
    of network: Network, into report: inout FoldingReport
  ) throws(ConversionError) {
    for layer in network.layers {
      for norm in layer.op.batchNorms {
        for id in norm.parameters {
          let name = network[id].name
          for (channel, value) in try statistics(name).enumerated()
          where !value.isFinite || (id == norm.variance && value < 0) {
            throw .batchNormStatistic(
              layer: layer.name, parameter: name, channel: channel, found: value)
          }
        }
        let name = network[norm.variance].name
        let zeros = try statistics(name).enumerated().filter { $0.element == 0 }.map(\.offset)
        if !zeros.isEmpty { report.zeroVariances.append(.init(parameter: name, channels: zeros)) }
      }
    }
  }

  private func statistics(_ name: String) throws(ConversionError) -> [Float] {
    do throws(ModelError) { return try parameters.values(of: name) } catch { throw .model(error) }
  }
}

extension FoldingGraph {
  /// Tries the rule on every layer, in order; how often it folded.
  fileprivate mutating func run(_ rule: FoldingRule, into report: inout FoldingReport) -> Int {
    var count = 0
    var index = 0
    while index < network.layers.count {
      let layer = network.layers[index]
      switch rule.apply(&self, index) {
      case .none: break
      case .folded(let changing):
        count += 1
        for value in changing where !report.changedValues.contains(network[value].name) {
          report.changedValues.append(network[value].name)
        }
        dropUnreadLayers()
        index = producer(of: layer.output) ?? index
      case .left(let obstacle):
        report.leftovers.append(.init(rule: rule.name, layer: layer.name, obstacle: obstacle))
      }
      index += 1
    }
    return count
  }
}

extension Op {
  /// The batch norms inside the op.
  fileprivate var batchNorms: [BatchNorm] {
    switch self {
    case .batchNorm(let op): [op]
    case .branches(let op): op.branches.map(\.norm)
    case .convolution, .depthwise, .squeezeExcite, .normalize, .layerNorm, .linear, .add,
      .activate, .rmsNorm, .rotate, .attention, .gate, .embed, .selectLast, .layerScale, .subtract:
      []
    }
  }
}

/// Folded weights computed on demand; everything else comes from the source as it is.
private final class FoldedParameters: FloatParameters {
  private let derived: [String: LazyTensor]
  private let source: any FloatParameters

  init(derived: [String: LazyTensor], source: any FloatParameters) {
    self.derived = derived
    self.source = source
  }

  func values(of name: String) throws(ModelError) -> [Float] {
    guard let tensor = derived[name] else { return try source.values(of: name) }
    return try tensor.rounded(name: name)
  }

  func values(of name: String, elements: Range<Int>) throws(ModelError) -> [Float] {
    guard let tensor = derived[name] else {
      return try source.values(of: name, elements: elements)
    }
    return Array(try tensor.rounded(name: name)[elements])
  }
}
