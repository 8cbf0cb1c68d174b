import MartletModel

/// Keeps 8-bit codes so small that six products with any 8-bit activations sum within 16 bits.
///
/// x86 without VNNI multiplies bytes into 16-bit lanes. Where a lane's six weights have positive ones that sum to at most
/// 128, and negative ones too, its sums are exact and need widening a third as often (`avx2/short_sums.h`). All other
/// processors compute the same from these codes as from any.
struct ShortSums {
  /// What the positive, or the negative, codes of a lane may sum to: 128 · 255 fits 16 bits.
  static let limit: Int32 = 128
  /// Inputs that two lanes share: 0, 1, 4, 5, 8, 9 and the others.
  private static let span = 12

  private let lanes: Int
  private var positive: [Int32]
  private var negative: [Int32]

  init(outputs: Int, inputs: Int) {
    lanes = (inputs + Self.span - 1) / Self.span * 2
    positive = [Int32](repeating: 0, count: outputs * lanes)
    negative = positive
  }

  private static func lane(_ input: Int) -> Int { input / span * 2 + input % 4 / 2 }

  /// What is left for a weight's code, which is taken.
  mutating func take(_ code: Float, output: Int, input: Int) -> Float {
    let place = output * lanes + Self.lane(input)
    if code > 0 {
      let taken = min(Int32(code), Self.limit - positive[place])
      positive[place] += taken
      return Float(taken)
    }
    let taken = min(Int32(-code), Self.limit - negative[place])
    negative[place] += taken
    return -Float(taken)
  }

  /// The scale at which rounding and what the limit takes away cost least together.
  ///
  /// Rounding makes an error of scale² / 12 a weight; what a lane's sums are beyond the limit is taken as one error.
  ///
  /// - Parameter largest: of the row's weights in magnitude, not 0.
  static func scale(_ row: ArraySlice<Float>, largest: Float) -> Float {
    var sums: [Float] = []
    for start in stride(from: row.startIndex, to: row.endIndex, by: span) {
      var found = SIMD4<Float>.zero
      for index in start..<min(row.endIndex, start + span) {
        let lane = (index - start) % 4 / 2
        found[2 * lane] += max(0, row[index])
        found[2 * lane + 1] += max(0, -row[index])
      }
      for part in 0..<4 { sums.append(found[part]) }
    }
    var (best, least) = (largest / 127, Float.infinity)
    var step: Float = 127
    while step > 15 {
      let scale = largest / step
      var error = Float(row.count) / 12
      for sum in sums {
        let excess = max(0, sum / scale - Float(limit))
        error += excess * excess
      }
      if error * scale * scale < least { (best, least) = (scale, error * scale * scale) }
      step *= 0.94
    }
    return best
  }

  /// Brings each lane of a row within the limit, by the codes whose rounding went furthest in that direction.
  static func shorten(_ codes: inout [Int8], of row: ArraySlice<Float>, scale: Float) {
    for start in stride(from: 0, to: codes.count, by: span) {
      for lane in 0..<2 {
        let inputs = (start..<min(codes.count, start + span)).filter { $0 % 4 / 2 == lane }
        for sign: Int32 in [1, -1] {
          var sum = inputs.reduce(Int32(0)) { $0 + max(0, sign * Int32(codes[$1])) }
          while sum > limit {
            var (best, excess) = (inputs[0], -Float.infinity)
            for input in inputs where sign * Int32(codes[input]) > 0 {
              let wanted = row[row.startIndex + input] / scale
              let found = Float(sign) * (Float(codes[input]) - wanted)
              if found > excess { (best, excess) = (input, found) }
            }
            codes[best] -= Int8(sign)
            sum -= 1
          }
        }
      }
    }
  }

  /// The matrices that are worth it: 8-bit weights that meet more than one row at a time.
  static func matrices(of description: ModelDescription, plan: QuantizationPlan) -> Set<String> {
    var names: Set<String> = []
    for network in description.networks {
      let tables = network.embeddingTables
      for layer in network.layers {
        // The head sees the last row only.
        if layer.op == .selectLast { break }
        guard case .linear(let op) = layer.op, !tables.contains(op.weight) else { continue }
        let name = network[op.weight].name
        if plan.weights[name] == .int8Panels { names.insert(name) }
      }
    }
    return names
  }
}
