import MartletModel

/// What a region computes and moves: a pure function of the network, its precisions and its size.
package struct RegionWork: Equatable, Sendable {
  /// Multiply-adds of 8-bit activations with 8-bit weights.
  package var int8 = 0
  /// Multiply-adds of 8-bit activations with 4-bit weights.
  package var int4 = 0
  /// Multiply-adds in float: convolutions, attention, products held in float.
  package var float32 = 0
  /// Parameters read, as they are stored.
  package var weightBytes = 0
  /// Values read from outside the region and written to its output, once each: what has to move even if
  /// everything inside a region stays in the caches.
  package var valueBytes = 0

  package init() {}

  package var multiplyAdds: Int { int8 + int4 + float32 }
  package var bytes: Int { weightBytes + valueBytes }

  package static func + (a: RegionWork, b: RegionWork) -> RegionWork {
    var sum = a
    sum.int8 += b.int8
    sum.int4 += b.int4
    sum.float32 += b.float32
    sum.weightBytes += b.weightBytes
    sum.valueBytes += b.valueBytes
    return sum
  }
}

extension Schedule {
  /// The work of every region, in order. A convolution counts its padding like pixels; norms, activations and
  /// sums count no multiply-adds.
  package func work(of network: Network, plan: QuantizationPlan) -> [RegionWork] {
    regions.map { region in
      var work = RegionWork()
      let rows = extents.rows[region.output.index]
      switch region.kind {
      case .tiles(let tiles):
        work.add(tiles, rows: rows, extents: extents, network: network, plan: plan)
      case .attention(let attention):
        let layout = attention.attention.layout
        // Scores and weighted values, each rows × rows × head size a head.
        work.float32 = 2 * layout.heads * layout.headSize * rows * rows
      case .squeezeExcite(let gate):
        work.float32 = 2 * gate.op.channels * gate.op.reducedChannels
        work.addWeights(
          [
            gate.op.reduceWeight, gate.op.expandWeight, gate.op.reduceBias, gate.op.expandBias,
          ], network, plan)
      case .embed, .selectLast: break
      }
      for id in region.inputs + [region.output] {
        work.valueBytes += 4 * extents.rows[id.index] * network[id].shape.channels
      }
      return work
    }
  }
}

extension RegionWork {
  fileprivate mutating func add(
    _ region: TileRegion, rows: Int, extents: ValueExtents, network: Network,
    plan: QuantizationPlan
  ) {
    func count(_ op: Depthwise) {
      float32 += rows * op.outputChannels * op.kernel * op.kernel
      addWeights([op.weight, op.bias], network, plan)
    }
    func count(_ op: Convolution, rows: Int) {
      float32 += rows * op.outputChannels * op.inputChannels * op.kernel * op.kernel
      addWeights([op.weight, op.bias], network, plan)
    }
    switch region.head {
    case .rows: break
    case .depthwise(let op, _): count(op)
    case .convolution(let op, _): count(op, rows: rows)
    case .rolling(let op, _):
      // Rows made twice at the edges of strips are not counted: they are a price, not work.
      count(op.convolution, rows: extents.rows[op.map.index])
      count(op.depthwise)
    }
    for step in region.steps {
      switch step {
      case .linear(let op, let layer, _, _):
        let count = rows * op.inputs * op.outputs
        let isFloat = (plan.activations[layer] ?? .float32) == .float32
        let isInt4 = plan.weights[network[op.weight].name] == .int4Panels
        if isFloat { float32 += count } else if isInt4 { int4 += count } else { int8 += count }
        addWeights([op.weight, op.bias], network, plan)
      case .layerNorm(let op), .rmsNorm(let op):
        addWeights([op.weight, op.bias], network, plan)
      case .addScaled(let op, _): count(op)
      case .normalize, .activate, .gate, .add: break
      }
    }
  }

  fileprivate mutating func addWeights(
    _ ids: [ParameterID?], _ network: Network, _ plan: QuantizationPlan
  ) {
    for id in ids {
      guard let id else { continue }
      let parameter = network[id]
      let encoding = plan.weights[parameter.name] ?? .float32
      for component in encoding.components(shape: parameter.shape) ?? [] {
        weightBytes += component.byteCount
      }
    }
  }
}
