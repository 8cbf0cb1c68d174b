import MartletModel

/// A decoder recognized in a network: embed; layers of norm, qkv, rotation, attention, output, sum, norm, gate and up,
/// gate, down, sum; last row, norm, head.
struct DecoderOutline {
  struct Norm {
    /// `nil`: all ones.
    var weight: ParameterID?
  }

  struct Block {
    var attentionNorm: Norm
    var qkv: Linear
    var output: Linear
    var feedForwardNorm: Norm
    var gateUp: Linear
    var down: Linear
  }

  private(set) var blocks: [Block] = []
  let embedding: Embedding
  let norm: Norm
  let head: Linear
  let layout: HeadLayout
  let theta: Float
  let eps: Float
  let innerSize: Int

  /// - Throws: `form` at the first layer that stands where another should.
  init(_ network: Network) throws(ExportError) {
    var walk = Walk(network)
    guard case .embed(let embedding) = try walk.next("an embedding").op else {
      throw walk.fault("an embedding")
    }
    self.embedding = embedding
    var eps: [Float] = []
    var rotations: [Rotation] = []
    var inner: [Int] = []
    while !walk.isAtSelection {
      let attentionNorm = try walk.norm(&eps)
      let qkv = try walk.linear()
      guard case .rotate(let rotation) = try walk.next("a rotation").op else {
        throw walk.fault("a rotation")
      }
      guard case .attention(let attention) = try walk.next("causal attention").op,
        attention.mask == .causal, attention.layout == rotation.layout,
        abs(attention.scale * Float(rotation.layout.headSize).squareRoot() - 1) < 1e-6
      else { throw walk.fault("causal attention scaled by 1 / √\(rotation.layout.headSize)") }
      let output = try walk.linear(hasBias: false)
      try walk.sum()
      let feedForwardNorm = try walk.norm(&eps)
      let gateUp = try walk.linear(hasBias: false)
      guard case .gate(let width) = try walk.next("a gate").op else { throw walk.fault("a gate") }
      let down = try walk.linear(hasBias: false)
      try walk.sum()
      rotations.append(rotation)
      inner.append(width)
      blocks.append(
        Block(
          attentionNorm: attentionNorm, qkv: qkv, output: output,
          feedForwardNorm: feedForwardNorm, gateUp: gateUp, down: down))
    }
    _ = try walk.next("the last row")
    norm = try walk.norm(&eps)
    head = try walk.linear(hasBias: false)
    guard let rotation = rotations.first, let width = inner.first,
      rotations.allSatisfy({ $0 == rotation }), inner.allSatisfy({ $0 == width }),
      eps.allSatisfy({ $0 == eps[0] })
    else { throw walk.fault("layers that are all alike") }
    (layout, theta, self.eps, innerSize) = (rotation.layout, rotation.theta, eps[0], width)
  }

  /// Layers taken one after the other.
  private struct Walk {
    private let network: Network
    private var index = 0

    init(_ network: Network) { self.network = network }

    var isAtSelection: Bool {
      index >= network.layers.count || network.layers[index].op == .selectLast
    }

    mutating func next(_ expected: String) throws(ExportError) -> Layer {
      guard index < network.layers.count else {
        throw .form(layer: "\(network.role.name), its end", expected: expected, found: "nothing")
      }
      index += 1
      return network.layers[index - 1]
    }

    /// What the layer taken last throws.
    func fault(_ expected: String) -> ExportError {
      let layer = network.layers[max(0, index - 1)]
      return .form(layer: layer.name, expected: expected, found: "another op")
    }

    mutating func norm(_ eps: inout [Float]) throws(ExportError) -> Norm {
      guard case .rmsNorm(let op) = try next("an RMS norm").op, op.bias == nil else {
        throw fault("an RMS norm")
      }
      eps.append(op.eps)
      return Norm(weight: op.weight)
    }

    mutating func linear(hasBias: Bool = true) throws(ExportError) -> Linear {
      guard case .linear(let op) = try next("a product").op, hasBias || op.bias == nil else {
        throw fault(hasBias ? "a product" : "a product without bias")
      }
      return op
    }

    mutating func sum() throws(ExportError) {
      guard case .add = try next("a sum").op else { throw fault("a sum") }
    }
  }
}
