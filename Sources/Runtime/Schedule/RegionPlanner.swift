import MartletModel

/// Cuts a network into regions: start at a layer, extend while the next one treats rows on their own, is the
/// only reader of the running value, and takes its other input from outside.
struct RegionPlanner {
  private let network: Network
  private let fuse: Bool
  private var readers: [Int]

  /// - Parameter fuse: `false` keeps every layer in a region of its own, so that every value can be tapped.
  init(network: Network, fuse: Bool) {
    self.network = network
    self.fuse = fuse
    readers = [Int](repeating: 0, count: network.values.count)
    for layer in network.layers {
      for id in layer.inputs { readers[id.index] += 1 }
    }
    readers[network.output.index] += 1
  }

  func regions() throws(RuntimeError) -> [Region] {
    var regions: [Region] = []
    var next = 0
    while next < network.layers.count {
      let (region, end) = try region(from: next)
      regions.append(region)
      next = end
    }
    return regions
  }

  private func region(from start: Int) throws(RuntimeError) -> (Region, Int) {
    let layer = network.layers[start]
    switch layer.op {
    case .embed(let op):
      let rows = layer.inputs.count > 1 ? layer.inputs[1] : nil
      return single(.embed(op, ids: layer.inputs[0], rows: rows), layer, start)
    case .selectLast: return single(.selectLast(layer.inputs[0]), layer, start)
    case .attention(let op):
      return single(
        .attention(AttentionRegion(attention: op, rotation: nil, input: layer.inputs[0])), layer,
        start)
    case .rotate(let op): return try rotatedAttention(op, layer, start)
    case .squeezeExcite(let op): return squeezeExcite(op, layer, start)
    case .convolution(let op):
      return tiles(.convolution(op, layer.inputs[0]), [], start)
    case .depthwise(let op):
      return tiles(.depthwise(op, layer.inputs[0]), [], start)
    case .activate, .linear, .normalize, .layerNorm, .rmsNorm, .gate, .add:
      let input = layer.inputs[0]
      guard let steps = steps(of: layer, running: input) else {
        throw .unschedulable(layer: layer.name, op: layer.op.name)
      }
      return tiles(.rows(input), steps, start)
    case .batchNorm, .branches, .layerScale, .subtract:
      throw .unschedulable(layer: layer.name, op: layer.op.name)
    }
  }

  private func single(_ kind: Region.Kind, _ layer: Layer, _ start: Int) -> (Region, Int) {
    (Region(kind: kind, layers: [layer.name], output: layer.output), start + 1)
  }

  private func rotatedAttention(
    _ rotation: Rotation, _ layer: Layer, _ start: Int
  ) throws(RuntimeError) -> (Region, Int) {
    guard let next = follower(of: start), case .attention(let op) = next.op,
      op.layout == rotation.layout
    else { throw .unschedulable(layer: layer.name, op: layer.op.name) }
    let region = AttentionRegion(attention: op, rotation: rotation, input: layer.inputs[0])
    return (
      Region(kind: .attention(region), layers: [layer.name, next.name], output: next.output),
      start + 2
    )
  }

  private func squeezeExcite(
    _ op: SqueezeExcite, _ layer: Layer, _ start: Int
  ) -> (Region, Int) {
    var region = SqueezeExciteRegion(op: op, input: layer.inputs[0], gelu: false)
    if fuse, let next = follower(of: start), next.op == .activate(.gelu) {
      region.gelu = true
      return (
        Region(
          kind: .squeezeExcite(region), layers: [layer.name, next.name], output: next.output),
        start + 2
      )
    }
    return single(.squeezeExcite(region), layer, start)
  }

