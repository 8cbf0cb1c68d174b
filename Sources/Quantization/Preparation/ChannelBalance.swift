import Foundation
import MartletBytes
import MartletCalibration
import MartletModel

/// How far balancing is: called before each value, and at the end.
package struct BalanceProgress: Equatable, Sendable {
  package var value: String
  package var done: Int
  package var total: Int
}

/// Channels are scaled between two layers so that activations and weights share the burden of rounding:
///
///     y = W x = (W diag s) (diag s⁻¹ x)
///
/// SmoothQuant (arXiv 2211.10438, section 4). `diag s⁻¹` goes into the layer that makes x, which must treat channels alike: a
/// depthwise convolution, a norm's weight and bias, or the upper half before a gate. `s = r^α / w^β`, r the channels' root mean squares or maxima
/// of x, w the root mean squares of W; r, α and β are searched layer by layer, judged by the product's error on sampled rows when both sides are
/// rounded as they will be. The function stays as it was, within float rounding.
enum ChannelBalance {
  /// Candidates for α and β: finer grids gain under 0.1 dB.
  static let activationPowers: [Double] = [0, 0.15, 0.3, 0.45, 0.6, 0.75, 0.9]
  static let weightPowers: [Double] = [0, 0.2, 0.4, 0.6, 0.8]
  /// Rows and outputs an error is judged on.
  static let judgedRows = 384
  static let judgedOutputs = 1024
  /// All candidates are judged on so many of these first, and then so many of the best on all.
  static let quickRows = 96
  static let quickOutputs = 256
  static let finalists = 8

  /// Balances every value that can be, between layers that `encoding` gives codes.
  static func apply(
    to draft: inout ModelDraft, parts: Set<NetworkRole>, statistics: any ActivationStatistics,
    pool: ThreadPool?, encoding: (Layer) -> WeightEncoding?,
    progress: (BalanceProgress) -> Void = { _ in }
  ) throws(QuantizationError) -> [QuantizationReport.Balanced] {
    var gains: [QuantizationReport.Balanced] = []
    var state = BalanceProgress(value: "", done: 0, total: 0)
    for network in draft.networks where parts.contains(network.role) {
      state.total += network.values.indices.count {
        BalanceSite(ValueID($0), in: network, encoding: encoding) != nil
      }
    }
    for index in draft.networks.indices where parts.contains(draft.networks[index].role) {
      for value in draft.networks[index].values.indices {
        let id = ValueID(value)
        let network = draft.networks[index]
        guard let site = BalanceSite(id, in: network, encoding: encoding),
          let sample = statistics.rows(of: network[id].name)
        else { continue }
        state.value = network[id].name
        progress(state)
        state.done += 1
        if sample.channels != network[id].shape.channels {
          throw .statisticWidth(
            value: network[id].name, expected: network[id].shape.channels, found: sample.channels)
        }
        let found: (scale: [Float], gain: Double)?
        do throws(ModelError) {
          found = try best(for: site, sample, draft.parameters, network, pool)
        } catch {
          throw .model(error)
        }
        guard let found else { continue }
        gains.append(.init(value: network[id].name, decibels: found.gain))
        site.apply(found.scale, to: &draft, network: index)
      }
    }
    if state.total > 0 {
      progress(BalanceProgress(value: "", done: state.total, total: state.total))
    }
    return gains
  }

  /// The best scale and what it gains; `nil` where none gains a twentieth of a decibel.
  private static func best(
    for site: BalanceSite, _ sample: RowSample, _ parameters: any FloatParameters,
    _ network: Network, _ pool: ThreadPool?
  ) throws(ModelError) -> (scale: [Float], gain: Double)? {
    let rows = JudgedProduct.rows(of: sample, limit: judgedRows)
    var products: [JudgedProduct] = []
    for consumer in site.products {
      products.append(
        JudgedProduct(
          rows: rows,
          weights: try parameters.values(of: network[consumer.op.weight].name),
          inputs: consumer.op.inputs, encoding: consumer.encoding, outputLimit: judgedOutputs))
    }
    let typical = rootMeanSquares(rows, width: sample.channels)
    let extreme = maxima(rows, width: sample.channels)
    var weights = [Double](repeating: 0, count: sample.channels)
    for product in products {
      for (channel, found) in rootMeanSquares(product.weights, width: sample.channels).enumerated()
      {
        weights[channel] = max(weights[channel], found)
      }
    }
    var candidates: [[Float]] = [[Float](repeating: 1, count: sample.channels)]
    for alpha in activationPowers {
      for beta in weightPowers where alpha + beta > 0 {
        candidates.append(scale(typical, alpha, weights, beta))
        if alpha > 0 { candidates.append(scale(extreme, alpha, weights, beta)) }
      }
    }
    let finals = finalists(of: candidates, products, pool)
    let judged = products
    let errors = pool.map(finals.count) { index in
      judged.reduce(0) { $0 + $1.error(scale: candidates[finals[index]]) }
    }
    var best = 0
    for index in errors.indices where errors[index] < errors[best] { best = index }
    guard best > 0, errors[best] > 0 else { return nil }
    let gain = 10 * log10(errors[0] / errors[best])
    return gain >= 0.05 ? (candidates[finals[best]], gain) : nil
  }

