import MartletModel
import MartletTestSupport

/// A matrix of drawn codes in panels, with scales that are powers of two and the offsets that follow.
struct DrawnMatrix {
  private(set) var codes: [UInt8] = []
  private(set) var scales: [UInt8] = []
  private(set) var offsets: [UInt8] = []

  /// - Parameter isNarrow: 4 bits a code instead of 8.
  init(_ outputs: Int, _ inputs: Int, isNarrow: Bool, _ generator: inout SeededGenerator) {
    let panels = (outputs + WeightEncoding.panel - 1) / WeightEncoding.panel
    if isNarrow {
      drawNarrow(panels, (inputs + WeightEncoding.group - 1) / WeightEncoding.group, &generator)
    } else {
      drawWide(panels, inputs, &generator)
    }
  }

  /// `[panel][inputs / 4][16][4]`, an input beyond the last being 0.
  private mutating func drawWide(_ panels: Int, _ inputs: Int, _ generator: inout SeededGenerator) {
    let blocks = (inputs + 3) / 4
    for _ in 0..<panels {
      var sums = [Int32](repeating: 0, count: 16)
      for block in 0..<blocks {
        for output in 0..<16 {
          for input in 0..<4 {
            let code = 4 * block + input < inputs ? generator.int(in: -127...127) : 0
            sums[output] += Int32(code)
            codes.append(UInt8(bitPattern: Int8(code)))
          }
        }
      }
      for sum in sums {
        append(1 / 1024, to: &scales)
        for shift in 0..<4 { offsets.append(UInt8(truncatingIfNeeded: sum >> (8 * Int32(shift)))) }
      }
    }
  }

  /// `[panel][group][4][16][4]` bytes of two codes, f16 scales of 2⁻⁶ and 2⁻⁷, all sums exact.
  private mutating func drawNarrow(
    _ panels: Int, _ groups: Int, _ generator: inout SeededGenerator
  ) {
    for _ in 0..<panels {
      var sums = [Float](repeating: 0, count: 16)
      for _ in 0..<groups {
        var group = [Int](repeating: 0, count: 16)
        for index in 0..<256 {
          let byte = UInt8(truncatingIfNeeded: generator.next())
          codes.append(byte)
          group[index / 4 % 16] += Int(byte & 15) - 8 + Int(byte >> 4) - 8
        }
        for output in 0..<16 {
          let isLarge = generator.next() & 1 == 0
          // f16: exponents 9 and 8, fraction 0.
          let half: UInt16 = (isLarge ? 9 : 8) << 10
          scales.append(UInt8(half & 255))
          scales.append(UInt8(half >> 8))
          sums[output] += Float(group[output]) * (isLarge ? 1 / 64 : 1 / 128)
        }
      }
      for sum in sums { append(sum, to: &offsets) }
    }
  }
}
