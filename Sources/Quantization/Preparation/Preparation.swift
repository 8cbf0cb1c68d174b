import MartletBytes
import MartletModel

/// A folded model changed so that it survives rounding better; its function is the same within float rounding.
///
/// In:      a folded model, the scheme, statistics of its values.
/// Out:     a folded model with more layers or other names, the statistics of its values, and what was done.
struct Preparation {
  let model: FoldedModel
  let statistics: PreparedStatistics?
  let done: ModelPreparation

  /// - Throws: `unmatchedPattern`, `missingStatistic`, `statisticWidth`, `model`.
  init(
    _ folded: FoldedModel, scheme: Scheme, statistics: (any ActivationStatistics)?,
    pool: ThreadPool?, report: QuantizationReport,
    balancing: (BalanceProgress) -> Void = { _ in }
  ) throws(QuantizationError) {
    let plan = try PlanBuilder.plan(
      for: folded.description, scheme: scheme, statistics: statistics)
    let networks = folded.description.networks
    /// The codes that a layer's weights will have.
    func encoding(_ layer: Layer) -> WeightEncoding? {
      guard case .linear(let op) = layer.op else { return nil }
      let name = ModelPreparation.original(layer.name)
      for network in networks where network.layers.contains(where: { $0.name == name }) {
        switch plan.weights[network[op.weight].name] {
        case .int8Panels: return .int8Panels
        case .int4Panels: return .int4Panels
        default: return nil
        }
      }
      return nil
    }
    var draft = ModelDraft(folded)
    do throws(ModelError) {
      if scheme.splitsDiagonals {
        report.split = try DiagonalSplit.apply(to: &draft) { encoding($0) != nil }
      }
      if scheme.evensChannels, scheme.activations == .dynamic {
        report.evened = try ChannelEvening.apply(
          to: &draft, except: statistics == nil ? [] : scheme.balancedParts, encoding: encoding)
      }
    } catch {
      throw .model(error)
    }
    // A calibrated range belongs to the value as it was.
    if scheme.activations == .dynamic, let statistics {
      report.balanced = try ChannelBalance.apply(
        to: &draft, parts: scheme.balancedParts, statistics: statistics, pool: pool,
        encoding: encoding, progress: balancing)
    }
    do throws(ModelError) {
      model = try draft.finished()
    } catch {
      throw .model(error)
    }
    done = draft.preparation
    self.statistics = statistics.map { PreparedStatistics(base: $0, draft.preparation) }
  }

  /// Does again what a pack tells was done to its model.
  /// - Throws: `otherPreparation` where the model is not the one it was done to.
  init(
    _ preparation: ModelPreparation, on folded: FoldedModel,
    statistics: (any ActivationStatistics)?
  ) throws(QuantizationError) {
    self.statistics = statistics.map { PreparedStatistics(base: $0, preparation) }
    done = preparation
    var draft = ModelDraft(folded)
    for name in preparation.split {
      guard
        let (network, layer) = draft.place(of: name),
        let op = DiagonalSplit.op(of: layer, in: draft.networks[network])
      else { throw .otherPreparation(name: name) }
      draft.split(layer, op, in: network)
    }
    for scaled in preparation.scaled {
      // What enters a gate is scaled with what leaves it, and so has no site of its own.
      guard let (network, layer) = draft.place(of: scaled.value),
        draft.networks[network][layer.output].shape.channels == scaled.factors.count,
        let site = BalanceSite(
          layer.output, in: draft.networks[network], encoding: { _ in .int8Panels })
      else { continue }
      site.apply(scaled.factors, to: &draft, network: network)
    }
    for (index, scaled) in preparation.scaled.enumerated()
    where index >= draft.preparation.scaled.count || draft.preparation.scaled[index] != scaled {
      throw .otherPreparation(name: scaled.value)
    }
    do throws(ModelError) { model = try draft.finished() } catch { throw .model(error) }
  }
}

extension ModelDraft {
  /// The layer that makes a value, and its network.
  fileprivate func place(of value: String) -> (network: Int, layer: Layer)? {
    for (index, network) in networks.enumerated() {
      for layer in network.layers where network[layer.output].name == value {
        return (index, layer)
      }
    }
    return nil
  }
}

extension ModelPreparation {
  /// The name under which the folded model knows a layer.
  static func original(_ name: String) -> String {
    for suffix in [restSuffix, scaledSuffix] where name.hasSuffix(suffix) {
      return String(name.dropLast(suffix.count))
    }
    return name
  }
}