  /// No scale at all, and the candidates with the least error on a part of rows and outputs, in their order.
  private static func finalists(
    of candidates: [[Float]], _ products: [JudgedProduct], _ pool: ThreadPool?
  ) -> [Int] {
    let parts = products.map { $0.part(rows: quickRows, outputs: quickOutputs) }
    let errors = pool.map(candidates.count) { index in
      parts.reduce(0) { $0 + $1.error(scale: candidates[index]) }
    }
    let ranked = candidates.indices.dropFirst().sorted {
      errors[$0] == errors[$1] ? $0 < $1 : errors[$0] < errors[$1]
    }
    return [0] + ranked.prefix(finalists).sorted()
  }

  private static func rootMeanSquares(_ numbers: [Float], width: Int) -> [Double] {
    var sums = [Double](repeating: 0, count: width)
    for start in stride(from: 0, to: numbers.count, by: width) {
      for channel in 0..<width {
        let number = Double(numbers[start + channel])
        sums[channel] += number * number
      }
    }
    return sums.map { ($0 / Double(max(1, numbers.count / width))).squareRoot() }
  }

  private static func maxima(_ numbers: [Float], width: Int) -> [Double] {
    var maxima = [Float](repeating: 0, count: width)
    for start in stride(from: 0, to: numbers.count, by: width) {
      for channel in 0..<width {
        maxima[channel] = max(maxima[channel], abs(numbers[start + channel]))
      }
    }
    return maxima.map(Double.init)
  }

  /// `a^α / w^β`, its geometric mean 1; channels without numbers on one side stay as they are, none moves beyond 2^±10.
  private static func scale(
    _ activations: [Double], _ alpha: Double, _ weights: [Double], _ beta: Double
  ) -> [Float] {
    var logarithms = activations.indices.map { channel -> Double? in
      guard activations[channel] > 1e-12, weights[channel] > 1e-12 else { return nil }
      return alpha * log2(activations[channel]) - beta * log2(weights[channel])
    }
    let known = logarithms.compactMap { $0 }
    let mean = known.isEmpty ? 0 : known.reduce(0, +) / Double(known.count)
    for channel in logarithms.indices {
      logarithms[channel] = logarithms[channel].map { min(10, max(-10, $0 - mean)) }
    }
    return logarithms.map { $0.map { Float(exp2($0)) } ?? 1 }
  }
}

/// A value that can be scaled: who makes it, and who reads it.
struct BalanceSite {
  struct Product {
    var op: Linear
    var encoding: WeightEncoding
  }

  let layer: Layer
  let value: ValueID
  /// Products with codes that read it.
  private(set) var products: [Product] = []
  /// 1 × 1 depthwise products that read it: the diagonals split off.
  private var diagonals: [Depthwise] = []
  /// The product before a gate.
  private var gated: (layer: Layer, op: Linear)?

  /// - Returns: `nil` where the value's maker or a reader cannot take the scale.
  init?(_ value: ValueID, in network: Network, encoding: (Layer) -> WeightEncoding?) {
    guard value != network.output, !network.inputs.contains(value),
      let maker = network.layers.first(where: { $0.output == value })
    else { return nil }
    layer = maker
    self.value = value
    for reader in network.layers where reader.inputs.contains(value) {
      switch reader.op {
      case .linear(let op):
        guard let encoding = encoding(reader), network.uses(of: op.weight) == 1 else { return nil }
        products.append(Product(op: op, encoding: encoding))
      case .depthwise(let op) where op.kernel == 1 && op.multiplier == 1 && op.stride == 1:
        guard network.uses(of: op.weight) == 1 else { return nil }
        diagonals.append(op)
      default: return nil
      }
    }
    if products.isEmpty || !takesScale(maker, in: network) { return nil }
  }

  private mutating func takesScale(_ maker: Layer, in network: Network) -> Bool {
    switch maker.op {
    case .depthwise(let op): return network.uses(of: op.weight) == 1
    case .layerNorm(let op), .rmsNorm(let op):
      guard let weight = op.weight else { return false }
      return network.uses(of: weight) == 1
    case .gate:
      guard let before = network.layers.first(where: { $0.output == maker.inputs[0] }),
        case .linear(let op) = before.op, network.uses(of: op.weight) == 1,
        network.layers.filter({ $0.inputs.contains(before.output) }).count == 1
      else { return false }
      gated = (before, op)
      return true
    default: return false
    }
  }

  /// Divides the value by `scale` and multiplies what reads it.
  func apply(_ scale: [Float], to draft: inout ModelDraft, network: Int) {
    let inverse = scale.map { 1 / $0 }
    switch layer.op {
    case .depthwise(let op):
      draft.scale(op.weight, in: network, rows: inverse)
      draft.scale(op.bias, in: network, rows: inverse)
    case .layerNorm(let op), .rmsNorm(let op):
      draft.scale(op.weight, in: network, rows: inverse)
      draft.scale(op.bias, in: network, rows: inverse)
    default:
      guard let gated else { return }
      let rows = [Float](repeating: 1, count: gated.op.outputs - inverse.count) + inverse
      draft.scale(gated.op.weight, in: network, rows: rows)
      draft.scale(gated.op.bias, in: network, rows: rows)
      draft.name(gated.layer, in: network, scaledBy: rows.map { 1 / $0 })
    }
    for product in products { draft.scale(product.op.weight, in: network, columns: scale) }
    for diagonal in diagonals { draft.scale(diagonal.weight, in: network, rows: scale) }
    draft.name(layer, in: network, scaledBy: scale)
  }
}