  private func tiles(
    _ head: TileRegion.Head, _ first: [TileRegion.Step], _ start: Int
  ) -> (Region, Int) {
    var region = TileRegion(head: head, steps: first, split: .outputs)
    var layers = [network.layers[start].name]
    var end = start + 1
    while fuse {
      if let (op, input) = scaledTerm(behind: start..<end) {
        region.steps.append(.addScaled(op, input))
        layers += [network.layers[end].name, network.layers[end + 1].name]
        end += 2
        continue
      }
      guard let next = follower(of: end - 1) else { break }
      if case .depthwise(let op) = next.op, region.steps.isEmpty,
        case .convolution(let first, let input) = region.head
      {
        region.head = .rolling(
          TileRegion.Rolling(
            convolution: first, gelu: region.headGelu, map: network.layers[end - 1].output,
            depthwise: op), input)
        region.headGelu = false
        layers.append(next.name)
        end += 1
        continue
      }
      guard let more = steps(of: next, running: network.layers[end - 1].output) else { break }
      for step in more { Self.append(step, to: &region) }
      layers.append(next.name)
      end += 1
    }
    return (
      Region(kind: .tiles(region), layers: layers, output: network.layers[end - 1].output), end
    )
  }

  /// What is added, scaled by channel, to the last of `layers`, where the next two layers do that and nobody else reads
  /// their terms: how a product's diagonal is put back.
  private func scaledTerm(behind layers: Range<Int>) -> (Depthwise, ValueID)? {
    guard layers.upperBound + 1 < network.layers.count else { return nil }
    let running = network.layers[layers.upperBound - 1].output
    let (scaled, sum) = (network.layers[layers.upperBound], network.layers[layers.upperBound + 1])
    guard case .depthwise(let op) = scaled.op, op.kernel == 1, op.stride == 1, op.multiplier == 1,
      case .add = sum.op, sum.inputs == [scaled.output, running], readers[running.index] == 1,
      readers[scaled.output.index] == 1,
      !network.layers[layers].contains(where: { $0.output == scaled.inputs[0] })
    else { return nil }
    return (op, scaled.inputs[0])
  }

  /// The next layer, if it is the only reader of this layer's output.
  private func follower(of index: Int) -> Layer? {
    let output = network.layers[index].output
    guard index + 1 < network.layers.count, readers[output.index] == 1,
      network.layers[index + 1].inputs.contains(output)
    else { return nil }
    return network.layers[index + 1]
  }

  /// The layer as steps on the running value; `nil` if it cannot be one.
  private func steps(of layer: Layer, running: ValueID) -> [TileRegion.Step]? {
    switch layer.op {
    case .linear(let op): return [.linear(op, layer: layer.name, gelu: false, residual: nil)]
    case .normalize(let op): return [.normalize(op)]
    case .layerNorm(let op): return [.layerNorm(op)]
    case .rmsNorm(let op): return [.rmsNorm(op)]
    case .activate(let op): return [.activate(op)]
    case .gate(let width): return [.gate(width: width)]
    case .add:
      // Sums are defined left to right; two terms commute, more must start with the running value.
      if layer.inputs.count > 2, layer.inputs[0] != running { return nil }
      var others = layer.inputs
      guard let own = others.firstIndex(of: running) else { return nil }
      others.remove(at: own)
      return others.map { .add($0) }
    case .convolution, .depthwise, .squeezeExcite, .rotate, .attention, .embed, .selectLast,
      .batchNorm, .branches, .layerScale, .subtract:
      return nil
    }
  }

  /// Adds a step, or lets the kernel before it absorb it.
  private static func append(_ step: TileRegion.Step, to region: inout TileRegion) {
    switch (region.steps.last, step) {
    case (.linear(let op, let layer, false, nil), .activate(.gelu)):
      region.steps[region.steps.count - 1] =
        .linear(op, layer: layer, gelu: true, residual: nil)
    case (.linear(let op, let layer, let gelu, nil), .add(let id)):
      region.steps[region.steps.count - 1] =
        .linear(op, layer: layer, gelu: gelu, residual: id)
    case (nil, .activate(.gelu)):
      region.headGelu = true
    default: region.steps.append(step)
    }
  }
}
