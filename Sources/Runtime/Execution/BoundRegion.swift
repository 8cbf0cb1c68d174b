import CMartletKernels
import MartletModel

/// A region with its parameters found and checked, so that running it looks nothing up.
@unsafe
struct BoundRegion {
  var region: Region
  var head: BoundHead
  var steps: [BoundStep]
  var squeezeExcite: BoundSqueezeExcite?
  var embedding: WeightPointers?
  /// What the product before attention adds to the keys, `[keyValueHeads · headSize]`.
  var keyBias: UnsafePointer<Float>?
  /// Working memory in the arena, where the region is split by outputs.
  var shared: Scratch.Block?
}

@unsafe
enum BoundHead {
  case none
  case depthwise(Depthwise, weights: UnsafePointer<Float>, bias: UnsafePointer<Float>?)
  case convolution(Convolution, panels: UnsafePointer<Float>, bias: UnsafePointer<Float>?)
  case rolling(BoundRolling)
}

/// Two convolutions in a row, the first one's map never whole.
@unsafe
struct BoundRolling {
  var op: TileRegion.Rolling
  var panels: UnsafePointer<Float>
  var panelsBias: UnsafePointer<Float>?
  var taps: UnsafePointer<Float>
  var tapsBias: UnsafePointer<Float>?
}

@unsafe
enum BoundStep {
  case product(BoundProduct)
  case normalize(scale: AlignedMemory, offset: AlignedMemory, width: Int)
  case layerNorm(width: Int, eps: Float, weight: UnsafePointer<Float>?, bias: UnsafePointer<Float>?)
  case rmsNorm(width: Int, eps: Float, weight: UnsafePointer<Float>?)
  case activate(Activation)
  case gate(width: Int)
  case add(ValueID)
  case addScaled(ValueID, scale: UnsafePointer<Float>, offset: UnsafePointer<Float>?)

  /// Whether the step may write where it reads.
  var isInPlace: Bool {
    switch unsafe self {
    case .activate, .normalize, .add, .addScaled: true
    case .product, .layerNorm, .rmsNorm, .gate: false
    }
  }
}

/// A matrix product with everything its kernel wants except the rows.
@unsafe
struct BoundProduct {
  var inputs: Int
  var outputs: Int
  var weights: WeightPointers
  var activation: ActivationEncoding
  var bias: UnsafePointer<Float>?
  var gelu: Bool
  var residual: ValueID?

  /// Inputs rounded up to what the kernel reads of a quantized row.
  var paddedInputs: Int { unsafe WeightEncoding.wholeGroups(inputs) }
  var panels: Int { unsafe (outputs + WeightEncoding.panel - 1) / WeightEncoding.panel }
}

@unsafe
struct BoundSqueezeExcite {
  var op: SqueezeExcite
  var reduce: UnsafePointer<Float>
  var reduceBias: UnsafePointer<Float>?
  var expand: UnsafePointer<Float>
  var expandBias: UnsafePointer<Float>?
}

extension BoundRegion {
  /// Finds the parameters of a region.
  /// - Throws: `encoding` where one is absent or stored in a way its op has no kernel for.
  init(
    _ region: Region, network: Network, plan: QuantizationPlan, weights: WeightTable
  ) throws(RuntimeError) {
    unsafe self.region = region
    unsafe head = .none
    unsafe steps = []
    unsafe squeezeExcite = nil
    unsafe embedding = nil
    unsafe keyBias = nil
    unsafe shared = nil
    let layer = region.layers[0]
    switch region.kind {
    case .tiles(let tiles):
      unsafe head = try Self.bound(tiles.head, network, layer, weights)
      for step in tiles.steps {
        unsafe steps.append(try Self.bound(step, network, plan, layer, weights))
      }
    case .squeezeExcite(let gate):
      unsafe squeezeExcite = try Self.bound(gate.op, network, layer, weights)
    case .embed(let op, _, _):
      unsafe embedding = try weights.pointers(
        of: network[op.weight], layer: layer,
        allowed: [.int8Panels, .int4Panels, .float32Panels])
    case .attention(let attention):
      unsafe keyBias = try Self.keyBias(attention, network, weights)
    case .selectLast: break
    }
  }

  private static func keyBias(
    _ region: AttentionRegion, _ network: Network, _ weights: WeightTable
  ) throws(RuntimeError) -> UnsafePointer<Float>? {
    guard let layer = network.layers.first(where: { $0.output == region.input }),
      case .linear(let op) = layer.op,
      let bias = try unsafe weights.floats(op.bias, in: network, layer: layer.name)
    else { return nil }
    let layout = region.attention.layout
    return unsafe bias + layout.heads * layout.headSize
  }

