import MartletBytes
import MartletCheckpoints

/// The numbers of one tensor, made when they are asked for.
struct Numbers: Sendable {
  let count: Int
  /// Whether any part costs as much as all.
  private let isWhole: Bool
  /// Whether they are rounded to what BF16 holds; whatever is computed from them then starts from the stored values.
  private let isNarrow: Bool
  private let make: @Sendable (Range<Int>) -> [Float]

  /// Numbers of which any part costs only itself.
  init(count: Int, type: ElementType, make: @escaping @Sendable (Range<Int>) -> [Float]) {
    self.init(count: count, type: type, isWhole: false, make: make)
  }

  private init(
    count: Int, type: ElementType, isWhole: Bool,
    make: @escaping @Sendable (Range<Int>) -> [Float]
  ) {
    self.count = count
    self.isWhole = isWhole
    isNarrow = type == .bfloat16
    self.make = make
  }

  /// Numbers that are computed all at once; for small tensors.
  init(count: Int, type: ElementType, computing compute: @escaping @Sendable () -> [Double]) {
    self.init(count: count, type: type, isWhole: true) { range in
      let values = compute()
      precondition(values.count == count, "an equation gave the wrong number of values")
      return values[range].map { Float($0) }
    }
  }

  func values(_ range: Range<Int>) -> [Float] {
    let values = make(range)
    if !isNarrow { return values }
    let bytes = FloatConversion.bfloat16Bytes(values)
    // SAFETY: bytes have no padding.
    return unsafe FloatConversion.floats(fromBFloat16: bytes.span.bytes)
  }

  /// How many to ask for at a time, where that is to be about `size`.
  func piece(_ size: Int) -> Int { isWhole ? count : size }

  /// All of them, for equations.
  var doubles: [Double] { values(0..<count).map { Double($0) } }
}

/// How random numbers are distributed.
enum Law: Equatable, Sendable {
  case normal(mean: Double = 0, deviation: Double)
  case uniform(ClosedRange<Double>)
  /// Even in size, one in eight of them negative, as the slopes of trained batch norms.
  case signed(ClosedRange<Double>)
}

/// Draws the tensors of one checkpoint.
struct Drawing: Sendable {
  let seed: UInt64
  /// The type in which floats are stored.
  let type: ElementType

  /// The numbers of a name. Names are those of the train-time form in Apple's layout, whatever is written.
  func draw(_ name: String, _ count: Int, _ law: Law) -> Numbers {
    let stream = RandomStream(seed: seed, name: name)
    switch law {
    case .normal(let mean, let deviation):
      return Numbers(count: count, type: type) { range in
        stream.normals(range, mean: Float(mean), deviation: Float(deviation))
      }
    case .uniform(let bounds):
      return Numbers(count: count, type: type) { range in
        stream.uniforms(range, low: Float(bounds.lowerBound), high: Float(bounds.upperBound))
      }
    case .signed(let bounds):
      let signs = RandomStream(seed: seed, name: name + " sign")
      return Numbers(count: count, type: type) { range in
        let sizes = stream.uniforms(
          range, low: Float(bounds.lowerBound), high: Float(bounds.upperBound))
        let chances = signs.uniforms(range, low: 0, high: 1)
        return zip(sizes, chances).map { $1 < 0.125 ? -$0 : $0 }
      }
    }
  }

  /// Numbers computed from others.
  func derive(_ count: Int, _ compute: @escaping @Sendable () -> [Double]) -> Numbers {
    Numbers(count: count, type: type, computing: compute)
  }
}
