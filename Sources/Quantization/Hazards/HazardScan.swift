import MartletCalibration
import MartletModel

/// Looks through a model for what breaks rounding, before anything is rounded.
///
/// In:      the model as stored, for its variances; the folded one, for its weights; a calibration table where there is one, for
///          its values.
/// Out:     hazards in the order of the networks.
/// Holds one parameter at a time; reads every number once in each form.
package enum HazardScan {
  /// - Parameter progress: called with the parameters done and their number.
  /// - Throws: `parameterUnavailable` where numbers cannot be read.
  package static func hazards(
    of source: SourceModel, folded: FoldedModel, table: CalibrationTable? = nil,
    progress: (Int, Int) -> Void = { _, _ in }
  ) throws(ModelError) -> [Hazard] {
    var hazards = try variances(of: source)
    let total = folded.description.networks.reduce(0) { $0 + $1.parameters.count }
    var done = 0
    for network in folded.description.networks {
      let forms = Dictionary(
        network.layers.compactMap { layer in network.matrix(of: layer) }.map { ($0.name, $0) },
        uniquingKeysWith: { first, _ in first })
      for parameter in network.parameters {
        let values = try folded.parameters.values(of: parameter.name)
        hazards += Self.hazards(of: parameter, values, matrix: forms[parameter.name])
        done += 1
        progress(done, total)
      }
      hazards += try keyBiases(of: network, folded.parameters)
      if let table { hazards += values(of: network, table) }
    }
    return hazards
  }

  // MARK: Weights

  private static func hazards(
    of parameter: Parameter, _ values: [Float], matrix: WeightMatrix?
  ) -> [Hazard] {
    var hazards: [Hazard] = []
    func add(_ kind: Hazard.Kind) { hazards.append(Hazard(place: parameter.name, kind: kind)) }
    var (bad, first, beyond, largest) = (0, 0, 0, Float(0))
    for (index, value) in values.enumerated() {
      if !value.isFinite {
        if bad == 0 { first = index }
        bad += 1
      } else if abs(value) > HazardLimit.half {
        beyond += 1
        largest = max(largest, abs(value))
      }
    }
    if bad > 0 {
      add(.notFinite(count: bad, index: first))
      return hazards
    }
    if beyond > 0 { add(.halfOverflow(count: beyond, largest: largest)) }
    guard let matrix, matrix.inputs > 1 else { return hazards }
    let rows = matrix.rows(values)
    let constant = rows.filter { $0.largest == 0 }.count
    if constant > 0 { add(.constantOutputs(count: constant, of: rows.count)) }
    let sizes = rows.map(\.largest).filter { $0 > 0 }
    if let most = sizes.max(), let least = sizes.min(), most / least > HazardLimit.spread {
      add(.spread(ratio: most / least))
    }
    if matrix.isProduct,
      let peak = rows.indices.max(by: { rows[$0].peak < rows[$1].peak }),
      rows[peak].peak > HazardLimit.peak
    {
      add(
        .peak(
          ratio: rows[peak].peak, output: peak,
          isDiagonal: rows.count == matrix.inputs && rows[peak].place == peak))
    }
    return hazards
  }

  // MARK: Variances

  private static func variances(of source: SourceModel) throws(ModelError) -> [Hazard] {
    var hazards: [Hazard] = []
    for network in source.description.networks {
      for layer in network.layers {
        var norms: [BatchNorm] = []
        switch layer.op {
        case .batchNorm(let op): norms = [op]
        case .branches(let op): norms = op.branches.map(\.norm)
        default: continue
        }
        for norm in norms {
          let variances = try source.parameters.values(of: network[norm.variance].name)
          let gammas = try source.parameters.values(of: network[norm.gamma].name)
          hazards += Self.hazards(
            of: norm, variances, gammas, place: network[norm.variance].name)
        }
      }
    }
    return hazards
  }

  private static func hazards(
    of norm: BatchNorm, _ variances: [Float], _ gammas: [Float], place: String
  ) -> [Hazard] {
    let negative = variances.filter { $0 + norm.eps <= 0 }
    if let lowest = negative.min() {
      return [
        Hazard(
          place: place, kind: .negativeVariance(channels: negative.count, lowest: lowest))
      ]
    }
    var (count, lowest, gain) = (0, Float.infinity, Float(0))
    for (variance, gamma) in zip(variances, gammas) {
      let factor = abs(gamma) / (variance + norm.eps).squareRoot()
      guard factor > HazardLimit.gain else { continue }
      count += 1
      lowest = min(lowest, variance)
      gain = max(gain, factor)
    }
    if count == 0 { return [] }
    return [
      Hazard(place: place, kind: .tinyVariance(channels: count, lowest: lowest, gain: gain))
    ]
  }

  // MARK: Key biases

  /// Layers of a language model whose key biases stand out of the others'.
  private static func keyBiases(
    of network: Network, _ parameters: any FloatParameters
  ) throws(ModelError) -> [Hazard] {
    var found: [(place: String, largest: Float)] = []
    for (index, layer) in network.layers.enumerated() {
      guard case .linear(let op) = layer.op, let bias = op.bias,
        let heads = network.heads(after: index), heads.packedWidth == op.outputs
      else { continue }
      let values = try parameters.values(of: network[bias].name)
      let keys = values[
        heads.outputWidth..<heads.outputWidth + heads.keyValueHeads * heads.headSize]
      found.append((network[bias].name, keys.reduce(0) { max($0, abs($1)) }))
    }
    let sorted = found.map(\.largest).sorted()
    guard sorted.count > 2, sorted[sorted.count / 2] > 0 else { return [] }
    let typical = sorted[sorted.count / 2]
    return found.filter { $0.largest > HazardLimit.keyBias * typical }.map {
      Hazard(place: $0.place, kind: .keyBias(largest: $0.largest, typical: typical))
    }
  }

  // MARK: Values

  private static func values(of network: Network, _ table: CalibrationTable) -> [Hazard] {
    var hazards: [Hazard] = []
    for value in network.values where value.shape != .ids {
      func add(_ kind: Hazard.Kind) { hazards.append(Hazard(place: value.name, kind: kind)) }
      if case .range(let low, let high)? = table.entries[
        .init(value: value.name, statistic: .range)],
        max(abs(low), abs(high)) > HazardLimit.half
      {
        add(.activationOverflow(largest: max(abs(low), abs(high))))
      }
      guard let sample = table.rows(of: value.name) else { continue }
      var maxima = [Float](repeating: 0, count: sample.channels)
      for row in 0..<sample.rows {
        for (channel, number) in sample.floats(row..<row + 1).enumerated() {
          maxima[channel] = max(maxima[channel], abs(number))
        }
      }
      let silent = maxima.filter { $0 == 0 }.count
      if silent > 0 { add(.silentChannels(count: silent, of: maxima.count)) }
      let sorted = maxima.sorted()
      let typical = sorted[sorted.count / 2]
      if let most = sorted.last, typical > 0, most / typical > HazardLimit.spread {
        add(.channelSpread(ratio: most / typical))
      }
    }
    return hazards
  }
}