  private static func bound(
    _ head: TileRegion.Head, _ network: Network, _ layer: String, _ weights: WeightTable
  ) throws(RuntimeError) -> BoundHead {
    func taps(_ id: ParameterID) throws(RuntimeError) -> UnsafePointer<Float> {
      let found = try unsafe weights.pointers(
        of: network[id], layer: layer, allowed: [.float32Taps])
      return unsafe found.codes.assumingMemoryBound(to: Float.self)
    }
    func patches(_ id: ParameterID) throws(RuntimeError) -> UnsafePointer<Float> {
      let found = try unsafe weights.pointers(
        of: network[id], layer: layer, allowed: [.float32Patches])
      return unsafe found.codes.assumingMemoryBound(to: Float.self)
    }
    switch head {
    case .rows: return unsafe .none
    case .depthwise(let op, _):
      return unsafe .depthwise(
        op, weights: try taps(op.weight),
        bias: try weights.floats(op.bias, in: network, layer: layer))
    case .convolution(let op, _):
      return unsafe .convolution(
        op, panels: try patches(op.weight),
        bias: try weights.floats(op.bias, in: network, layer: layer))
    case .rolling(let op, _):
      return unsafe .rolling(
        BoundRolling(
          op: op, panels: try patches(op.convolution.weight),
          panelsBias: try weights.floats(op.convolution.bias, in: network, layer: layer),
          taps: try taps(op.depthwise.weight),
          tapsBias: try weights.floats(op.depthwise.bias, in: network, layer: layer)))
    }
  }

  private static func bound(
    _ step: TileRegion.Step, _ network: Network, _ plan: QuantizationPlan, _ layer: String,
    _ weights: WeightTable
  ) throws(RuntimeError) -> BoundStep {
    switch step {
    case .linear(let op, let name, let gelu, let residual):
      let activation = plan.activations[name] ?? .float32
      let allowed: [WeightEncoding] =
        activation == .float32 ? [.float32Panels] : [.int8Panels, .int4Panels]
      let pointers = try unsafe weights.pointers(
        of: network[op.weight], layer: name, allowed: allowed)
      return unsafe .product(
        BoundProduct(
          inputs: op.inputs, outputs: op.outputs, weights: pointers, activation: activation,
          bias: try weights.floats(op.bias, in: network, layer: name), gelu: gelu,
          residual: residual))
    case .normalize(let op):
      return unsafe .normalize(
        scale: try AlignedMemory(op.scale), offset: try AlignedMemory(op.offset),
        width: op.scale.count)
    case .layerNorm(let op):
      return unsafe .layerNorm(
        width: op.channels, eps: op.eps,
        weight: try weights.floats(op.weight, in: network, layer: layer),
        bias: try weights.floats(op.bias, in: network, layer: layer))
    case .rmsNorm(let op):
      return unsafe .rmsNorm(
        width: op.channels, eps: op.eps,
        weight: try weights.floats(op.weight, in: network, layer: layer))
    case .activate(let activation): return unsafe .activate(activation)
    case .gate(let width): return unsafe .gate(width: width)
    case .add(let id): return unsafe .add(id)
    case .addScaled(let op, let id):
      let taps = try unsafe weights.pointers(
        of: network[op.weight], layer: layer, allowed: [.float32Taps])
      return unsafe .addScaled(
        id, scale: taps.codes.assumingMemoryBound(to: Float.self),
        offset: try weights.floats(op.bias, in: network, layer: layer))
    }
  }

  private static func bound(
    _ op: SqueezeExcite, _ network: Network, _ layer: String, _ weights: WeightTable
  ) throws(RuntimeError) -> BoundSqueezeExcite {
    let reduce = try unsafe weights.pointers(
      of: network[op.reduceWeight], layer: layer, allowed: [.float32Panels])
    let expand = try unsafe weights.pointers(
      of: network[op.expandWeight], layer: layer, allowed: [.float32Panels])
    return unsafe BoundSqueezeExcite(
      op: op, reduce: reduce.codes.assumingMemoryBound(to: Float.self),
      reduceBias: try weights.floats(op.reduceBias, in: network, layer: layer),
      expand: expand.codes.assumingMemoryBound(to: Float.self),
      expandBias: try weights.floats(op.expandBias, in: network, layer: layer))
  }
}

extension AlignedMemory {
  /// A copy of a vector.
  convenience init(_ values: [Float]) throws(RuntimeError) {
    try self.init(byteCount: 4 * values.count)
    for (index, value) in values.enumerated() {
      // SAFETY: the block holds `values.count` floats.
      unsafe floats(at: 0)[index] = value
    }
  }
}