/// How a parameter is a matrix.
struct WeightMatrix {
  struct Row {
    var largest: Float
    /// Largest over root mean square.
    var peak: Float
    /// Where the largest stands.
    var place: Int
  }

  var name: String
  var outputs: Int
  var inputs: Int
  /// Whether it becomes codes.
  var isProduct: Bool

  func rows(_ values: [Float]) -> [Row] {
    (0..<outputs).map { output in
      var (largest, place, squares) = (Float(0), 0, 0.0)
      for input in 0..<inputs {
        let value = abs(values[output * inputs + input])
        squares += Double(value) * Double(value)
        if value > largest { (largest, place) = (value, input) }
      }
      let mean = Float((squares / Double(inputs)).squareRoot())
      return Row(largest: largest, peak: mean > 0 ? largest / mean : 0, place: place)
    }
  }
}

extension Network {
  fileprivate func matrix(of layer: Layer) -> WeightMatrix? {
    switch layer.op {
    case .linear(let op):
      WeightMatrix(
        name: self[op.weight].name, outputs: op.outputs, inputs: op.inputs, isProduct: true)
    case .convolution(let op):
      WeightMatrix(
        name: self[op.weight].name, outputs: op.outputChannels,
        inputs: op.inputChannels * op.kernel * op.kernel, isProduct: false)
    case .depthwise(let op):
      WeightMatrix(
        name: self[op.weight].name, outputs: op.outputChannels, inputs: op.kernel * op.kernel,
        isProduct: false)
    default: nil
    }
  }

  /// The heads of a causal attention that reads a layer's output, rotated or not.
  fileprivate func heads(after index: Int) -> HeadLayout? {
    for layer in layers[index...].dropFirst().prefix(2) {
      if case .attention(let op) = layer.op, op.mask == .causal { return op.layout }
    }
    return nil
  }
}
